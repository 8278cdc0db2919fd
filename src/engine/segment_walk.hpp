// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine {

/// A place in a list of segments, which moves on through it.
class SegmentWalk {
 public:
  /// At the first byte of `list`, which stays where it is.
  void start(std::span<const Segment> list) noexcept {
    rest_ = list;
    offset_ = 0;
  }

  /// Bytes from here that lie together; 0 at the end of the list. Steps over empty segments.
  [[nodiscard]] std::size_t run() noexcept {
    while (!rest_.empty() && offset_ == rest_.front().length) start(rest_.subspan(1));
    return rest_.empty() ? 0 : rest_.front().length - offset_;
  }

  /// Where that is. Only when run() is not 0.
  [[nodiscard]] std::byte* data() const noexcept { return rest_.front().data + offset_; }

  /// Moves on by at most run() bytes.
  void advance(std::size_t bytes) noexcept { offset_ += bytes; }

 private:
  std::span<const Segment> rest_;
  std::size_t offset_ = 0;
};

/// Bytes from both places, as far as the operation has them, that lie together; 0 at the end.
[[nodiscard]] inline std::size_t common_run(Operation operation, SegmentWalk& source,
                                            SegmentWalk& destination) noexcept {
  if (!reads_source(operation)) return destination.run();
  return has_destination(operation) ? std::min(source.run(), destination.run()) : source.run();
}

}  // namespace bellpull::engine
