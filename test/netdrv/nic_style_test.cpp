// SPDX-License-Identifier: BSD-2-Clause
// The NIC's loop over socket pairs in every style: modes, placements, threads, changes of style.
#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "nic_accounts.hpp"
#include "sanitizers.hpp"
#include "socket_bench.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::check_conservation;
using test::for_each_style;
using test::kEveryPlacement;
using test::kEveryStyle;
using test::pattern_frame;
using Bench = test::SocketBench;

namespace {

// Random frames from port 0 to port 1, by a peer of its own.
void check_crossing(const NicSettings& settings, engine::Placement placement, Style style,
                    std::uint32_t seed) {
  const auto app = make_patch();
  Bench bench(*app, settings, placement, 2, style);
  std::mt19937 random(seed);
  constexpr unsigned kFrames = BELLPULL_TEST_SANITIZED ? 600 : 3000;
  std::atomic<bool> wrong{false};
  std::atomic<bool> finished{false};
  std::vector<std::size_t> sizes(kFrames);
  for (std::size_t& size : sizes) size = 60 + random() % 1455;
  std::thread peer([&] {
    unsigned sent = 0;
    unsigned seen = 0;
    while (seen < kFrames && !wrong) {
      // Few enough under way that the socket's queue never overflows.
      const bool may_send = sent < kFrames && sent - seen < 6;
      if (may_send && bench.taps[0].push(pattern_frame(sizes[sent], sent))) ++sent;
      const Bytes got = bench.taps[1].pull_raw();
      if (got.empty()) {
        if (!may_send) bench.taps[1].await();
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

// Numbered frames from port 0 to port 1, by the thread that runs the loop.
class Stream {
 public:
  explicit Stream(Bench& bench) : bench_(bench) {}

  // Sends so many, calls `change` when half of them have come, and waits for the others.
  template <class Change>
  void pass(unsigned frames, Change&& change) {
    const unsigned until = sent_ + frames;
    bool changed = false;
    while (seen_ < until) {
      // Few enough under way that the socket's queue never overflows.
      if (sent_ < until && sent_ - seen_ < 6 &&
          bench_.taps[0].push(pattern_frame(60 + sent_, sent_))) {
        ++sent_;
      }
      if (seen_ >= until - frames / 2 && !changed) {
        changed = true;
        change();
      }
      bench_.nic->run_once(1);
      for (Bytes got; !(got = bench_.taps[1].pull_raw()).empty(); ++seen_) {
        const Bytes frame = pattern_frame(60 + seen_, seen_);
        REQUIRE(got.size() == kVnetHeader + frame.size());
        REQUIRE(std::equal(frame.begin(), frame.end(), got.begin() + kVnetHeader));
      }
    }
  }

  void end() {
    bench_.nic->drain(500ms);
    CHECK(bench_.queue(0).rx_packets == sent_);
    CHECK(bench_.queue(1).tx_packets == sent_);
    check_conservation(*bench_.nic);
  }

 private:
  Bench& bench_;
  unsigned sent_ = 0;
  unsigned seen_ = 0;
};

}  // namespace

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
    for (const Style style : kEveryStyle) {
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
  for (const Style style : kEveryStyle) {
    if (style == Style::push) continue;  // nothing of it is polled
    CAPTURE(name_of(style).data());
    const auto app = make_patch();
    Bench bench(*app, {}, engine::Placement::autonomous, 2, style);
    Stream stream(bench);
    for (unsigned change = 0; change < 20; ++change) {
      stream.pass(20, [&] {
        NicSettings settings = bench.nic->settings();
        settings.threaded = change % 2 == 0 || change % 7 == 6;
        settings.mode = change % 4 < 2 ? Mode::interrupt : Mode::poll;
        bench.nic->configure(settings);
      });
    }
    stream.end();
  }
}

TEST_CASE("one frame at a time never gets stuck: no wake-up is lost on the way to sleep") {
  // The peer sends the next frame only when the last came back, so a lost wake-up stalls for good.
  for_each_style([](Style style, engine::Placement placement) {
    const auto app = make_reflect();
    Bench bench(*app, {.mode = Mode::interrupt}, placement, 1, style);
    const std::uint64_t rounds = engine::test::scaled(10'000);
    std::atomic<bool> finished{false};
    std::atomic<std::uint64_t> round{0};
    std::thread peer([&] {
      Bytes frame = pattern_frame(60, 1);
      frame[0] = std::byte{2};
      frame[6] = std::byte{2};
      while (round < rounds) {
        if (!bench.taps[0].push(frame)) break;
        while (bench.taps[0].pull_raw().empty()) bench.taps[0].await();
        round.fetch_add(1);
      }
      finished = true;
      static_cast<void>(bench.taps[0].push(frame));  // wakes the sleeper for the last time
    });
    while (!finished) {
      const std::uint64_t before = round;
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
    CHECK(round == rounds);
  });
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
  for (const engine::Placement placement : kEveryPlacement) {
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
  for (const engine::Placement placement : kEveryPlacement) {
    const auto app = make_patch();
    Bench bench(*app, {}, placement);
    Stream stream(bench);
    for (unsigned change = 0; change < 4 * kEveryStyle.size(); ++change) {
      const Style style = kEveryStyle[change * 5 % kEveryStyle.size()];
      CAPTURE(name_of(style).data());
      stream.pass(20, [&] { bench.nic->set_style(style, 500ms); });
    }
    stream.end();
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

TEST_CASE("the style changes behind the loss of a device: the other ports are still listened to") {
  const auto app = make_reflect();
  Bench bench(*app, {}, engine::Placement::driven, 3);
  Bytes frame = pattern_frame(60, 1);
  frame[0] = frame[6] = std::byte{2};
  REQUIRE(bench.taps[1].push(frame));
  bench.taps[1].close();  // the reply will find nobody
  for (int i = 0; i < 10; ++i) bench.nic->run_once(0);
  REQUIRE(bench.nic->running_ports() == 2);
  for (const Style style : kEveryStyle) {
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
