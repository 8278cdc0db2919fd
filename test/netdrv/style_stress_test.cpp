// SPDX-License-Identifier: BSD-2-Clause
// Every completion style, mode and placement over devices that deliver the next frame only when an
// earlier one was handed over, with random delays everywhere: a wake-up that is lost once stalls
// the run for good.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

#include "long_run.hpp"
#include "loop_bench.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

// Frames of each style and mode.
std::uint64_t frames_of_each() {
  return engine::test::long_run() ? 10'000'000 : engine::test::scaled(1'000'000);
}

// One at a time, or up to a window, which changes while frames are flowing.
void run(Running how, Style style, Mode mode, std::uint64_t frames, unsigned most_at_a_time,
         std::uint64_t seed) {
  INFO(std::string(name_of(style)));
  CAPTURE(static_cast<int>(mode));
  CAPTURE(static_cast<int>(how));
  CAPTURE(most_at_a_time);
  LoopBench bench(how, style, {.mode = mode}, 1, frames, most_at_a_time, seed);
  REQUIRE(bench.run());
  bench.check_accounts();
}

void run_all(Mode mode) {
  const std::uint64_t seed = ring::test::announce_seed("style stress", 20250103);
  const std::uint64_t share = frames_of_each() / kEveryRunning.size();
  for (const Style style : kEveryStyle) {
    const auto begun = std::chrono::steady_clock::now();
    for (const Running how : kEveryRunning) {
      run(how, style, mode, share / 4, 1, seed);
      run(how, style, mode, share / 4, 3, seed + 1);
      run(how, style, mode, share - share / 4 * 2, 200, seed + 2);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    std::printf("%-12s %.1f s\n", name_of(style).data(), took.count());
  }
}

}  // namespace

TEST_CASE("a NIC that listens hands every frame over, whoever is late, and never gets stuck") {
  run_all(Mode::interrupt);
}

TEST_CASE("a NIC that polls hands every frame over, whoever is late, and never gets stuck") {
  run_all(Mode::poll);
}

// What it left behind, a leak checker would see.
TEST_CASE("a NIC can be destroyed while frames are flowing") {
  const std::uint64_t seed = ring::test::announce_seed("destroyed", 20250106);
  for (unsigned turn = 0; turn < 10; ++turn) {
    for (const Style style : kEveryStyle) {
      for (const Running how : kEveryRunning) {
        INFO(std::string(name_of(style)));
        CAPTURE(static_cast<int>(how));
        constexpr std::uint64_t kEndless = ~std::uint64_t{0};
        LoopBench bench(how, style, {}, 2, kEndless, 100, seed + turn);
        while (bench.handed() < 200 && !bench.stalled()) bench.round();
        REQUIRE_FALSE(bench.stalled());
        bench.nic.reset();
        CHECK(bench.app->wrong() == 0);
      }
    }
  }
}
