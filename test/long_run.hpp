// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdlib>
#include <string_view>

namespace bellpull::engine::test {

/// Whether the environment says BELLPULL_LONG=1: tests then go as many rounds as they promise for a
/// long run.
[[nodiscard]] inline bool long_run() {
  const char* const wish = std::getenv("BELLPULL_LONG");
  return wish != nullptr && std::string_view(wish) == "1";
}

}  // namespace bellpull::engine::test
