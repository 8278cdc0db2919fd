// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sched.h>

#include <cstddef>
#include <vector>

namespace bellpull::tools::compare {

/// The cores that this thread may use, by number.
[[nodiscard]] std::vector<unsigned> allowed_cores();

/// Keeps the calling thread, and those that it starts meanwhile, on one core; gives it its old
/// cores back when destroyed.
class OnCore {
 public:
  /// Throws std::system_error.
  explicit OnCore(unsigned core);
  OnCore(const OnCore&) = delete;
  OnCore& operator=(const OnCore&) = delete;
  ~OnCore();

 private:
  cpu_set_t before_;
};

}  // namespace bellpull::tools::compare
