// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>

namespace bellpull::engine {

/// How many reads to offer at once. One that finds nothing costs most of one that does, so what the
/// device gave last time before it had no more is taken for what it will give this time, and one
/// more, which finds that there is no other in the same call; beyond that, twice as many as before.
class ReadBurst {
 public:
  explicit ReadBurst(unsigned most) noexcept : most_(most) {}

  /// At least 1.
  [[nodiscard]] unsigned offer() const noexcept {
    return std::min(given_ < expected_ ? expected_ - given_ + 1 : step_, most_);
  }

  /// So many were filled, all that were offered.
  void filled(unsigned count) noexcept {
    given_ += count;
    if (given_ >= expected_) step_ = std::min(2 * step_, most_);
  }

  /// So many were filled and then there was nothing.
  void dry(unsigned count) noexcept {
    expected_ = given_ + count;
    given_ = 0;
    step_ = 1;
  }

 private:
  const unsigned most_;
  unsigned expected_ = 0;  // in all, since there was nothing
  unsigned given_ = 0;     // of these
  unsigned step_ = 1;      // when there are more than expected
};

}  // namespace bellpull::engine
