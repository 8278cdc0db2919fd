// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bellpull/netdrv/fault_link.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "socket_tap.hpp"

namespace bellpull::test {

/// A clock that goes on when it is told to.
struct ManualClock {
  static std::uint64_t now(void* context) noexcept {
    return static_cast<const ManualClock*>(context)->ns;
  }
  netdrv::Clock clock() { return {&now, this}; }
  std::uint64_t ns = 1'000'000'000;
};

/// The plan, which must be one.
inline netdrv::FrameFaultPlan plan_of(std::string_view text) {
  const netdrv::ParsedFrameFaults parsed = netdrv::parse_frame_faults(text);
  REQUIRE(parsed.error == "");
  return parsed.plan;
}

/// Whether somebody who sleeps on it edge-triggered would be woken, now or soon.
inline bool wakes(const engine::Backend& backend) {
  pollfd wait{.fd = backend.wait_source().fd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, 5000) == 1;
}

/// One direction of a link with faults over a socket pair, driven by hand.
class FaultRig {
 public:
  static constexpr unsigned kBuffers = 8;
  static constexpr std::size_t kBufferBytes = 2048;

  FaultRig(std::string_view plan, engine::Direction direction)
      : whole(tap.device("p0")),
        link(whole, plan_of(plan), clock.clock()),
        backend(direction == engine::Direction::device_to_memory ? link.make_receiver()
                                                                 : link.make_sender()) {}
  ~FaultRig() { backend->stop(); }

  /// Posts buffer `number` for receiving, in two segments. False: not taken.
  bool post(unsigned number) {
    segments[number] = {engine::Segment{buffers[number].data(), 100},
                        engine::Segment{buffers[number].data() + 100, kBufferBytes - 100}};
    engine::Op op;
    op.id = number + 1;
    op.operation = engine::Operation::read;
    op.destination = segments[number];
    return backend->start({&op, 1}) == 1;
  }
  void post_all(unsigned count = kBuffers) {
    for (unsigned i = 0; i < count; ++i) REQUIRE(post(i));
  }
  /// Sends a frame, all-zero header in front, from buffer `number`.
  bool send(unsigned number, const Bytes& frame, std::uint8_t gso_type = 0) {
    std::fill(buffers[number].begin(), buffers[number].end(), std::byte{0});
    buffers[number][1] = std::byte{gso_type};
    std::copy(frame.begin(), frame.end(), buffers[number].begin() + netdrv::kVnetHeader);
    segments[number][0] = {buffers[number].data(), netdrv::kVnetHeader + frame.size()};
    engine::Op op;
    op.id = number + 1;
    op.operation = engine::Operation::write;
    op.source = std::span(segments[number]).first(1);
    return backend->start({&op, 1}) == 1;
  }

  /// What ended, until nothing more does.
  std::vector<engine::Done> reap() {
    std::vector<engine::Done> all;
    std::array<engine::Done, 4> done;
    for (unsigned quiet = 0; quiet < 2;) {
      const engine::Reaped reaped = backend->reap(done);
      REQUIRE(reaped.count <= done.size());
      quiet = reaped.count == 0 ? quiet + 1 : 0;
      would_block = reaped.would_block;
      all.insert(all.end(), done.begin(), done.begin() + reaped.count);
    }
    return all;
  }
  /// The next frame that was received whole or in part, without its header.
  [[nodiscard]] Bytes frame(const engine::Done& done) const {
    const auto& buffer = buffers[done.id - 1];
    if (done.bytes < netdrv::kVnetHeader) return {};
    return {buffer.begin() + netdrv::kVnetHeader,
            buffer.begin() + static_cast<std::ptrdiff_t>(done.bytes)};
  }
  /// What the device got next, without its header.
  [[nodiscard]] Bytes sent() const {
    Bytes raw = tap.pull_raw();
    if (raw.size() >= netdrv::kVnetHeader)
      raw.erase(raw.begin(), raw.begin() + netdrv::kVnetHeader);
    return raw;
  }

  ManualClock clock;
  SocketTap tap;
  netdrv::TapLink whole;
  netdrv::FaultLink link;
  std::unique_ptr<engine::Backend> backend;
  std::array<std::array<std::byte, kBufferBytes>, kBuffers> buffers{};
  std::array<std::array<engine::Segment, 2>, kBuffers> segments{};
  bool would_block = false;
};

}  // namespace bellpull::test
