// SPDX-License-Identifier: BSD-2-Clause
// The NIC's loop over socket pairs: modes, placements, budgets, accounting, the end of a port.
#include "bellpull/netdrv/nic.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "socket_tap.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::pattern_frame;
using test::SocketTap;

namespace {

constexpr PortOptions kRings{.rx_ring = 128, .tx_ring = 128};

constexpr std::array kStyles{Style::push,   Style::push_backlog, Style::push_pause,
                             Style::notify, Style::poll,         Style::virtqueue};
constexpr std::array kPlacements{engine::Placement::driven, engine::Placement::autonomous};

// Calls `test(style, placement)` for each of both.
template <class Test>
void for_each_style(Test&& test) {
  for (const Style style : kStyles) {
    for (const engine::Placement placement : kPlacements) {
      CAPTURE(name_of(style).data());
      CAPTURE(static_cast<int>(placement));
      test(style, placement);
    }
  }
}

// An application made of a function.
struct FunctionApp final : App {
  using Function = std::function<void(unsigned, std::span<Packet>, Egress&)>;
  explicit FunctionApp(Function f) : function(std::move(f)) {}
  void receive(unsigned port, std::span<Packet> burst, Egress& egress) noexcept override {
    function(port, burst, egress);
  }
  Function function;
};

// A NIC on `ports` socket pairs, run by the thread that calls run().
struct Bench {
  Bench(App& app, const NicSettings& settings, engine::Placement placement, unsigned ports = 2,
        Style style = Style::poll)
      : engine({.placement = placement}),
        taps(ports),
        nic(std::make_unique<Nic>(engine, app, settings)) {
    for (unsigned i = 0; i < ports; ++i) {
      links.push_back(std::make_unique<TapLink>(taps[i].device("p" + std::to_string(i))));
      nic->add_port(*links.back(), style, kRings);
    }
    nic->start();
  }
  ~Bench() {
    nic->drain(0ms);
    CHECK(outstanding() == 0);
  }

  // Rounds until there is nothing to do. Never sleeps.
  void settle() {
    for (int idle = 0; idle < 3;) idle = nic->run_once(0) ? 0 : idle + 1;
  }
  void set_budget(unsigned budget) {
    NicSettings settings = nic->settings();
    settings.budget = budget;
    nic->configure(settings);
  }
  void set_mode(Mode mode) {
    NicSettings settings = nic->settings();
    settings.mode = mode;
    nic->configure(settings);
  }
  [[nodiscard]] std::uint64_t outstanding() const { return nic->stats().pool_outstanding; }
  [[nodiscard]] QueueStats queue(unsigned port) const { return nic->stats().ports[port].queues[0]; }

  engine::Engine engine;
  std::vector<SocketTap> taps;
  std::vector<std::unique_ptr<TapLink>> links;
  std::unique_ptr<Nic> nic;
};

std::uint64_t sum(const std::array<std::uint64_t, kDropReasons>& drops) {
  std::uint64_t total = 0;
  for (const std::uint64_t value : drops) total += value;
  return total;
}

// The law of PortCounters, over all ports, once drained.
void check_conservation(const Nic& nic) {
  std::uint64_t received = 0;
  std::uint64_t ended = 0;
  for (const PortStats& port : nic.stats().ports) {
    const QueueStats& queue = port.queues[0];
    received += queue.rx_packets;
    ended += sum(queue.rx_dropped) + queue.rx_consumed + queue.tx_packets + sum(queue.tx_dropped);
  }
  CHECK(received == ended);
}

}  // namespace

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

// Random frames from port 0 to port 1, by a peer of its own.
void check_crossing(const NicSettings& settings, engine::Placement placement, Style style,
                    std::uint32_t seed) {
  const auto app = make_patch();
  Bench bench(*app, settings, placement, 2, style);
  std::mt19937 random(seed);
  constexpr unsigned kFrames = 3000;
  std::atomic<bool> wrong{false};
  std::atomic<bool> finished{false};
  std::vector<std::size_t> sizes(kFrames);
  for (std::size_t& size : sizes) size = 60 + random() % 1455;
  std::thread peer([&] {
    unsigned sent = 0;
    unsigned seen = 0;
    while (seen < kFrames && !wrong) {
      // Few enough under way that the socket's queue never overflows.
      if (sent < kFrames && sent - seen < 6 &&
          bench.taps[0].push(pattern_frame(sizes[sent], sent))) {
        ++sent;
      }
      const Bytes got = bench.taps[1].pull_raw();
      if (got.empty()) {
        std::this_thread::yield();
        continue;
      }
      const Bytes frame = pattern_frame(sizes[seen], seen);
      wrong = got.size() != kVnetHeader + frame.size() ||
              !std::equal(frame.begin(), frame.end(), got.begin() + kVnetHeader);
      ++seen;
    }
    finished = true;
  });
  while (!finished) bench.nic->run_once(1);
  peer.join();
  CHECK_FALSE(wrong);
  bench.nic->drain(500ms);
  CHECK(bench.queue(0).rx_packets == kFrames);
  CHECK(bench.queue(1).tx_packets == kFrames);
  check_conservation(*bench.nic);
}

TEST_CASE(
    "frames cross two patched ports byte for byte, in order, in every style, mode, placement") {
  const std::uint32_t seed = 20240607;
  MESSAGE("seed " << seed);
  for (const Mode mode : {Mode::interrupt, Mode::poll}) {
    for_each_style([&](Style style, engine::Placement placement) {
      check_crossing({.mode = mode}, placement, style, seed);
    });
  }
}

TEST_CASE("R21: the same with a thread per instance") {
  const std::uint32_t seed = 20261121;
  MESSAGE("seed " << seed);
  for (const Mode mode : {Mode::interrupt, Mode::poll}) {
    for (const Style style : kStyles) {
      if (style == Style::push) continue;  // nothing of it is polled
      CAPTURE(name_of(style).data());
      check_crossing({.mode = mode, .threaded = true}, engine::Placement::autonomous, style, seed);
    }
  }
}

TEST_CASE("R21: threads need an engine of its own, and say so") {
  const auto app = make_discard();
  engine::Engine driven{engine::EngineOptions{}};
  CHECK_THROWS_AS(Nic(driven, *app, {.threaded = true}), std::invalid_argument);
  Bench bench(*app, {}, engine::Placement::driven, 1);
  NicSettings settings = bench.nic->settings();
  settings.threaded = true;
  CHECK_THROWS_AS(bench.nic->configure(settings), std::invalid_argument);
  CHECK_FALSE(bench.nic->settings().threaded);

  Bench pushes(*app, {}, engine::Placement::autonomous, 1, Style::push);
  settings = pushes.nic->settings();
  settings.threaded = true;
  CHECK_THROWS_AS(pushes.nic->configure(settings), std::invalid_argument);
  Bench polls(*app, {.threaded = true}, engine::Placement::autonomous, 1);
  CHECK_THROWS_AS(polls.nic->set_style(Style::push, 100ms), std::invalid_argument);
  CHECK(polls.nic->running_ports() == 1);
}

TEST_CASE("R21: threads come and go while frames are flowing; none is lost, none overtaken") {
  for (const Style style : kStyles) {
    if (style == Style::push) continue;  // nothing of it is polled
    CAPTURE(name_of(style).data());
    const auto app = make_patch();
    Bench bench(*app, {}, engine::Placement::autonomous, 2, style);
    unsigned sent = 0;
    unsigned seen = 0;
    for (unsigned change = 0; change < 20; ++change) {
      const unsigned until = sent + 20;
      bool changed = false;
      while (seen < until) {
        if (sent < until && sent - seen < 6 && bench.taps[0].push(pattern_frame(60 + sent, sent))) {
          ++sent;
        }
        if (seen >= until - 10 && !changed) {
          changed = true;
          NicSettings settings = bench.nic->settings();
          settings.threaded = change % 2 == 0 || change % 7 == 6;
          settings.mode = change % 4 < 2 ? Mode::interrupt : Mode::poll;
          bench.nic->configure(settings);
        }
        bench.nic->run_once(1);
        for (Bytes got; !(got = bench.taps[1].pull_raw()).empty(); ++seen) {
          const Bytes frame = pattern_frame(60 + seen, seen);
          REQUIRE(got.size() == kVnetHeader + frame.size());
          REQUIRE(std::equal(frame.begin(), frame.end(), got.begin() + kVnetHeader));
        }
      }
    }
    bench.nic->drain(500ms);
    CHECK(bench.queue(0).rx_packets == sent);
    CHECK(bench.queue(1).tx_packets == sent);
    check_conservation(*bench.nic);
  }
}

TEST_CASE("one frame at a time never gets stuck: no wake-up is lost on the way to sleep") {
  // The peer sends the next frame only when the last came back, so a lost wake-up stalls for good.
  for_each_style([](Style style, engine::Placement placement) {
    const auto app = make_reflect();
    Bench bench(*app, {.mode = Mode::interrupt}, placement, 1, style);
    constexpr unsigned kRounds = 10000;
    std::atomic<bool> finished{false};
    std::atomic<unsigned> round{0};
    std::thread peer([&] {
      Bytes frame = pattern_frame(60, 1);
      frame[0] = std::byte{2};
      frame[6] = std::byte{2};
      while (round < kRounds) {
        if (!bench.taps[0].push(frame)) break;
        Bytes got;
        while ((got = bench.taps[0].pull_raw()).empty()) std::this_thread::yield();
        round.fetch_add(1);
      }
      finished = true;
      static_cast<void>(bench.taps[0].push(frame));  // wakes the sleeper for the last time
    });
    while (!finished) {
      const unsigned before = round;
      // Pushed straight from an engine of its own, frames are none of the loop's business.
      const bool listens = style != Style::push || placement == engine::Placement::driven;
      // A stall shows as a sleep of 20 s: then the round did not move although the peer waits.
      bench.nic->run_once(listens ? 20000 : 10);
      if (listens && !finished && before == round &&
          bench.nic->stats().waits != bench.nic->stats().wakeups) {
        FAIL("stalled in round " << before);
      }
    }
    peer.join();
    CHECK(round == kRounds);
  });
}

TEST_CASE("an idle NIC that listens asks the kernel to sleep once and is not woken") {
  const auto app = make_discard();
  for (const auto placement : {engine::Placement::driven, engine::Placement::autonomous}) {
    Bench bench(*app, {.mode = Mode::interrupt}, placement);
    bench.settle();
    const NicStats before = bench.nic->stats();
    CHECK_FALSE(bench.nic->run_once(50));
    CHECK_FALSE(bench.nic->run_once(50));
    const NicStats after = bench.nic->stats();
    CHECK(after.waits == before.waits + 2);
    CHECK(after.wakeups == before.wakeups);
    CHECK(after.engine.waits <= before.engine.waits + 1);
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

TEST_CASE("adaptive: polls under load, listens when it is over, and is then not woken") {
  const auto app = make_discard();
  for_each_style([&](Style style, engine::Placement placement) {
    // Pushed straight from an engine of its own, frames are none of the loop's business.
    if (style == Style::push && placement == engine::Placement::autonomous) return;
    Bench bench(*app, {.mode = Mode::adaptive, .adaptive = {.enter_rate = 1000}}, placement, 1,
                style);
    bench.settle();
    CHECK_FALSE(bench.nic->polling());
    unsigned pushed = 0;
    while (!bench.nic->polling()) {
      if (bench.taps[0].push(pattern_frame(60, pushed))) ++pushed;
      bench.nic->run_once(0);
    }
    while (bench.nic->polling() || bench.queue(0).rx_consumed < pushed) bench.nic->run_once(1);
    CHECK(bench.queue(0).mode_switches >= 2);
    CHECK(bench.queue(0).rx_consumed == pushed);
    bench.settle();
    const NicStats before = bench.nic->stats();
    bench.nic->run_once(30);
    CHECK(bench.nic->stats().wakeups == before.wakeups);
    REQUIRE(bench.taps[0].push(pattern_frame(60, 1)));
    while (bench.queue(0).rx_consumed == pushed) bench.nic->run_once(20000);
  });
}

TEST_CASE("R13: a port that defers is polled by its timer, however its owner sleeps") {
  const auto app = make_discard();
  for (const engine::Placement placement : kPlacements) {
    for (const bool sleeps_elsewhere : {false, true}) {
      NicSettings settings;
      settings.napi = {.defer_hard_irqs = 1, .gro_flush_timeout_ns = 2'000'000};
      Bench bench(*app, settings, placement, 1);
      bench.settle();
      for (unsigned round = 1; round <= 20; ++round) {
        REQUIRE(bench.taps[0].push(pattern_frame(60, round)));
        while (bench.queue(0).rx_consumed < round) {
          if (sleeps_elsewhere) {
            pollfd waiting{bench.nic->fd(), POLLIN, 0};
            while (bench.nic->run_once(0)) {
            }
            REQUIRE(::poll(&waiting, 1, 20000) == 1);
          }
          bench.nic->run_once(sleeps_elsewhere ? 0 : 20000);
        }
      }
      CHECK(bench.queue(0).deferred > 0);
      CHECK(bench.queue(0).timer_fires > 0);
    }
  }
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

TEST_CASE("draining accounts for every frame on its way, in every style and placement") {
  for_each_style([](Style style, engine::Placement placement) {
    const auto app = make_patch();
    Bench bench(*app, {}, placement, 2, style);
    for (unsigned i = 0; i < 8; ++i) REQUIRE(bench.taps[0].push(pattern_frame(60, i)));
    bench.nic->run_once(0);
    bench.nic->drain(500ms);
    check_conservation(*bench.nic);
    CHECK(bench.outstanding() == 0);
    CHECK(bench.nic->running_ports() == 0);
    bench.nic->drain(500ms);  // harmless twice
  });
}

TEST_CASE("the style changes while frames are flowing: none is lost, none overtaken") {
  for (const engine::Placement placement : kPlacements) {
    const auto app = make_patch();
    Bench bench(*app, {}, placement);
    unsigned sent = 0;
    unsigned seen = 0;
    for (unsigned change = 0; change < 4 * kStyles.size(); ++change) {
      const Style style = kStyles[change * 5 % kStyles.size()];
      CAPTURE(name_of(style).data());
      const unsigned until = sent + 20;
      while (seen < until) {
        if (sent < until && sent - seen < 6 && bench.taps[0].push(pattern_frame(60 + sent, sent))) {
          ++sent;
        }
        // In the middle of things.
        if (seen == until - 10) bench.nic->set_style(style, 500ms);
        bench.nic->run_once(1);
        for (Bytes got; !(got = bench.taps[1].pull_raw()).empty(); ++seen) {
          const Bytes frame = pattern_frame(60 + seen, seen);
          REQUIRE(got.size() == kVnetHeader + frame.size());
          REQUIRE(std::equal(frame.begin(), frame.end(), got.begin() + kVnetHeader));
        }
      }
    }
    bench.nic->drain(500ms);
    CHECK(bench.queue(0).rx_packets == sent);
    CHECK(bench.queue(1).tx_packets == sent);
    check_conservation(*bench.nic);
  }
}

TEST_CASE("a port that is not enabled is not polled; its frames wait and none is lost") {
  const auto app = make_discard();
  for_each_style([&](Style style, engine::Placement placement) {
    if (style == Style::push) return;  // nothing of it is polled
    Bench bench(*app, {}, placement, 1, style);
    bench.settle();
    CHECK(bench.nic->set_enabled(0, false));
    CHECK_FALSE(bench.nic->set_enabled(0, false));
    CHECK_FALSE(bench.nic->set_enabled(1, false));
    for (unsigned i = 0; i < 5; ++i) REQUIRE(bench.taps[0].push(pattern_frame(60, i)));
    for (int i = 0; i < 20; ++i) bench.nic->run_once(1);
    CHECK(bench.queue(0).rx_consumed == 0);
    CHECK(bench.nic->set_enabled(0, true));
    while (bench.queue(0).rx_consumed < 5) bench.nic->run_once(1);
  });
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

TEST_CASE("the style changes behind the loss of a device: the other ports are still listened to") {
  const auto app = make_reflect();
  Bench bench(*app, {}, engine::Placement::driven, 3);
  Bytes frame = pattern_frame(60, 1);
  frame[0] = frame[6] = std::byte{2};
  REQUIRE(bench.taps[1].push(frame));
  bench.taps[1].close();  // the reply will find nobody
  for (int i = 0; i < 10; ++i) bench.nic->run_once(0);
  REQUIRE(bench.nic->running_ports() == 2);
  for (const Style style : kStyles) {
    bench.nic->set_style(style, 500ms);
    for (const unsigned port : {0U, 2U}) {
      CAPTURE(port);
      const std::uint64_t before = bench.queue(port).tx_packets;
      bench.settle();
      REQUIRE(bench.taps[port].push(frame));
      bench.settle();
      CHECK(bench.queue(port).tx_packets == before + 1);
    }
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
      while (bench.queue(0).rx_consumed != round || bench.queue(0).deferred < round) {
        if (bench.nic->run_once(0)) continue;
        pollfd one{.fd = bench.nic->fd(), .events = POLLIN, .revents = 0};
        if (bench.queue(0).rx_consumed == round && pushed) break;
        // Only a wake-up that is lost takes as long.
        REQUIRE(::poll(&one, 1, pushed ? 1 : 20'000) >= (pushed ? 0 : 1));
      }
    }
  });
}

TEST_CASE("another descriptor can be waited for in the same sleep, and is no wake-up of a port") {
  const auto app = make_discard();
  Bench bench(*app, {.mode = Mode::interrupt}, engine::Placement::driven, 1);
  SocketTap other;
  const TapDevice end = other.device("other");
  struct Seen {
    int fd;
    int times = 0;
    static void ready(void* self) noexcept {
      auto& seen = *static_cast<Seen*>(self);
      char bytes[64];
      while (::read(seen.fd, bytes, sizeof bytes) > 0) ++seen.times;
    }
  } seen{end.fd()};
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
