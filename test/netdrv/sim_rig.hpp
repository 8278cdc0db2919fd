// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/netdrv/sim_nic.hpp"
#include "bellpull/netdrv/tap_device.hpp"

namespace bellpull::netdrv::test {

/// A clock that stands still until it is set.
struct FakeClock {
  [[nodiscard]] Clock clock() noexcept {
    return {[](void* self) noexcept { return static_cast<FakeClock*>(self)->time; }, this};
  }
  std::uint64_t time = 0;
};

/// A buffer of some pieces, each with a guard behind it.
class Pieces {
 public:
  explicit Pieces(std::initializer_list<std::uint32_t> lengths) : Pieces(std::vector(lengths)) {}
  explicit Pieces(const std::vector<std::uint32_t>& lengths) {
    std::size_t all = 0;
    for (const std::uint32_t length : lengths) all += length + kGuard;
    memory_.assign(all, kUntouched);
    std::byte* at = memory_.data();
    for (const std::uint32_t length : lengths) {
      segments_.push_back({at, length});
      at += length + kGuard;
    }
  }

  [[nodiscard]] std::span<const engine::Segment> segments() const { return segments_; }

  /// The first bytes of all pieces.
  [[nodiscard]] std::vector<std::byte> gather(std::size_t bytes) const {
    std::vector<std::byte> all;
    for (const engine::Segment& segment : segments_) {
      all.insert(all.end(), segment.data, segment.data + segment.length);
    }
    all.resize(bytes);
    return all;
  }

  /// Fills all pieces in turn.
  void scatter(std::span<const std::byte> bytes) {
    for (const engine::Segment& segment : segments_) {
      for (std::size_t i = 0; i < segment.length && !bytes.empty(); ++i) {
        segment.data[i] = bytes.front();
        bytes = bytes.subspan(1);
      }
    }
  }

  /// Whether nothing but the first `bytes` was written.
  [[nodiscard]] bool rest_untouched(std::size_t bytes) const {
    const std::byte* at = memory_.data();
    for (const engine::Segment& segment : segments_) {
      const std::size_t written = bytes < segment.length ? bytes : segment.length;
      bytes -= written;
      for (std::size_t i = written; i < segment.length + kGuard; ++i) {
        if (at[i] != kUntouched) return false;
      }
      at += segment.length + kGuard;
    }
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 8;
  static constexpr std::byte kUntouched{0xa5};
  std::vector<std::byte> memory_;
  std::vector<engine::Segment> segments_;
};

[[nodiscard]] inline engine::Op operation(std::uint64_t id, engine::Operation kind,
                                          std::span<const engine::Segment> segments) {
  engine::Op op;
  op.id = id;
  op.operation = kind;
  (kind == engine::Operation::read ? op.destination : op.source) = segments;
  return op;
}

/// A simulated NIC and its receive back-end, run by hand. Transfer ids count from 1; ids, not
/// buffers, are what is looked at unless a buffer is given.
class ReceiveRig {
 public:
  explicit ReceiveRig(SimOptions options) {
    options.clock = clock.clock();
    options.mtu = 9000;
    nic = std::make_unique<SimNic>(options);
    backend = nic->make_receive();
  }

  /// Posts so many buffers; all share the same memory.
  unsigned post(unsigned count) {
    unsigned taken = 0;
    for (; taken < count; ++taken) {
      const engine::Op op = operation(next_id, engine::Operation::read, shared.segments());
      if (backend->start({&op, 1}) == 0) break;
      ++next_id;
    }
    return taken;
  }

  /// One frame that was received.
  struct Frame {
    std::uint64_t id;
    TimedFrame said;
  };

  /// Reaps at `time`, one at a time, at most `room`: so that each can be read from the shared
  /// memory.
  std::vector<Frame> reap(std::uint64_t time, unsigned room = 1000) {
    clock.time = time;
    std::vector<Frame> frames;
    engine::Done done;
    while (frames.size() < room) {
      const engine::Reaped reaped = backend->reap({&done, 1});
      would_block = reaped.would_block;
      if (reaped.count == 0) break;
      const std::vector<std::byte> whole = shared.gather(done.bytes);
      const FrameReading reading = read_timed_frame(std::span(whole).subspan(kVnetHeader));
      if (reading.kind == FrameKind::timed) frames.push_back({done.id, reading.said});
    }
    return frames;
  }

  FakeClock clock;
  std::unique_ptr<SimNic> nic;
  std::unique_ptr<engine::Backend> backend;
  Pieces shared{9100};
  std::uint64_t next_id = 1;
  bool would_block = false;
};

}  // namespace bellpull::netdrv::test
