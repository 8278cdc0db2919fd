// SPDX-License-Identifier: BSD-2-Clause
// The NIC's loop over socket pairs: budgets, sleeping, accounting, the end of a port.
#include "bellpull/netdrv/nic.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <stdexcept>

#include "bellpull/netdrv/apps.hpp"
#include "nic_accounts.hpp"
#include "socket_bench.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::check_conservation;
using test::for_each_style;
using test::FunctionApp;
using test::pattern_frame;
using test::SocketTap;
using Bench = test::SocketBench;

TEST_CASE("options out of range are refused with the range") {
  engine::Engine engine{engine::EngineOptions{}};
  const auto app = make_discard();
  CHECK_THROWS_WITH_AS(Nic(engine, *app, {.budget = 0}), "budget of 0: choose 1 to 4096",
                       std::invalid_argument);
  CHECK_THROWS_AS(Nic(engine, *app, {.budget = 100000}), std::invalid_argument);
  CHECK_THROWS_AS(Nic(engine, *app, {.byte_budget = 0}), std::invalid_argument);
}

TEST_CASE("1,000 frames that wait at once are drained in polls of at most the budget") {
  const auto app = make_discard();
  for (const Mode mode : {Mode::interrupt, Mode::poll}) {
    for (const unsigned budget : {1u, 7u, 64u, 300u}) {
      CAPTURE(budget);
      Bench bench(*app, {.mode = mode, .budget = budget}, engine::Placement::driven, 1);
      unsigned pushed = 0;
      unsigned rounds = 0;
      while (pushed < 1000 || bench.queue(0).rx_packets < 1000) {
        while (pushed < 1000 && bench.taps[0].push(pattern_frame(60, pushed))) ++pushed;
        bench.nic->run_once(0);
        REQUIRE(++rounds < 20000);
      }
      const QueueStats queue = bench.queue(0);
      CHECK(queue.rx_consumed == 1000);
      CHECK(queue.largest_work <= budget);
      CHECK(queue.polls >= 1000 / budget);
    }
  }
}

TEST_CASE("the byte budget bounds a poll as the frame budget does") {
  const auto app = make_discard();
  Bench bench(*app, {.budget = 64, .byte_budget = 4000}, engine::Placement::driven, 1);
  for (unsigned i = 0; i < 10; ++i) REQUIRE(bench.taps[0].push(pattern_frame(1000, i)));
  bench.settle();
  CHECK(bench.queue(0).rx_consumed == 10);
  CHECK(bench.queue(0).largest_work == 4);
}

TEST_CASE("an idle NIC that listens asks the kernel to sleep once and is not woken") {
  const auto app = make_discard();
  for (const auto placement : {engine::Placement::driven, engine::Placement::autonomous}) {
    Bench bench(*app, {.mode = Mode::interrupt}, placement);
    bench.settle();
    NicStats before;
    NicStats after;
    unsigned tries = 0;
    do {  // its engine may still be on its way to sleep
      REQUIRE(++tries < 1000);
      before = bench.nic->stats();
      CHECK_FALSE(bench.nic->run_once(50));
      CHECK_FALSE(bench.nic->run_once(50));
      after = bench.nic->stats();
      CHECK(after.waits == before.waits + 2);
      CHECK(after.wakeups == before.wakeups);
    } while (after.engine.waits != before.engine.waits);
  }
}

TEST_CASE("a NIC that polls never sleeps and never rings its bell") {
  const auto app = make_discard();
  Bench bench(*app, {.mode = Mode::poll}, engine::Placement::driven, 1);
  for (int i = 0; i < 5000; ++i) CHECK(bench.nic->run_once(-1));
  REQUIRE(bench.taps[0].push(pattern_frame(60, 1)));
  for (int i = 0; i < 3; ++i) bench.nic->run_once(-1);
  CHECK(bench.queue(0).rx_consumed == 1);
  CHECK(bench.nic->stats().waits == 0);
  CHECK(bench.queue(0).notifies == 0);
}

TEST_CASE("the mode changes at run time, both ways, and each change is counted") {
  const auto app = make_discard();
  Bench bench(*app, {.mode = Mode::interrupt}, engine::Placement::driven, 1);
  bench.settle();
  bench.set_mode(Mode::poll);
  bench.set_mode(Mode::poll);
  for (int i = 0; i < 10; ++i) CHECK(bench.nic->run_once(-1));
  REQUIRE(bench.taps[0].push(pattern_frame(60, 1)));
  bench.nic->run_once(-1);
  bench.nic->run_once(-1);
  CHECK(bench.queue(0).rx_consumed == 1);
  bench.set_mode(Mode::interrupt);
  bench.settle();
  const std::uint64_t bells = bench.queue(0).notifies;
  REQUIRE(bench.taps[0].push(pattern_frame(60, 2)));
  bench.settle();
  CHECK(bench.queue(0).rx_consumed == 2);
  CHECK(bench.queue(0).notifies == bells + 1);
  CHECK(bench.queue(0).mode_switches == 2);
}

TEST_CASE("the budget changes at run time, and the next round keeps to it") {
  const auto app = make_discard();
  Bench bench(*app, {.budget = 2}, engine::Placement::driven, 1);
  CHECK(bench.nic->settings().budget == 2);
  for (const unsigned budget : {2u, 50u, 1u}) {
    CAPTURE(budget);
    bench.set_budget(budget);
    CHECK(bench.nic->settings().budget == budget);
    for (unsigned i = 0; i < 100; ++i) REQUIRE(bench.taps[0].push(pattern_frame(60, i)));
    const QueueStats before = bench.queue(0);
    bench.settle();
    const QueueStats after = bench.queue(0);
    CHECK(after.rx_consumed - before.rx_consumed == 100);
    CHECK(after.polls - before.polls >= 100 / budget);
    CHECK(after.polls - before.polls <= 100 / budget + 5);  // the rest find nothing
    CHECK(after.largest_work == std::max(before.largest_work, std::uint64_t{budget}));
  }
  CHECK_THROWS_AS(bench.set_budget(0), std::invalid_argument);
  CHECK_THROWS_AS(bench.set_budget(kMaxBudget + 1), std::invalid_argument);
  CHECK(bench.nic->settings().budget == 1);
}

TEST_CASE("frames that arrive while listening ring the bell once per sleep") {
  const auto app = make_discard();
  Bench bench(*app, {.mode = Mode::interrupt}, engine::Placement::driven, 1);
  bench.settle();
  for (unsigned round = 1; round <= 5; ++round) {
    for (unsigned i = 0; i < 10; ++i) REQUIRE(bench.taps[0].push(pattern_frame(60, i)));
    bench.settle();
    CHECK(bench.queue(0).notifies == round);
    CHECK(bench.queue(0).rx_consumed == round * 10);
  }
}

TEST_CASE("a busy port does not starve a quiet one") {
  const auto app = make_discard();
  Bench bench(*app, {.mode = Mode::interrupt, .budget = 8}, engine::Placement::driven, 2);
  bench.settle();
  unsigned pushed = 0;
  while (bench.taps[0].push(pattern_frame(60, pushed))) ++pushed;
  bench.nic->run_once(0);
  REQUIRE(bench.taps[1].push(pattern_frame(60, 1)));
  unsigned rounds = 0;
  while (bench.queue(1).rx_consumed == 0) {
    while (bench.taps[0].push(pattern_frame(60, pushed))) ++pushed;
    bench.nic->run_once(0);
    REQUIRE(++rounds < 20);
  }
}

TEST_CASE("a frame that the application leaves lying is counted as unhandled") {
  FunctionApp app([](unsigned, std::span<Packet> burst, Egress& egress) {
    egress.consume(std::move(burst[0]));
  });
  Bench bench(app, {}, engine::Placement::driven, 1);
  for (unsigned i = 0; i < 3; ++i) REQUIRE(bench.taps[0].push(pattern_frame(60, i)));
  bench.settle();
  CHECK(bench.queue(0).rx_consumed == 1);
  CHECK(bench.queue(0).rx_dropped[static_cast<std::size_t>(DropReason::unhandled)] == 2);
}

TEST_CASE("a frame for a port that does not exist is dropped by name") {
  FunctionApp app([](unsigned, std::span<Packet> burst, Egress& egress) {
    for (Packet& packet : burst) egress.send(7, std::move(packet));
  });
  Bench bench(app, {}, engine::Placement::driven, 1);
  REQUIRE(bench.taps[0].push(pattern_frame(60, 1)));
  bench.settle();
  CHECK(bench.queue(0).rx_dropped[static_cast<std::size_t>(DropReason::no_egress)] == 1);
}

TEST_CASE("what a stuck port cannot take is dropped there, and the other port goes on") {
  const auto app = make_patch();
  Bench bench(*app, {}, engine::Placement::driven);
  // Nobody reads behind port 1, so its socket fills, then its ring, then it drops.
  unsigned pushed = 0;
  for (int i = 0; i < 2000; ++i) {
    if (bench.taps[0].push(pattern_frame(60, pushed))) ++pushed;
    bench.nic->run_once(0);
  }
  bench.settle();
  CHECK(bench.queue(1).tx_dropped[static_cast<std::size_t>(DropReason::ring_full)] > 0);
  CHECK(bench.queue(0).rx_packets == pushed);
  REQUIRE(bench.taps[1].push(pattern_frame(60, 1)));
  bench.settle();
  CHECK(bench.queue(0).tx_packets == 1);
  bench.nic->drain(10ms);
  CHECK(bench.queue(1).tx_dropped[static_cast<std::size_t>(DropReason::shutdown)] == 128);
  check_conservation(*bench.nic);
}

TEST_CASE("a port that loses its device does not disturb the others") {
  const auto app = make_reflect();
  for (const Mode mode : {Mode::interrupt, Mode::poll}) {
    Bench bench(*app, {.mode = mode}, engine::Placement::driven);
    Bytes frame = pattern_frame(60, 1);
    frame[0] = frame[6] = std::byte{2};
    REQUIRE(bench.taps[0].push(frame));
    bench.taps[0].close();  // the reply will find nobody
    for (int i = 0; i < 10; ++i) bench.nic->run_once(0);
    CHECK(bench.nic->stats().ports[0].state == PortState::gone);
    CHECK(bench.nic->running_ports() == 1);
    REQUIRE(bench.taps[1].push(frame));
    for (int i = 0; i < 10; ++i) bench.nic->run_once(0);
    CHECK(bench.queue(1).tx_packets == 1);
    check_conservation(*bench.nic);
  }
}

TEST_CASE("the loop is the caller's: fd() wakes an epoll set of theirs") {
  const auto app = make_discard();
  for (const auto placement : {engine::Placement::driven, engine::Placement::autonomous}) {
    Bench bench(*app, {.mode = Mode::interrupt}, placement, 1);
    const UniqueFd own(::epoll_create1(0));
    epoll_event event{};
    event.events = EPOLLIN;
    REQUIRE(::epoll_ctl(own.get(), EPOLL_CTL_ADD, bench.nic->fd(), &event) == 0);
    for (unsigned round = 1; round <= 50; ++round) {
      while (bench.nic->run_once(0)) {
      }
      REQUIRE(bench.taps[0].push(pattern_frame(60, round)));
      while (bench.queue(0).rx_consumed < round) {
        REQUIRE(::epoll_wait(own.get(), &event, 1, 20000) == 1);
        while (bench.nic->run_once(0)) {
        }
      }
    }
  }
}

TEST_CASE("who sleeps on fd() is woken when a deferred instance is due") {
  const auto app = make_discard();
  for_each_style([&](Style style, engine::Placement placement) {
    const bool pushed = style == Style::push;  // nothing of it waits for a poll
    NicSettings settings;
    settings.napi = {.defer_hard_irqs = 2, .gro_flush_timeout_ns = 50'000};
    Bench bench(*app, settings, placement, 1, style);
    for (std::uint64_t round = 1; round <= 20; ++round) {
      REQUIRE(bench.taps[0].push(pattern_frame(60, 1)));
      const auto waits = [&] {
        return bench.queue(0).rx_consumed != round || bench.queue(0).deferred < round;
      };
      while (waits()) {
        // What it waits for may have come in this very round, and then nothing more does.
        if (bench.nic->run_once(0) || !waits()) continue;
        pollfd one{.fd = bench.nic->fd(), .events = POLLIN, .revents = 0};
        if (bench.queue(0).rx_consumed == round && pushed) break;
        // Only a wake-up that is lost takes as long.
        REQUIRE(::poll(&one, 1, pushed ? 1 : 20'000) >= (pushed ? 0 : 1));
      }
    }
  });
}

// A descriptor of the owner's, and how often something was read from it.
struct Seen {
  int fd;
  int times = 0;
  static void ready(void* self) noexcept {
    auto& seen = *static_cast<Seen*>(self);
    char bytes[64];
    while (::read(seen.fd, bytes, sizeof bytes) > 0) ++seen.times;
  }
};

TEST_CASE("a NIC that polls full rounds hears of another descriptor within some thousand frames") {
  const auto app = make_discard();
  Bench bench(*app, {.mode = Mode::poll}, engine::Placement::driven, 1);
  SocketTap other;
  const TapDevice end = other.device("other");
  Seen seen{end.fd()};
  bench.nic->watch(end.fd(), {&Seen::ready, &seen});
  REQUIRE(other.push(pattern_frame(20, 1)));
  const std::uint64_t before = bench.queue(0).rx_consumed;
  while (seen.times == 0 && bench.queue(0).rx_consumed - before < 20'000) {
    while (bench.taps[0].push(pattern_frame(60, 1))) continue;
    bench.nic->run_once(0);
  }
  CHECK(seen.times == 1);
  CHECK(bench.queue(0).rx_consumed - before <= 10'000);
}

TEST_CASE("another descriptor can be waited for in the same sleep, and is no wake-up of a port") {
  const auto app = make_discard();
  Bench bench(*app, {.mode = Mode::interrupt}, engine::Placement::driven, 1);
  SocketTap other;
  const TapDevice end = other.device("other");
  Seen seen{end.fd()};
  bench.nic->watch(end.fd(), {&Seen::ready, &seen});
  bench.settle();
  const NicStats before = bench.nic->stats();
  REQUIRE(other.push(pattern_frame(20, 1)));
  bench.nic->run_once(20000);
  CHECK(seen.times == 1);
  CHECK(bench.nic->stats().wakeups == before.wakeups);
  bench.set_mode(Mode::poll);
  REQUIRE(other.push(pattern_frame(20, 2)));
  for (int i = 0; i < 2000; ++i) bench.nic->run_once(-1);
  CHECK(seen.times == 2);
}

TEST_CASE("who waits in the same sleep is not called in the middle of a change of style") {
  const auto app = make_patch();
  Bench bench(*app, {}, engine::Placement::driven);
  SocketTap other;
  const TapDevice end = other.device("other");
  unsigned calls = 0;
  bench.nic->watch(end.fd(),
                   {[](void* self) noexcept { ++*static_cast<unsigned*>(self); }, &calls});
  bench.settle();
  // Until nobody takes any more from the second port, so that draining has to wait.
  for (unsigned i = 0; i < 3000; ++i) {
    static_cast<void>(bench.taps[0].push(pattern_frame(1000, i)));
    bench.nic->run_once(0);
  }
  bench.settle();
  const std::uint64_t waits = bench.nic->stats().waits;
  REQUIRE(other.push(pattern_frame(20, 1)));
  bench.nic->set_style(Style::notify, 5ms);
  CHECK(bench.nic->stats().waits > waits);
  CHECK(calls == 0);
  bench.settle();
  CHECK(calls > 0);
}

TEST_CASE("draining changes no statistic of the polls, and an idle run was never woken") {
  const auto app = make_discard();
  for (const auto placement : {engine::Placement::driven, engine::Placement::autonomous}) {
    Bench bench(*app, {.mode = Mode::interrupt}, placement, 1);
    CHECK_FALSE(bench.nic->run_once(20));
    while (bench.nic->run_once(20)) {
    }
    CHECK(bench.nic->stats().wakeups == 0);
    REQUIRE(bench.taps[0].push(pattern_frame(60, 1)));
    while (bench.queue(0).rx_consumed == 0) bench.nic->run_once(1);
    bench.nic->drain(500ms);
    CHECK(bench.queue(0).largest_work == 1);
    CHECK(bench.queue(0).notifies == 1);
  }
}
