// SPDX-License-Identifier: BSD-2-Clause
// Faults on a pair of real TAPs: the kernel's counters agree with the NIC's and those of the
// faults.
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/fault_link.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "crowd.hpp"
#include "nic_accounts.hpp"
#include "tap_world.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::ip;
using test::kernel_counters;
using test::KernelCounters;
using test::PacketSocket;
using test::sum;
using test::test_frame;

namespace {

constexpr unsigned kFrames = 300;

// Frames go in at the kernel's side of in0 and come out at that of out0.
struct FaultWorld {
  FaultWorld(std::string_view rx, std::string_view tx, Style style, engine::Placement placement,
             unsigned crowd = 0)
      : app(make_patch()),
        engine({.placement = placement}),
        nic(std::make_unique<Nic>(engine, *app, NicSettings{})) {
    const std::string_view plans[] = {rx, tx};
    for (const char* const name : {"in0", "out0"}) {
      const ParsedFrameFaults parsed = parse_frame_faults(plans[links.size()]);
      REQUIRE(parsed.error == "");
      taps.push_back(std::make_unique<TapLink>(TapDevice::open(name)));
      if (links.empty() && crowd != 0) others.emplace(taps.back()->device().fd(), crowd);
      links.push_back(std::make_unique<FaultLink>(*taps.back(), parsed.plan));
      nic->add_port(*links.back(), style);
      ip(std::string("link set ") + name + " up");
    }
    in = std::make_unique<PacketSocket>("in0");
    out = std::make_unique<PacketSocket>("out0");
    nic->start();
    in_before = kernel_counters("in0");
    out_before = kernel_counters("out0");
  }
  ~FaultWorld() {
    nic->drain(0ms);
    CHECK(nic->stats().pool_outstanding == 0);
  }

  void round() {
    nic->run_once(1);
    for (Bytes frame = out->receive(); !frame.empty(); frame = out->receive()) {
      taken.push_back(std::move(frame));
    }
  }
  template <class Done>
  [[nodiscard]] bool rounds_until(Done&& done) {
    const auto begun = std::chrono::steady_clock::now();
    while (!done()) {
      if (std::chrono::steady_clock::now() - begun > 20s) return false;
      round();
    }
    return true;
  }
  void send(unsigned frames) {
    for (unsigned i = 0; i < frames; ++i) {
      REQUIRE(in->send(test_frame(60 + i % 1000, i)));
      if (i % 64 == 63) round();
    }
  }
  [[nodiscard]] QueueStats queue(unsigned port) const { return nic->stats().ports[port].queues[0]; }

  // The kernel may send frames of its own into in0: they count like any other.
  [[nodiscard]] bool adds_up() const {
    using Kind = FrameFaultKind;
    const KernelCounters in_now = kernel_counters("in0");
    const KernelCounters out_now = kernel_counters("out0");
    const QueueStats received = queue(0);
    const QueueStats sent = queue(1);
    const FrameFaultCounts rx = links[0]->rx();
    const FrameFaultCounts tx = links[1]->tx();
    return in_now.tx_packets - in_before.tx_packets <= rx.frames &&
           received.rx_packets + rx.of(Kind::drop) + rx.of(Kind::error) ==
               rx.frames + rx.of(Kind::duplicate) &&
           received.rx_packets ==
               sum(received.rx_dropped) + sent.tx_packets + sum(sent.tx_dropped) &&
           out_now.rx_packets - out_before.rx_packets + tx.of(Kind::drop) ==
               sent.tx_packets + tx.of(Kind::duplicate);
  }

  std::unique_ptr<App> app;
  engine::Engine engine;
  std::vector<std::unique_ptr<TapLink>> taps;
  std::optional<test::Crowd> others;
  std::vector<std::unique_ptr<FaultLink>> links;
  std::unique_ptr<Nic> nic;
  std::unique_ptr<PacketSocket> in;
  std::unique_ptr<PacketSocket> out;
  KernelCounters in_before;
  KernelCounters out_before;
  std::vector<Bytes> taken;
};

}  // namespace

TEST_CASE("check 33: faults on real TAPs, in every style: the kernel's counters agree") {
  test::for_each_style([](Style style, engine::Placement placement) {
    FaultWorld world(
        "rx:drop:every=11;rx:errno=EINVAL:every=13;rx:duplicate:every=17;rx:delay=400:every=19;"
        "rx:reorder=2:every=23;rx:errno=EAGAIN:every=29",
        "tx:drop:every=11;tx:errno=ENOBUFS:every=13;tx:duplicate:every=17;tx:delay=400:every=19;"
        "tx:reorder=2:every=23;tx:errno=EAGAIN:every=29",
        style, placement);
    world.send(kFrames);
    CHECK(world.rounds_until(
        [&] { return world.links[0]->rx().frames >= kFrames && world.adds_up(); }));
    CHECK(world.taken.size() > kFrames / 2);
  });
}

TEST_CASE("F7: EAGAIN on a TAP, which raises no new edge: every frame is sent, in order") {
  test::for_each_style([](Style style, engine::Placement placement) {
    FaultWorld world("rx:errno=EAGAIN:every=5", "tx:errno=EAGAIN:every=3", style, placement);
    world.send(kFrames);
    CHECK(world.rounds_until([&] { return world.taken.size() == kFrames; }));
    for (unsigned i = 0; i < kFrames; ++i) CHECK(world.taken[i] == test_frame(60 + i % 1000, i));
    CHECK(world.links[1]->tx().again > 0);
    CHECK(sum(world.queue(1).tx_dropped) == 0);
  });
}

TEST_CASE(
    "F2: a port that loses its interface behind a link with faults is gone, and nothing spins") {
  FaultWorld world("rx:delay=100000", "tx:delay=100000", Style::poll, engine::Placement::driven);
  world.send(3);
  ip("link del in0");
  CHECK(world.rounds_until([&] { return world.nic->running_ports() == 1; }));
  CHECK(world.nic->stats().ports[0].state == PortState::gone);
  CHECK(world.rounds_until([&] { return !world.nic->run_once(50); }));
}

TEST_CASE("F2: a link with faults hears of it also when it reads before the kernel has let go") {
  const unsigned crowd = test::Crowd::largest();
  if (crowd == 0) return;
  for (const engine::Placement placement :
       {engine::Placement::driven, engine::Placement::autonomous}) {
    for (unsigned i = 0; i < 5; ++i) {
      FaultWorld world("rx:delay=1", "tx:delay=1", Style::poll, placement, crowd);
      REQUIRE(world.rounds_until([&] { return !world.nic->run_once(1); }));
      auto deleted = std::async(std::launch::async, [] { ip("link del in0"); });
      const bool gone = world.rounds_until([&] { return world.nic->running_ports() == 1; });
      deleted.get();
      REQUIRE(gone);
    }
  }
}
