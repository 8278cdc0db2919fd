// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "bellpull/engine/backend.hpp"
#include "segment_walk.hpp"

namespace bellpull::engine {

/// Cuts a transfer that is too large for a back-end into parts that are not, one after the other.
class TransferParts {
 public:
  explicit TransferParts(const Capabilities& limits) noexcept : limits_(limits) {}

  /// Whether the back-end takes it in one.
  [[nodiscard]] bool fits(const Op& op, std::uint64_t length) const noexcept {
    return op.source.size() <= limits_.max_segments &&
           op.destination.size() <= limits_.max_segments && length <= limits_.max_length;
  }

  /// Begins with the first part of `whole`.
  void begin(const Op& whole) noexcept {
    part_ = whole;
    whole_ = whole;
    source_.start(whole.source);
    destination_.start(whole.destination);
    done_ = 0;
    part_bytes_ = 0;
  }

  /// Bytes of the parts that are over.
  [[nodiscard]] std::uint64_t done() const noexcept { return done_; }
  /// Bytes of the present part.
  [[nodiscard]] std::uint64_t part_bytes() const noexcept { return part_bytes_; }

  /// The present part is over with that checksum.
  void finished(std::uint32_t value) noexcept {
    done_ += part_bytes_;
    if (makes_checksum(whole_.operation)) part_.seed = value;
  }

  /// The next part, to be started with `id`; its segments stay until the call after.
  [[nodiscard]] const Op& next(std::uint64_t id) noexcept {
    const bool reads = reads_source(whole_.operation);
    const bool writes = has_destination(whole_.operation);
    part_.id = id;
    part_bytes_ = 0;
    List source(source_segments_, limits_.max_segments);
    List destination(destination_segments_, limits_.max_segments);
    std::uint64_t room = limits_.max_length;
    // Whole units of the alignment, so that the next part begins as the first may.
    room -= room % limits_.alignment;
    while (room != 0) {
      std::size_t run = common_run(whole_.operation, source_, destination_);
      if (run == 0) break;
      run = static_cast<std::size_t>(std::min<std::uint64_t>(run, room));
      if ((reads && !source.takes(source_.data())) ||
          (writes && !destination.takes(destination_.data()))) {
        break;
      }
      if (reads) {
        source.add(source_.data(), run);
        source_.advance(run);
      }
      if (writes) {
        destination.add(destination_.data(), run);
        destination_.advance(run);
      }
      room -= run;
      part_bytes_ += run;
    }
    part_.source = source.all();
    part_.destination = destination.all();
    if (whole_.operation == Operation::fill) rotate_pattern();
    return part_;
  }

  /// The number in its list of the whole transfer, where empty ones do not count, of a segment of
  /// the present part.
  [[nodiscard]] std::uint16_t segment_of_whole(Side side, std::uint16_t segment) const noexcept {
    const bool source = side == Side::source;
    const std::span<const Segment> part = source ? part_.source : part_.destination;
    std::uint64_t before = done_;
    for (std::size_t i = 0; i < segment && i < part.size(); ++i) before += part[i].length;
    std::uint16_t at = 0;
    for (const Segment& each : source ? whole_.source : whole_.destination) {
      if (each.length == 0) continue;
      if (before < each.length) break;
      before -= each.length;
      ++at;
    }
    return at;
  }

 private:
  using Segments = std::array<Segment, kMaxSegments>;

  // Segments of one list of a part; a run that goes on where the last one ended joins it.
  class List {
   public:
    List(Segments& segments, unsigned most) noexcept : segments_(segments), most_(most) {}
    [[nodiscard]] bool takes(const std::byte* data) const noexcept {
      return count_ < most_ || joins(data);
    }
    void add(std::byte* data, std::size_t length) noexcept {
      if (joins(data)) {
        segments_[count_ - 1].length += length;
      } else {
        segments_[count_++] = {data, length};
      }
    }
    [[nodiscard]] std::span<const Segment> all() const noexcept {
      return std::span(segments_).first(count_);
    }

   private:
    [[nodiscard]] bool joins(const std::byte* data) const noexcept {
      return count_ != 0 && segments_[count_ - 1].data + segments_[count_ - 1].length == data;
    }
    Segments& segments_;
    unsigned most_;
    unsigned count_ = 0;
  };

  // The pattern goes on where the parts before it left off.
  void rotate_pattern() noexcept {
    const unsigned size = whole_.pattern_bytes;
    part_.pattern = 0;
    for (unsigned i = 0; i < size; ++i) {
      const std::uint64_t byte = whole_.pattern >> (8 * ((i + done_) % size)) & 0xff;
      part_.pattern |= byte << (8 * i);
    }
  }

  const Capabilities limits_;
  Op whole_;
  Op part_;
  SegmentWalk source_;
  SegmentWalk destination_;
  Segments source_segments_;
  Segments destination_segments_;
  std::uint64_t done_ = 0;
  std::uint64_t part_bytes_ = 0;
};

}  // namespace bellpull::engine
