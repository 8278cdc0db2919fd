// SPDX-License-Identifier: BSD-2-Clause
// Whatever can be changed while a Nic runs is changed at random, again and again, while frames are
// flowing between three ports: none is lost, none overtaken, none waits for ever.
#include <doctest/doctest.h>

#include <cstdint>

#include "long_run.hpp"
#include "loop_bench.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

constexpr unsigned kPorts = 3;

NicSettings any_settings(Jitter& random, bool threads) {
  NicSettings settings;
  settings.mode = static_cast<Mode>(random.draw() % 3);
  settings.adaptive.enter_rate = 1 + random.draw() % 100'000;
  settings.adaptive.leave_rate = 1 + random.draw() % 100'000;
  settings.adaptive.enter_window_ns = 1 + random.draw() % 1'000'000;
  settings.adaptive.leave_window_ns = 1 + random.draw() % 1'000'000;
  settings.adaptive.silence_ns = 1 + random.draw() % 1'000'000;
  settings.moderation = random.once_in(2);
  settings.threaded = threads && random.once_in(3);
  settings.budget = 1 + random.draw() % 300;
  settings.byte_budget = random.once_in(2) ? 1 + random.draw() % 5000 : 256 * 1024;
  settings.round_budget = 1 + random.draw() % 400;
  settings.round_ns = random.once_in(2) ? 0 : 1 + random.draw() % 50'000;
  settings.busy_poll_budget = 1 + random.draw() % 100;
  settings.spin_engine = random.once_in(2);
  settings.napi.defer_hard_irqs = random.draw() % 4;
  settings.napi.gro_flush_timeout_ns = random.once_in(3) ? 0 : 1 + random.draw() % 100'000;
  settings.napi.irq_suspend_timeout_ns = random.once_in(2) ? 0 : 1 + random.draw() % 200'000;
  settings.napi.prefer_busy_poll = random.once_in(2);
  return settings;
}

void run(Running how, std::uint64_t frames, bool styles_too) {
  CAPTURE(static_cast<int>(how));
  CAPTURE(styles_too);
  const std::uint64_t seed = ring::test::announce_seed("settings stress", 20250104);
  for (const Style style : kEveryStyle) {
    INFO(std::string(name_of(style)));
    LoopBench bench(how, style, {}, kPorts, frames, 8, seed + static_cast<std::uint64_t>(style));
    unsigned disabled = kPorts;
    const auto can_have_threads = [&] {
      return how != Running::driven && bench.style() != Style::push;
    };
    while (!bench.over() && !bench.stalled()) {
      if (disabled != kPorts) {
        bench.nic->run_once(0);
        if (bench.jitter.once_in(4)) {
          CHECK(bench.nic->set_enabled(disabled, true));
          disabled = kPorts;
        }
        continue;
      }
      bench.round();
      if (bench.jitter.once_in(50))
        bench.nic->configure(any_settings(bench.jitter, can_have_threads()));
      if (bench.jitter.once_in(50)) {
        for (const auto& loop : bench.loops) loop->set_window(1 + bench.jitter.draw() % 100);
      }
      if (styles_too && bench.jitter.once_in(500)) {
        const Style next = kEveryStyle[bench.jitter.draw() % kEveryStyle.size()];
        if (next != Style::push || !bench.nic->settings().threaded) bench.set_style(next);
      }
      if (bench.jitter.once_in(100)) {
        disabled = bench.jitter.draw() % kPorts;
        CHECK(bench.nic->set_enabled(disabled, false));
      }
      if (bench.jitter.once_in(20)) {
        for (const PortStats& port : bench.nic->stats().ports) {
          CHECK(port.queues[0].rx_packets <= frames);
        }
      }
    }
    REQUIRE_FALSE(bench.stalled());
    bench.check_accounts();
  }
}

void run_each(bool styles_too) {
  const std::uint64_t frames = engine::test::long_run() ? 1'000'000 : engine::test::scaled(60'000);
  for (const Running how : kEveryRunning) run(how, frames, styles_too);
}

}  // namespace

TEST_CASE("settings that change at random lose no frame and stall none, in every style") {
  run_each(false);
}

TEST_CASE("nor do styles that change at random along with them") {
  run_each(true);
}
