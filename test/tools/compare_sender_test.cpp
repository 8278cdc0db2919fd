// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <thread>

#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "compare/cores.hpp"
#include "compare/paced_sender.hpp"

using namespace bellpull;
using namespace bellpull::tools::compare;

namespace {

// In the place of a TAP: what is sent to one end can be read at the other, and a frame that finds
// it full is refused.
struct Wire {
  Wire() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    in = netdrv::UniqueFd(ends[0]);
    out = netdrv::UniqueFd(ends[1]);
  }

  // The next frame, however long it takes; what it says, if it is one that nobody changed.
  [[nodiscard]] std::optional<netdrv::TimedFrame> next() const {
    pollfd readable{.fd = out.get(), .events = POLLIN, .revents = 0};
    ::poll(&readable, 1, -1);
    std::array<std::byte, 2048> frame;
    const auto size = ::read(out.get(), frame.data(), frame.size());
    if (size < 0) return {};
    const auto reading = netdrv::read_timed_frame({frame.data(), static_cast<std::size_t>(size)});
    if (reading.kind != netdrv::FrameKind::timed) return {};
    return reading.said;
  }

  netdrv::UniqueFd in;
  netdrv::UniqueFd out;
};

netdrv::SimOptions traffic_of(double rate, std::uint64_t frames) {
  netdrv::SimOptions traffic;
  traffic.arrivals = netdrv::Arrivals::poisson;
  traffic.rate = rate;
  traffic.frames = frames;
  traffic.sizes = {60};
  traffic.seed = 7;
  return traffic;
}

void wait_until_sent(const PacedSender& sender, std::uint64_t frames) {
  while (sender.counts(netdrv::monotonic_ns()).sent < frames) std::this_thread::yield();
}

}  // namespace

TEST_CASE("compare: each frame says when the schedule had it, and none is sent before") {
  const Wire wire;
  constexpr std::uint64_t kFrames = 8;  // that the socket holds, whoever is slow
  const netdrv::SimOptions traffic = traffic_of(2000, kFrames);
  const netdrv::SimSchedule schedule(traffic);
  PacedSender sender(wire.in.get(), traffic, allowed_cores().back());
  const std::uint64_t start = netdrv::monotonic_ns() + 1'000'000;
  sender.begin(start);
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    const auto said = wire.next();
    REQUIRE(said);
    CHECK(said->sequence == i);
    CHECK(said->time_ns == start + schedule.time_of(i));
    CHECK(said->time_ns <= netdrv::monotonic_ns());
  }
  wait_until_sent(sender, kFrames);
  sender.end();
  const auto counts = sender.counts(netdrv::monotonic_ns());
  CHECK(counts.scheduled == kFrames);
  CHECK(counts.sent == kFrames);
}

TEST_CASE("compare: what was due long ago is sent all the same, with its old time, and is late") {
  const Wire wire;
  const netdrv::SimOptions traffic = traffic_of(1'000'000, 100);
  PacedSender sender(wire.in.get(), traffic, allowed_cores().back());
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const std::uint64_t start = netdrv::monotonic_ns() - kSecond;
  sender.begin(start);
  const auto first = wire.next();
  REQUIRE(first);
  CHECK(first->time_ns < start + kSecond / 2);
  wait_until_sent(sender, 100);
  sender.end();
  const auto counts = sender.counts(netdrv::monotonic_ns());
  CHECK(counts.scheduled == 100);
  CHECK(counts.sent == 100);
  CHECK(counts.late == 100);
}

TEST_CASE("compare: what was not sent when it is late already is late, too") {
  const Wire wire;
  PacedSender sender(wire.in.get(), traffic_of(1000, 100), allowed_cores().back());
  const std::uint64_t start = netdrv::monotonic_ns();
  sender.begin(start + 3'600'000'000'000);
  sender.end();
  const auto counts = sender.counts(start + 2 * 3'600'000'000'000);
  CHECK(counts.sent == 0);
  CHECK(counts.scheduled == 100);
  CHECK(counts.late == 100);
}

TEST_CASE("compare: frames that are refused are not sent again") {
  const Wire wire;
  PacedSender sender(wire.in.get(), traffic_of(1'000'000, 20'000), allowed_cores().back());
  sender.begin(netdrv::monotonic_ns() - 1'000'000'000);
  wait_until_sent(sender, 20'000);
  sender.end();
  // Nobody read meanwhile: all but the first few found it full.
  std::array<std::byte, 2048> frame;
  std::uint64_t arrived = 0;
  while (::read(wire.out.get(), frame.data(), frame.size()) > 0) ++arrived;
  CHECK(arrived > 0);
  CHECK(arrived < 20'000);
  CHECK(sender.counts(netdrv::monotonic_ns()).sent == 20'000);
}
