// SPDX-License-Identifier: BSD-2-Clause
// A NIC whose frames go wrong as planned: what it does about it, and that none is lost without a
// counter.
#include "bellpull/netdrv/fault_link.hpp"

#include <cerrno>
#include <stdexcept>

#include "bellpull/netdrv/errno_class.hpp"
#include "fault_bench.hpp"
#include "fault_rig.hpp"
#include "seeds.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::FaultBench;
using test::FaultRig;
using test::for_each_style;
using test::pattern_frame;
using test::sum;

namespace {

constexpr unsigned kFrames = 120;

// Each with a frame that goes in first and last, whole.
void run(FaultBench& bench, unsigned frames = kFrames) {
  for (unsigned i = 0; i < frames; ++i) bench.push(pattern_frame(60 + i % 1000, i));
  const bool settled = bench.rounds_until([&] {
    return bench.links[0]->rx().frames + bench.queue(0).rx_errors >= frames && bench.adds_up();
  });
  CHECK(settled);
}

// All that a link with faults does to `frames` frames in one direction, as one value.
std::vector<Bytes> trace_of(std::string_view plan, engine::Direction direction) {
  std::vector<Bytes> trace;
  FaultRig rig(plan, direction);
  const bool reads = direction == engine::Direction::device_to_memory;
  const auto note = [&](const engine::Done& done) {
    Bytes entry = reads ? rig.frame(done) : Bytes{};
    entry.push_back(static_cast<std::byte>(done.error));
    if (reads) entry.push_back(static_cast<std::byte>(done.id));
    trace.push_back(std::move(entry));
  };
  std::array<bool, FaultRig::kBuffers> free{};
  free.fill(true);
  for (unsigned i = 0; i < 600; ++i) {
    const unsigned buffer = i % FaultRig::kBuffers;
    if (reads) {
      for (unsigned b = 0; b < FaultRig::kBuffers; ++b) {
        if (free[b]) REQUIRE(rig.post(b));
      }
      free.fill(false);
      static_cast<void>(rig.tap.push(pattern_frame(60 + i % 500, i)));
    } else if (free[buffer]) {
      REQUIRE(rig.send(buffer, pattern_frame(60 + i % 500, i), i % 3 == 0 ? 1 : 0));
      free[buffer] = false;
    }
    rig.clock.ns += 100'000;
    for (const engine::Done& done : rig.reap()) {
      note(done);
      free[done.id - 1] = true;
    }
    if (!reads) {
      for (Bytes raw = rig.tap.pull_raw(); !raw.empty(); raw = rig.tap.pull_raw()) {
        trace.push_back(std::move(raw));
      }
    }
  }
  return trace;
}

std::string everything(std::uint64_t seed) {
  std::string plan =
      "errno=EINVAL:chance=50000;errno=EAGAIN:chance=50000;short:chance=50000;"
      "truncate:chance=50000;drop:chance=50000;duplicate:chance=50000;corrupt:chance=50000;"
      "corrupt=header:chance=50000;reorder=3:chance=50000;delay=700:chance=50000;"
      "errno=ENOMEM:gso:every=5";
  plan += ";seed=";
  plan += std::to_string(seed);
  return plan;
}

}  // namespace

TEST_CASE("check 33: a plan with the same seed makes the same trace again, with another, another") {
  const std::uint64_t seed = ring::test::announce_seed("fault replay", 33);
  for (const auto direction :
       {engine::Direction::device_to_memory, engine::Direction::memory_to_device}) {
    const std::vector<Bytes> first = trace_of(everything(seed), direction);
    CHECK(first.size() > 300);
    CHECK(first == trace_of(everything(seed), direction));
    CHECK(first != trace_of(everything(seed + 1), direction));
    CHECK(first != trace_of("", direction));
  }
}

TEST_CASE(
    "every kind of fault, in every style and placement: each frame is in somebody's counter") {
  for (const char* const kind :
       {"errno=EINVAL", "errno=EAGAIN", "errno=ENOBUFS", "short", "truncate", "drop", "duplicate",
        "corrupt", "corrupt=header", "reorder=3", "delay=300"}) {
    CAPTURE(kind);
    const std::string rule = std::string(kind) + ":every=7";
    for_each_style([&](Style style, engine::Placement placement) {
      FaultBench bench({rule, rule}, style, placement);
      run(bench);
      CHECK(bench.taken.size() > kFrames / 2);
      const std::string_view word = std::string_view(kind).substr(0, 5);
      const FrameFaultCounts rx = bench.links[0]->rx();
      std::uint64_t faults = rx.again + rx.crowded;
      for (const std::uint64_t count : rx.faults) faults += count;
      CHECK(faults >= kFrames / 7 - 1);
      if (word != "short") {
        const FrameFaultCounts tx = bench.links[1]->tx();
        faults = tx.again + tx.crowded;
        for (const std::uint64_t count : tx.faults) faults += count;
        CHECK(faults != 0);
      }
    });
  }
}

TEST_CASE("all kinds of faults at once, in every style and placement: the sums agree") {
  const std::uint64_t seed = ring::test::announce_seed("all faults", 20261122);
  const std::string plan = everything(seed);
  for_each_style([&](Style style, engine::Placement placement) {
    FaultBench bench({plan, plan}, style, placement);
    run(bench, 1000);
    bench.nic->drain(500ms);
    bench.round();
    CHECK(bench.adds_up());
    test::check_conservation(*bench.nic);
  });
}

TEST_CASE("F7: a write that answers EAGAIN costs no frame and no order, in every style") {
  for_each_style([](Style style, engine::Placement placement) {
    FaultBench bench({"", "tx:errno=EAGAIN:every=2:limit=40"}, style, placement);
    run(bench);
    CHECK(bench.links[1]->tx().again == 40);
    CHECK(sum(bench.queue(1).tx_dropped) == 0);
    REQUIRE(bench.taken.size() == kFrames);
    for (unsigned i = 0; i < kFrames; ++i) CHECK(bench.taken[i] == pattern_frame(60 + i, i));
  });
}

TEST_CASE("F8: ENOBUFS and ENOMEM on a write cost a frame each, by name, and the others go on") {
  for_each_style([](Style style, engine::Placement placement) {
    FaultBench bench({"", "tx:errno=ENOBUFS:limit=3;tx:errno=ENOMEM:offset=10:limit=2"}, style,
                     placement);
    run(bench);
    CHECK(bench.dropped_tx(DropReason::no_memory) == 5);
    CHECK(bench.taken.size() == kFrames - 5);
    CHECK(bench.nic->running_ports() == 2);
  });
}

TEST_CASE("F9: EINVAL on a write costs the frame, which is counted as refused; the others go on") {
  for_each_style([](Style style, engine::Placement placement) {
    FaultBench bench({"", "tx:errno=EINVAL:every=10"}, style, placement);
    run(bench);
    CHECK(bench.dropped_tx(DropReason::refused) == kFrames / 10);
    CHECK(bench.taken.size() == kFrames - kFrames / 10);
    CHECK(bench.nic->running_ports() == 2);
  });
}

TEST_CASE("F10: EINVAL on a read costs the frame that the kernel freed; reading goes on") {
  for_each_style([](Style style, engine::Placement placement) {
    FaultBench bench({"rx:errno=EINVAL:every=10", ""}, style, placement);
    run(bench);
    CHECK(bench.queue(0).rx_errors == kFrames / 10);
    CHECK(bench.taken.size() == kFrames - kFrames / 10);
    CHECK(bench.nic->running_ports() == 2);
  });
}

TEST_CASE("F13, F15: reads that return nothing or too little are runts, and the others go on") {
  for_each_style([](Style style, engine::Placement placement) {
    FaultBench bench({"rx:short:every=3", ""}, style, placement);
    run(bench);
    CHECK(bench.queue(0).rx_dropped[static_cast<std::size_t>(DropReason::runt)] == kFrames / 3);
    CHECK(bench.taken.size() == kFrames - kFrames / 3);
  });
}

TEST_CASE("F38: every errno value of a write has the response of its class") {
  for (int error = 1; error <= 133; ++error) {
    CAPTURE(error);
    const std::string plan = "tx:errno=" + std::to_string(error) + ":offset=1:limit=1";
    FaultBench bench({"", plan}, Style::poll, engine::Placement::driven);
    const auto push = [&](unsigned number) {
      bench.push(pattern_frame(60, number));
      const bool over = bench.rounds_until([&] {
        return bench.queue(0).rx_packets == number &&
               bench.queue(1).tx_packets + sum(bench.queue(1).tx_dropped) == number;
      });
      CHECK(over);
    };
    for (unsigned number = 1; number <= 3; ++number) push(number);
    const ErrnoVerdict verdict = classify_write(error);
    const bool gone = verdict.reach == ErrnoClass::port;
    CHECK(bench.nic->running_ports() == (gone ? 1 : 2));
    CHECK((bench.nic->stats().ports[1].state == PortState::gone) == gone);
    const unsigned lost = verdict.reach == ErrnoClass::transient ? 0 : gone ? 2 : 1;
    CHECK(bench.taken.size() == 3 - lost);
    CHECK(bench.dropped_tx(verdict.reason) == lost);
  }
}

TEST_CASE("F38: every errno value of a read has the response of its class, in every style") {
  for (int error = 1; error <= 133; ++error) {
    CAPTURE(error);
    const Style style = test::kEveryStyle[static_cast<std::size_t>(error) % 6];
    CAPTURE(std::string(name_of(style)));
    const std::string plan = "rx:errno=" + std::to_string(error) + ":offset=1:limit=1";
    const ErrnoClass reach = classify_read(error).reach;
    FaultBench bench({plan, ""}, style, test::kEveryPlacement[static_cast<std::size_t>(error) % 2]);
    for (unsigned i = 0; i < 2; ++i) bench.push(pattern_frame(60, i));
    const auto port = [&] { return bench.nic->stats().ports[0]; };
    if (reach == ErrnoClass::port) {
      CHECK(bench.rounds_until([&] { return port().state == PortState::gone; }));
      CHECK(bench.nic->running_ports() == 1);
      REQUIRE(bench.taps[1].push(pattern_frame(60, 9)));
      CHECK(bench.rounds_until([&] { return bench.queue(1).rx_packets == 1; }));
    } else {
      bench.push(pattern_frame(60, 2));
      const unsigned lost = reach == ErrnoClass::transient ? 0 : 1;
      CHECK(bench.rounds_until([&] { return bench.taken.size() == 3 - lost; }));
      CHECK(bench.queue(0).rx_errors == lost);
      CHECK(bench.nic->running_ports() == 2);
    }
  }
}

TEST_CASE("another style over a link with faults: its counters go on") {
  FaultBench bench({"rx:drop:every=5", "tx:delay=200:every=3"}, Style::poll,
                   engine::Placement::driven);
  run(bench, 50);
  const std::uint64_t drops = bench.links[0]->rx().of(FrameFaultKind::drop);
  CHECK(drops == 10);
  bench.nic->set_style(Style::push_pause, 500ms);
  bench.round();
  for (unsigned i = 0; i < 50; ++i) bench.push(pattern_frame(60, i));
  const bool settled =
      bench.rounds_until([&] { return bench.links[0]->rx().frames == 100 && bench.adds_up(); });
  CHECK(settled);
  CHECK(bench.links[0]->rx().of(FrameFaultKind::drop) > drops);
}

TEST_CASE("a link with faults refuses a plan that nobody could have written") {
  test::SocketTap tap;
  TapLink link(tap.device("p0"));
  const auto refuses = [&](const FrameFaultRule& rule) {
    CHECK_THROWS_AS(FaultLink(link, {.rules = {rule}}), std::invalid_argument);
  };
  refuses({.turn = {.every = 0}});
  refuses({.kind = FrameFaultKind::error});
  refuses({.kind = FrameFaultKind::error, .error = 5000});
  refuses({.kind = FrameFaultKind::delay});
  refuses({.kind = FrameFaultKind::reorder, .frames = 0});
  refuses({.kind = FrameFaultKind::short_read, .rx = false});
}
