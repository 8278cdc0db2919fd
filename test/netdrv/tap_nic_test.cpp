// SPDX-License-Identifier: BSD-2-Clause
// The NIC on real TAP interfaces, with packet sockets as the kernel's side.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "tap_world.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::ip;
using test::kernel_counters;
using test::KernelCounters;
using test::PacketSocket;
using test::test_frame;

namespace {

struct World {
  World(App& app, const NicSettings& settings, engine::Placement placement,
        std::vector<std::string> names, Style style = Style::poll)
      : engine({.placement = placement}), nic(std::make_unique<Nic>(engine, app, settings)) {
    for (const std::string& name : names) {
      links.push_back(std::make_unique<TapLink>(TapDevice::open(name)));
      nic->add_port(*links.back(), style);
      ip("link set " + name + " up");
    }
    nic->start();
    settle();
  }
  ~World() {
    nic->drain(0ms);
    CHECK(nic->stats().pool_outstanding == 0);
  }
  // Rounds until there is nothing to do; a NIC that polls always has, so it gets a fixed number.
  void settle() {
    int rounds = 0;
    for (int idle = 0; idle < 5 && (!nic->polling() || ++rounds < 200);) {
      idle = nic->run_once(1) ? 0 : idle + 1;
    }
  }
  [[nodiscard]] QueueStats queue(unsigned port) const { return nic->stats().ports[port].queues[0]; }

  engine::Engine engine;
  std::vector<std::unique_ptr<TapLink>> links;
  std::unique_ptr<Nic> nic;
};

}  // namespace

TEST_CASE("check 4: frames of every size cross a pair of TAPs unchanged, and the kernel agrees") {
  for (const Mode mode : {Mode::interrupt, Mode::poll}) {
    for (const auto placement : {engine::Placement::driven, engine::Placement::autonomous}) {
      const auto app = make_patch();
      World world(*app, {.mode = mode}, placement, {"a0", "b0"});
      const KernelCounters a_before = kernel_counters("a0");
      const KernelCounters b_before = kernel_counters("b0");
      const std::uint64_t seen_before = world.queue(0).rx_packets;
      const PacketSocket a("a0");
      const PacketSocket b("b0");
      unsigned wrong = 0;
      for (unsigned size = 60; size <= 1514; ++size) {
        const Bytes frame = test_frame(size, size);
        REQUIRE(a.send(frame));
        Bytes got;
        for (int i = 0; i < 2000000 && got.empty(); ++i) {
          world.nic->run_once(1);
          got = b.receive();
        }
        if (got != frame) ++wrong;
      }
      CHECK(wrong == 0);
      world.nic->drain(500ms);
      const KernelCounters a_after = kernel_counters("a0");
      const KernelCounters b_after = kernel_counters("b0");
      CHECK(world.queue(0).rx_packets - seen_before == 1455);
      CHECK(a_after.tx_packets - a_before.tx_packets == 1455);
      CHECK(b_after.rx_packets - b_before.rx_packets == world.queue(1).tx_packets);
      CHECK(b_after.rx_bytes - b_before.rx_bytes == world.queue(1).tx_bytes);
      CHECK(a_after.tx_bytes - a_before.tx_bytes == world.queue(0).rx_bytes);
    }
  }
}

TEST_CASE("1,000 frames queued in the kernel at once are drained in polls of at most the budget") {
  const auto app = make_discard();
  World world(*app, {.mode = Mode::poll, .budget = 32}, engine::Placement::driven, {"q0"});
  ip("link set q0 txqueuelen 2000");
  const QueueStats before = world.queue(0);
  const PacketSocket socket("q0");
  for (unsigned i = 0; i < 1000; ++i) REQUIRE(socket.send(test_frame(60, i)));
  while (world.queue(0).rx_consumed - before.rx_consumed < 1000) CHECK(world.nic->run_once(-1));
  const QueueStats after = world.queue(0);
  CHECK(after.largest_work == 32);
  CHECK(after.polls - before.polls >= 1000 / 32);
  CHECK(kernel_counters("q0").tx_dropped == 0);
  CHECK(world.nic->stats().waits == 0);
}

TEST_CASE("frames that arrive while the NIC listens ring its bell once") {
  const auto app = make_discard();
  World world(*app, {.mode = Mode::interrupt}, engine::Placement::driven, {"n0"});
  const QueueStats before = world.queue(0);
  const PacketSocket socket("n0");
  for (unsigned i = 0; i < 50; ++i) REQUIRE(socket.send(test_frame(60, i)));
  world.settle();
  CHECK(world.queue(0).rx_consumed - before.rx_consumed == 50);
  CHECK(world.queue(0).notifies - before.notifies == 1);
}

TEST_CASE("F1: an interface that is down costs frames by name, and works again when it is up") {
  const auto app = make_patch();
  World world(*app, {}, engine::Placement::driven, {"up0", "down0"});
  const PacketSocket up("up0");
  ip("link set down0 down");
  for (unsigned i = 0; i < 10; ++i) REQUIRE(up.send(test_frame(60, i)));
  world.settle();
  CHECK(world.queue(1).tx_dropped[static_cast<std::size_t>(DropReason::link_down)] == 10);
  CHECK(world.nic->running_ports() == 2);
  ip("link set down0 up");
  const PacketSocket down("down0");
  const Bytes frame = test_frame(61, 1);
  REQUIRE(up.send(frame));
  world.settle();
  CHECK(down.receive() == frame);
}

TEST_CASE("F2: an interface that is deleted ends its port; the others go on and nothing spins") {
  for (const auto placement : {engine::Placement::driven, engine::Placement::autonomous}) {
    const auto app = make_patch();
    World world(*app, {}, placement, {"stay0", "gone0"});
    ip("link del gone0");
    for (int i = 0; i < 2000 && world.nic->running_ports() == 2; ++i) world.nic->run_once(10);
    CHECK(world.nic->running_ports() == 1);
    CHECK(world.nic->stats().ports[1].state == PortState::gone);
    world.settle();
    const NicStats before = world.nic->stats();
    CHECK_FALSE(world.nic->run_once(20));
    CHECK(world.nic->stats().wakeups == before.wakeups);
    const PacketSocket stay("stay0");
    REQUIRE(stay.send(test_frame(60, 1)));
    world.settle();
    CHECK(world.queue(1).tx_dropped[static_cast<std::size_t>(DropReason::port_gone)] == 1);
  }
}

TEST_CASE("F12, F14: frames longer than the port was made for are dropped, never cut short") {
  const auto app = make_patch();
  World world(*app, {}, engine::Placement::driven, {"big0", "small0"});
  ip("link set big0 mtu 9000");
  const PacketSocket big("big0");
  const PacketSocket small("small0");
  REQUIRE(big.send(test_frame(9014, 1)));
  REQUIRE(big.send(test_frame(1800, 2)));
  REQUIRE(big.send(test_frame(1514, 3)));
  world.settle();
  CHECK(small.receive() == test_frame(1514, 3));
  CHECK(small.receive().empty());
  CHECK(world.queue(0).rx_dropped[static_cast<std::size_t>(DropReason::truncated)] == 1);
  CHECK(world.queue(1).tx_dropped[static_cast<std::size_t>(DropReason::oversize)] == 1);
}
