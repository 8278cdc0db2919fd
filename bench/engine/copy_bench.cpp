// SPDX-License-Identifier: BSD-2-Clause
// Single large transfers by a driven engine, each from post() to poll():
//   copy/engine, copy/memcpy      a copy, and the C library's
//   fused/one_pass, fused/two_passes   copy and checksum as one operation, and as two
// hot: the same bytes each time; cold: a walk through more than the caches hold.
// `bench/run engine` runs it, memcpy once more with the C library's thresholds set right.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "copy_memory.hpp"
#include "driven_channel.hpp"
#include "two_threads.hpp"

namespace bellpull::bench {
namespace {

using engine::Operation;
using engine::OperationRequest;
using engine::Segment;

/// Of the cold source, and as much again of the target: together four times a last cache of 32 MiB.
constexpr std::size_t kCold = std::size_t{64} << 20;

class MemcpyWork {
 public:
  void operator()(std::byte* to, const std::byte* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
    benchmark::ClobberMemory();
  }
  [[nodiscard]] bool right() const { return true; }
};

class EngineCopy {
 public:
  void operator()(std::byte* to, std::byte* from, std::size_t bytes) {
    const Segment source{from, bytes};
    const Segment destination{to, bytes};
    const OperationRequest request{
        .operation = Operation::copy, .source = {&source, 1}, .destination = {&destination, 1}};
    channel_.run({&request, 1});
  }
  [[nodiscard]] bool right() const { return channel_.right(); }

 private:
  DrivenChannel channel_;
};

class OnePass {
 public:
  void operator()(std::byte* to, std::byte* from, std::size_t bytes) {
    const Segment source{from, bytes};
    const Segment destination{to, bytes};
    const OperationRequest request{.operation = Operation::copy_crc32c,
                                   .source = {&source, 1},
                                   .destination = {&destination, 1}};
    channel_.run({&request, 1});
    benchmark::DoNotOptimize(channel_.value(0));
  }
  [[nodiscard]] bool right() const { return channel_.right(); }

 private:
  DrivenChannel channel_;
};

/// In one burst. The checksum is of the source, which the copy has just brought near.
class TwoPasses {
 public:
  void operator()(std::byte* to, std::byte* from, std::size_t bytes) {
    const Segment source{from, bytes};
    const Segment destination{to, bytes};
    const std::array<OperationRequest, 2> requests{
        {{.operation = Operation::copy, .source = {&source, 1}, .destination = {&destination, 1}},
         {.operation = Operation::crc32c, .source = {&source, 1}}}};
    channel_.run(requests);
    benchmark::DoNotOptimize(channel_.value(1));
  }
  [[nodiscard]] bool right() const { return channel_.right(); }

 private:
  DrivenChannel channel_;
};

template <class Work>
void transfers(benchmark::State& state, std::size_t bytes, bool hot) {
  const std::size_t slots = hot ? 1 : kCold / bytes;
  const CopyMemory memory(slots, bytes);
  const auto work = std::make_unique<Work>();
  std::size_t slot = 0;
  const Counted counted = measure_alone(state, [&] {
    (*work)(memory.to(slot), memory.from(slot), bytes);
    slot = slot + 1 == slots ? 0 : slot + 1;
    return 1U;
  });
  const double moved = static_cast<double>(counted.count) * static_cast<double>(bytes);
  state.counters["gbps"] = moved / counted.seconds * 1e-9;
  if (!work->right() || !memory.copied(1)) {
    state.SkipWithError("a transfer failed, or its bytes are wrong");
  }
}

template <class Work>
void add(const std::string& name) {
  for (const bool hot : {true, false}) {
    for (std::size_t bytes = 4096; bytes <= std::size_t{16} << 20; bytes *= 4) {
      const std::string full = name + (hot ? "/hot/" : "/cold/") + std::to_string(bytes);
      benchmark::RegisterBenchmark(
          (full + "/one_thread").c_str(),
          [bytes, hot](benchmark::State& state) { transfers<Work>(state, bytes, hot); })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) {
  using namespace bellpull::bench;
  add<EngineCopy>("copy/engine");
  add<MemcpyWork>("copy/memcpy");
  add<OnePass>("fused/one_pass");
  add<TwoPasses>("fused/two_passes");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
