# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets. With clang: libFuzzer programs that start from the corpus of the tree and go on for
# a while. With any other compiler: programs that replay the corpus.
set(BELLPULL_FUZZ_SECONDS 15 CACHE STRING "how long each fuzz target runs as a test")

set(BELLPULL_FUZZES OFF)
# As tests they run for seconds, which is less than the optimiser would take.
set(fuzz_optimised -O2)
if(BELLPULL_SANITIZE AND NOT DEFINED ENV{BELLPULL_LONG})
  set(fuzz_optimised -O1)
endif()
set(BELLPULL_FUZZ_FLAGS ${fuzz_optimised} -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND NOT BELLPULL_SANITIZE MATCHES thread)
  set(BELLPULL_FUZZES ON)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS -fsanitize=fuzzer)
  check_cxx_source_compiles(
    "extern \"C\" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }"
    BELLPULL_HAS_LIBFUZZER)
  unset(CMAKE_REQUIRED_FLAGS)
endif()

# bellpull_fuzz(<target> SOURCES <file>... LIBS <target>...), in test/<component>/fuzz, where its
# corpus is corpus/<target>. SOURCES or LIBS include the files of the library under test, since the
# library's own are not instrumented.
function(bellpull_fuzz target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  set(fuzz ${PROJECT_SOURCE_DIR}/test/ring/fuzz)
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR PARENT_PATH folder)
  cmake_path(GET folder FILENAME component)
  if(BELLPULL_FUZZES)
    add_test(NAME ${component}.fuzz_${target} COMMAND ${fuzz}/run_fuzz
      --build ${PROJECT_BINARY_DIR} --seed 1 ${target} ${BELLPULL_FUZZ_SECONDS})
    # The run ends by its own clock; this is for a program that hangs.
    set_tests_properties(${component}.fuzz_${target} PROPERTIES
      LABELS ${component} SKIP_RETURN_CODE 77 TIMEOUT 900)
    if(BELLPULL_HAS_LIBFUZZER)
      add_executable(fuzz_${target} ${arg_SOURCES})
      target_compile_options(fuzz_${target} PRIVATE ${BELLPULL_FUZZ_FLAGS})
      target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer,address,undefined)
      target_include_directories(fuzz_${target} PRIVATE ${PROJECT_SOURCE_DIR}/test)
      target_link_libraries(fuzz_${target} PRIVATE ${arg_LIBS})
    endif()
  else()
    add_executable(fuzz_replay_${target} ${arg_SOURCES} ${fuzz}/replay.cpp)
    target_include_directories(fuzz_replay_${target} PRIVATE ${PROJECT_SOURCE_DIR}/test)
    target_link_libraries(fuzz_replay_${target} PRIVATE ${arg_LIBS})
    add_test(NAME ${component}.fuzz_replay_${target} COMMAND fuzz_replay_${target}
      ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${target})
    set_tests_properties(${component}.fuzz_replay_${target} PROPERTIES
      LABELS ${component} TIMEOUT 900)
  endif()
endfunction()
