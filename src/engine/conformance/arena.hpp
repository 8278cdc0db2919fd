// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine::conformance {

using Random = std::mt19937_64;

/// From 0 to `end` - 1.
[[nodiscard]] inline std::size_t below(Random& random, std::size_t end) {
  return static_cast<std::size_t>(random() % end);
}

/// Client memory, with an image of how it has to look: what is written where nothing should be
/// shows wherever that is, between segments and in sources too.
class Arena {
 public:
  /// Throws std::system_error.
  Arena(std::size_t bytes, Random& random);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Gives all places back and fills what was used with new bytes.
  void clear(Random& random);
  /// A place for `bytes` with some that are nobody's on both sides, or nullptr. Its address is a
  /// multiple of `alignment` and else random.
  [[nodiscard]] std::byte* place(std::size_t bytes, std::uint32_t alignment, Random& random);

  /// Where the image has that byte.
  [[nodiscard]] std::byte* image_of(const std::byte* at) noexcept {
    return image_.data() + (at - memory_);
  }
  /// Makes the image look as the memory does.
  void accept(std::span<const Segment> list) noexcept;
  /// The same for all of it.
  void accept_all() noexcept;
  /// The first byte that differs from the image, or nullptr.
  [[nodiscard]] const std::byte* first_difference() const noexcept;

 private:
  friend class Seal;
  void randomize(std::size_t bytes, Random& random) noexcept;
  [[nodiscard]] std::size_t looked_at() const noexcept;

  std::byte* memory_ = nullptr;
  std::size_t size_;
  std::size_t used_ = 0;
  std::vector<std::byte> image_;
};

/// While it lives, an access to the arena, even a reading one, is seen. One at a time.
class Seal {
 public:
  explicit Seal(Arena& arena);
  ~Seal() { (void)open(); }
  Seal(const Seal&) = delete;
  Seal& operator=(const Seal&) = delete;

  /// Ends it; whether there was an access.
  bool open();

 private:
  bool sealed_ = false;
  bool touched_ = false;
};

}  // namespace bellpull::engine::conformance
