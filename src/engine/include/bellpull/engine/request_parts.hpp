// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/operation.hpp"
#include "bellpull/engine/operation_channel.hpp"

namespace bellpull::engine {

/// What a request for lent memory says besides its operation and its memory.
struct RequestExtras {
  std::uint64_t token = 0;         ///< comes back in the completion
  bool fence = false;              ///< see OperationRequest; a TransferGraph sets its own
  std::uint32_t seed = 0;          ///< checksums: the checksum of what came before, or 0
  std::uint64_t pattern = 0;       ///< fill: the pattern, its first byte in the lowest
  std::uint8_t pattern_bytes = 1;  ///< fill: bytes of the pattern, 1 to 8
};

namespace detail {

/// A request that holds its lists, of up to `kSegments` segments each, so that it can be copied.
template <std::size_t kSegments>
class RequestParts {
  static_assert(kSegments >= 1 && kSegments <= kMaxSegments, "a list has 1 to 64 segments");

 public:
  RequestParts(Operation operation, const RequestExtras& extras) noexcept
      : operation_(operation), extras_(extras) {}

  [[nodiscard]] Operation operation() const noexcept { return operation_; }
  /// Whether each list had room for its segments.
  [[nodiscard]] bool fits() const noexcept { return sources_.fits && destinations_.fits; }

  void add(Side side, const Segment& segment) noexcept {
    (side == Side::source ? sources_ : destinations_).add(segment);
  }

  /// Its spans point in here. A list that did not fit is empty, so that prepare() refuses it rather
  /// than take less than was meant.
  [[nodiscard]] OperationRequest request() const& noexcept {
    return {.operation = operation_,
            .fence = extras_.fence,
            .pattern_bytes = extras_.pattern_bytes,
            .seed = extras_.seed,
            .pattern = extras_.pattern,
            .source = sources_.segments(),
            .destination = destinations_.segments(),
            .token = extras_.token};
  }

 private:
  struct List {
    std::array<Segment, kSegments> all{};
    std::uint8_t count = 0;
    bool fits = true;

    void add(const Segment& segment) noexcept {
      fits = fits && count < kSegments;
      if (fits) all[count++] = segment;
    }
    [[nodiscard]] std::span<const Segment> segments() const noexcept {
      return std::span(all).first(fits ? count : 0);
    }
  };

  Operation operation_;
  RequestExtras extras_;
  List sources_;
  List destinations_;
};

}  // namespace detail
}  // namespace bellpull::engine
