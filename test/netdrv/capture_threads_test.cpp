// SPDX-License-Identifier: BSD-2-Clause
// Every frame of several threads is a record or counted as missed, while styles and threads change.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/sim_link.hpp"
#include "bellpull/netdrv/timed_frame.hpp"
#include "capture_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;

namespace {

SimOptions arrivals(const char* name, std::uint64_t frames, std::uint64_t seed,
                    std::uint16_t first_flow) {
  SimOptions options;
  options.name = name;
  options.arrivals = Arrivals::poisson;
  options.rate = static_cast<double>(engine::test::scaled(400'000));
  options.frames = frames;
  options.seed = seed;
  options.sizes = {60, 1514, 64, 9000};
  options.mtu = 9000;
  options.first_flow = first_flow;
  return options;
}

void run(engine::Placement placement, bool threaded, std::uint64_t seed) {
  CAPTURE(static_cast<int>(placement));
  CAPTURE(threaded);
  const std::uint64_t frames = engine::test::scaled(60'000);
  test::MemoryFile file;
  // Room for some of them: whether any is missed is the machine's affair.
  Capture capture(file.fd(), {.ring_bytes = 1U << 20U});
  std::array<SimLink, 2> links{SimLink(arrivals("a", frames, seed, 0)),
                               SimLink(arrivals("b", frames, seed + 1, 1))};
  engine::Engine engine({.placement = placement});
  const auto app = make_patch();
  Nic nic(engine, *app, {.threaded = threaded});
  for (const unsigned port : {0U, 1U}) {
    nic.add_port(links[port]);
    nic.capture(port, capture.add_port(links[port].name()));
  }
  capture.start();
  nic.start();
  for (SimLink& link : links) link.device().begin(link.device().now());
  unsigned style = 0;
  std::uint64_t next = 0;
  const auto scheduled = [&] {
    return links[0].device().counters().scheduled + links[1].device().counters().scheduled;
  };
  while (scheduled() != 2 * frames) {
    nic.run_once(1);
    if (scheduled() < next) continue;
    next += frames / 10;
    const Style changed = test::kEveryStyle[++style % test::kEveryStyle.size()];
    if (!threaded || changed != Style::push) nic.set_style(changed, 1000ms);
  }
  nic.drain(1000ms);
  capture.finish(20s);

  const NicStats stats = nic.stats();
  test::check_conservation(nic);
  CHECK(stats.pool_outstanding == 0);
  CHECK(capture.error() == 0);
  const test::PcapngFile read = file.read();
  std::uint64_t in_file = 0;
  for (std::uint32_t port = 0; port < 2; ++port) {
    CAPTURE(port);
    const QueueStats& queue = stats.ports[port].queues[0];
    const CaptureCounters counters = capture.counters(port);
    in_file += counters.captured;
    const std::uint64_t drops = test::sum(queue.rx_dropped) + test::sum(queue.tx_dropped);
    const std::uint64_t shown = counters.captured + counters.missed;
    CHECK(shown >= queue.rx_packets + queue.tx_packets + drops);
    CHECK(shown <= queue.rx_packets + queue.tx_packets + drops + test::sum(queue.tx_dropped));
    CHECK(read.statistics.at(port).dropped == counters.missed);
    CHECK(read.statistics.at(port).received == shown);
    if (counters.missed == 0) CHECK(test::count(read, port, 1) == queue.rx_packets);
  }
  CHECK(read.packets.size() == in_file);
  CHECK(in_file > 0);
  for (const test::PcapngFile::Packet& packet : read.packets) {
    REQUIRE(packet.bytes.size() == packet.size);
    if (packet.direction == 1 && !test::is_drop(packet)) {
      REQUIRE(read_timed_frame(packet.bytes).kind == FrameKind::timed);
    }
  }
}

}  // namespace

TEST_CASE("check 26: each frame is whole in the file or missed, over a driven engine") {
  run(engine::Placement::driven, false, ring::test::announce_seed("capture", 20251121));
}

TEST_CASE("check 26: each frame is whole in the file or missed, over an engine of its own") {
  run(engine::Placement::autonomous, false, ring::test::announce_seed("capture", 20251122));
}

TEST_CASE("check 26: each frame is whole in the file or missed, with a thread for each port") {
  run(engine::Placement::autonomous, true, ring::test::announce_seed("capture", 20251123));
}
