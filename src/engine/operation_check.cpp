// SPDX-License-Identifier: BSD-2-Clause
#include "operation_check.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "segment_rules.hpp"

namespace bellpull::engine {

namespace {

using Kind = PrepareError::Kind;
using Reason = PrepareReason;

// One list of segments, and what it comes to.
class List {
 public:
  List(std::span<const Segment> segments, Side side, const Capabilities& limits) noexcept
      : segments_(segments), limits_(limits), side_(side) {}

  [[nodiscard]] PrepareError check() noexcept {
    slots_ = 0;
    length_ = 0;
    for (std::size_t at = 0; at < segments_.size(); ++at) {
      if (const Reason reason = check(segments_[at]); reason != Reason::none) {
        return {.kind = Kind::bad_request,
                .segment = static_cast<std::uint32_t>(at),
                .side = side_,
                .reason = reason};
      }
      slots_ += segments_[at].length != 0 ? 1 : 0;
      if (slots_ > limits_.max_segments) {
        return too_large(limits_.max_segments, Reason::too_many_segments, at);
      }
      // No sum of so few can wrap around once each of them is small enough.
      if (segments_[at].length > limits_.max_length) {
        return too_large(limits_.max_length, Reason::too_long, at);
      }
      length_ += segments_[at].length;
      if (length_ > limits_.max_length) return too_large(limits_.max_length, Reason::too_long, at);
    }
    return {};
  }

  [[nodiscard]] std::uint64_t length() const noexcept { return length_; }
  [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
  // Those that its first so many bytes take.
  [[nodiscard]] std::size_t slots_of(std::uint64_t bytes) const noexcept {
    std::size_t slots = 0;
    for (const Segment& segment : segments_) {
      if (segment.length == 0 || bytes == 0) continue;
      bytes -= std::min<std::uint64_t>(segment.length, bytes);
      ++slots;
    }
    return slots;
  }

 private:
  [[nodiscard]] Reason check(const Segment& segment) const noexcept {
    return segment.length == 0 ? Reason::none : broken_rule(segment, limits_);
  }

  [[nodiscard]] PrepareError too_large(std::uint32_t max, Reason reason,
                                       std::size_t at) const noexcept {
    return {.kind = Kind::too_large,
            .max = max,
            .segment = static_cast<std::uint32_t>(at),
            .side = side_,
            .reason = reason};
  }

  std::span<const Segment> segments_;
  const Capabilities& limits_;
  Side side_;
  std::uint64_t length_ = 0;
  std::size_t slots_ = 0;
};

[[nodiscard]] CheckedOperation refuse(Reason reason, Side side = Side::source) noexcept {
  return {.error = {.kind = Kind::bad_request, .side = side, .reason = reason}};
}

}  // namespace

CheckedOperation check_operation(const OperationRequest& request,
                                 const Capabilities& limits) noexcept {
  List source(request.source, Side::source, limits);
  List destination(request.destination, Side::destination, limits);
  const Operation operation = request.operation;
  if (static_cast<unsigned>(operation) >= kOperations) return refuse(Reason::operation_unknown);
  if (!limits.operations.contains(operation)) return refuse(Reason::operation_not_supported);
  const bool reads = reads_source(operation);
  const bool writes = has_destination(operation);
  if (!reads && !request.source.empty()) return refuse(Reason::source_unexpected);
  if (!writes && !request.destination.empty()) {
    return refuse(Reason::destination_unexpected, Side::destination);
  }
  if (reads && request.source.empty()) return refuse(Reason::no_segments);
  if (writes && request.destination.empty()) {
    return refuse(Reason::no_segments, Side::destination);
  }
  if (operation == Operation::fill &&
      (request.pattern_bytes == 0 || request.pattern_bytes > sizeof request.pattern)) {
    return refuse(Reason::pattern_bytes);
  }
  if (const PrepareError error = source.check(); error.kind != Kind::none) return {.error = error};
  if (const PrepareError error = destination.check(); error.kind != Kind::none) {
    return {.error = error};
  }
  const bool cut = reads && writes && source.length() != destination.length();
  if (cut && !request.shorter) return refuse(Reason::totals_differ, Side::destination);
  const std::uint64_t length = cut ? std::min(source.length(), destination.length())
                                   : std::max(source.length(), destination.length());
  if (operation != Operation::nop && length == 0) return refuse(Reason::zero_length);
  const std::size_t slots = cut ? source.slots_of(length) + destination.slots_of(length)
                                : source.slots() + destination.slots();
  return {.slots = std::max<std::size_t>(slots, 1), .length = length};
}

}  // namespace bellpull::engine
