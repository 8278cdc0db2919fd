# SPDX-License-Identifier: BSD-2-Clause
# Most files take five times longer to read than to compile.
set(bellpull_precompiled <algorithm> <array> <atomic> <chrono> <functional> <memory> <optional>
  <random> <span> <sstream> <string> <thread> <variant> <vector>)

# bellpull_precompile(<target>...): they read the standard library once for all. Whether each file
# includes what it uses is asked by the long run.
function(bellpull_precompile)
  if(NOT DEFINED ENV{BELLPULL_LONG})
    foreach(target IN LISTS ARGN)
      target_precompile_headers(${target} PRIVATE ${bellpull_precompiled})
    endforeach()
  endif()
endfunction()
