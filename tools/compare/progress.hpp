// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace bellpull::tools::compare {

/// How far it is, and how long it will still take: a line every now and then.
class Progress {
 public:
  /// Times are of this clock, which is handed in.
  using Time = std::chrono::steady_clock::time_point;

  /// `begin`: when the first of the measurements starts. The first line comes `every` later.
  Progress(std::chrono::milliseconds every, std::size_t planned, Time begin);

  /// The line when so many are done; empty if one was due a shorter time ago.
  [[nodiscard]] std::string at(std::size_t done, Time now);

 private:
  const std::chrono::milliseconds every_;
  const std::size_t planned_;
  const Time begin_;
  Time said_;
};

}  // namespace bellpull::tools::compare
