// SPDX-License-Identifier: BSD-2-Clause
// What bursts of 32 small copies cost the thread that wants them done:
//   handover/calls    ours: inside of post(), issue() and poll(); an autonomous engine copies, and
//                     the thread has something else to do until then
//   handover/sleeps   the same, but the thread sleeps on the bell: all of its CPU time
//   handover/inline   it copies itself, with memcpy
//   batch/engine      how many copies come back per second, channel kept full
//   batch/inline      how many it makes itself
// hot: the same bytes each time; cold: a walk through more than the caches hold.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <string>

#include "engine_copies.hpp"
#include "submitter.hpp"

namespace bellpull::bench {
namespace {

constexpr std::size_t kCold = std::size_t{64} << 20;

[[nodiscard]] std::size_t slots_of(std::size_t bytes, bool hot) {
  return hot ? kMaxBurst : kCold / bytes / kMaxBurst * kMaxBurst;
}

/// Counter submitter_ns: CPU time of the submitting thread for a copy.
template <class Submitter>
void handover(benchmark::State& state, std::size_t bytes, bool hot) {
  const CopyMemory memory(slots_of(bytes, hot), bytes);
  Submitter submitter(memory);
  const auto step = [&] { return submitter.burst(); };
  pin_to(kClientCore);
  count_for(kWarmUp, step);
  submitter.forget();
  if constexpr (Submitter::kInline) {
    measure_alone(state, step);
  } else {
    measure_beside(state, submitter.worker(), step);
  }
  state.counters["submitter_ns"] = submitter.nanoseconds_per_copy();
  // A thread that sleeps has no share to speak of.
  if (Submitter::kSleeps) state.counters["core_share"] = 1;
  if (!submitter.right() || !memory.copied(kMaxBurst)) {
    state.SkipWithError("a copy failed, or its bytes are wrong");
  }
}

void inline_batch(benchmark::State& state, std::size_t bytes) {
  const CopyMemory memory(256, bytes);
  std::size_t slot = 0;
  measure_alone(state, [&] {
    copy_inline(memory, slot, kMaxBurst);
    slot = (slot + kMaxBurst) % memory.slots();
    return kMaxBurst;
  });
}

void engine_batch(benchmark::State& state, std::size_t bytes) {
  const auto copies =
      std::make_unique<EngineCopies>(CopiesShape{.burst = kMaxBurst, .bytes = bytes});
  measure_beside(state, copies->worker(), [&] { return copies->step(); });
  if (!copies->right()) state.SkipWithError("some transfers failed, or their bytes are wrong");
}

template <class Run>
void add(const std::string& name, Run run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Unit(benchmark::kMillisecond);
}

template <class Submitter>
void add_handover(const std::string& name, const std::string& threads) {
  for (const bool hot : {true, false}) {
    for (const std::size_t bytes : {64U, 256U, 1024U, 1500U, 4096U, 16384U, 65536U}) {
      add(name + (hot ? "/hot/" : "/cold/") + std::to_string(bytes) + threads,
          [bytes, hot](benchmark::State& state) { handover<Submitter>(state, bytes, hot); });
    }
  }
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) {
  using namespace bellpull::bench;
  add_handover<HandsOver>("handover/calls", "/two_threads");
  add_handover<SleepsMeanwhile>("handover/sleeps", "/two_threads");
  add_handover<CopiesItself>("handover/inline", "/one_thread");
  for (const std::size_t bytes : {64U, 256U, 576U, 1500U}) {
    const std::string size = std::to_string(bytes);
    add("batch/engine/" + size + "/two_threads",
        [bytes](benchmark::State& state) { engine_batch(state, bytes); });
    add("batch/inline/" + size + "/one_thread",
        [bytes](benchmark::State& state) { inline_batch(state, bytes); });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
