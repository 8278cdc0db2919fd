// SPDX-License-Identifier: BSD-2-Clause
// Copies of 64 bytes by a thread for another one, kept as full as 256 in flight: a channel of ours
// and an autonomous engine, DPDK's dma_skeleton, and two bare rings with a thread that copies.
// Beside them no-ops of ours, also by a driven engine. `bench/run engine` runs it.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "engine_copies.hpp"
#if BENCH_HAS_DPDK
#include "ring_copies.hpp"
#endif
#if BENCH_HAS_SKELETON
#include "skeleton_copies.hpp"
#endif

namespace bellpull::bench {
namespace {

constexpr std::size_t kBytes = 64;

template <class Copies>
void finish(benchmark::State& state, Copies& copies) {
  if (!copies.right()) state.SkipWithError("some transfers failed, or their bytes are wrong");
}

template <class Make>
void add(const std::string& name, bool two_threads, Make make) {
  const auto run = [make, two_threads](benchmark::State& state) {
    const auto copies = make();
    const auto step = [&] { return copies->step(); };
    if (two_threads) {
      measure_beside(state, copies->worker(), step);
    } else {
      measure_alone(state, step);
    }
    finish(state, *copies);
  };
  benchmark::RegisterBenchmark((name + (two_threads ? "/two_threads" : "/one_thread")).c_str(), run)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

void add_ours(unsigned burst) {
  using namespace engine;
  for (const QueueLayout layout : {QueueLayout::split, QueueLayout::packed}) {
    for (const Operation operation : {Operation::copy, Operation::nop}) {
      for (const Placement placement : {Placement::autonomous, Placement::driven}) {
        const CopiesShape shape{layout, operation, placement, burst, kBytes};
        const bool autonomous = placement == Placement::autonomous;
        if (operation == Operation::copy && !autonomous) continue;
        add(std::string(operation == Operation::copy ? "small/copy/" : "small/nop/") +
                (layout == QueueLayout::split ? "split" : "packed") +
                "/burst:" + std::to_string(burst),
            autonomous, [shape] { return std::make_unique<EngineCopies>(shape); });
      }
    }
  }
}

void add_peers([[maybe_unused]] unsigned burst) {
#if BENCH_HAS_DPDK
  add("small/copy/rings/burst:" + std::to_string(burst), true,
      [burst] { return std::make_unique<RingCopies>(burst, kBytes); });
#endif
#if BENCH_HAS_SKELETON
  add("small/copy/skeleton/burst:" + std::to_string(burst), true,
      [burst] { return std::make_unique<SkeletonCopies>(burst, kBytes); });
#endif
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) {
  for (const unsigned burst : {1U, 32U}) {
    bellpull::bench::add_ours(burst);
    bellpull::bench::add_peers(burst);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
