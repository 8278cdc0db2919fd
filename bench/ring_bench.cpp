// SPDX-License-Identifier: BSD-2-Clause
// Elements through rings of values: ours beside what Debian packages, each by the calls that suit
// it best. All contenders of a point follow each other, in an order that the seed says, as the
// points do; `bench/run ring` starts the program once a round, each with another seed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "value_boost.hpp"
#include "value_harness.hpp"
#include "value_ours.hpp"
#if BENCH_HAS_CK
#include "value_ck.hpp"
#endif
#if BENCH_HAS_DPDK
#include "value_rte.hpp"
#endif
#if BENCH_HAS_READERWRITERQUEUE
#include "value_readerwriter.hpp"
#endif
#if BENCH_HAS_CONCURRENTQUEUE
#include "value_concurrent.hpp"
#endif

namespace bellpull::bench {
namespace {

using Take = std::function<Sample(const Manner&)>;

struct Contender {
  std::string name;
  Take take;
};

/// The contenders of each point, by its name.
class Grid {
 public:
  template <class Ring>
  void spsc(const std::string& name, unsigned capacity) {
    for (const unsigned burst : {1U, 8U, 32U, 64U}) {
      const Point point{.capacity = capacity, .burst = burst};
      points_["spsc" + shape<Ring>(capacity) + "/burst:" + std::to_string(burst)].push_back(
          {name, [point](const Manner& manner) { return stream<Ring, false>(point, manner); }});
    }
    const Point point{.capacity = capacity};
    points_["pingpong" + shape<Ring>(capacity)].push_back(
        {name, [point](const Manner& manner) { return ping_pong<Ring>(point, manner); }});
  }

  template <class Ring>
  void mpsc(const std::string& name, unsigned capacity) {
    for (const unsigned producers : {1U, 2U}) {
      for (const unsigned burst : {1U, 8U, 32U, 64U}) {
        const Point point{.capacity = capacity, .burst = burst, .producers = producers};
        points_["mpsc" + std::to_string(producers) + shape<Ring>(capacity) +
                "/burst:" + std::to_string(burst)]
            .push_back({name, [point](const Manner& manner) {
                          return stream<Ring, true>(point, manner);
                        }});
      }
    }
  }

  [[nodiscard]] std::map<std::string, std::vector<Contender>>& points() { return points_; }

 private:
  template <class Ring>
  [[nodiscard]] static std::string shape(unsigned capacity) {
    return "/capacity:" + std::to_string(capacity) +
           "/bytes:" + std::to_string(sizeof(typename Ring::Value));
  }

  std::map<std::string, std::vector<Contender>> points_;
};

template <std::size_t kBytes, unsigned kCapacity>
void add(Grid& grid) {
  using T = Element<kBytes>;
  grid.spsc<OurSpsc<T>>("ours", kCapacity);
  grid.spsc<OurCopyingSpsc<T>>("ours_copy", kCapacity);
  grid.mpsc<OurMpsc<T>>("ours", kCapacity);
  grid.spsc<BoostSpsc<T, kCapacity>>("boost", kCapacity);
  grid.mpsc<BoostMpsc<T>>("boost", kCapacity);
#if BENCH_HAS_CK
  grid.spsc<CkRing<T, false>>("ck_ring", kCapacity);
  grid.mpsc<CkRing<T, true>>("ck_ring", kCapacity);
#endif
#if BENCH_HAS_DPDK
  grid.spsc<RteSpsc<T>>("rte_ring", kCapacity);
  grid.spsc<RteZeroCopy<T>>("rte_ring_zc", kCapacity);
  grid.mpsc<RteMpsc<T, false>>("rte_ring", kCapacity);
  grid.mpsc<RteMpsc<T, true>>("rte_ring_rts", kCapacity);
#endif
#if BENCH_HAS_READERWRITERQUEUE
  grid.spsc<ReaderWriterQueue<T>>("readerwriterqueue", kCapacity);
  grid.spsc<ReaderWriterCircular<T>>("readerwritercircular", kCapacity);
#endif
#if BENCH_HAS_CONCURRENTQUEUE
  grid.mpsc<ConcurrentQueue<T>>("concurrentqueue", kCapacity);
#endif
}

void run(benchmark::State& state, const Take& take, const Manner& manner) {
  Sample sample;
  for (auto _ : state) {
    try {
      sample = undisturbed(manner, [&] { return take(manner); });
    } catch (const std::exception& error) {
      state.SkipWithError(error.what());
      return;
    }
    state.SetIterationTime(sample.seconds);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(sample.count));
  state.counters["core_share"] = sample.core_share;
  state.counters["round_trip_before"] = sample.round_trip_before;
  state.counters["round_trip_after"] = sample.round_trip_after;
}

/// Registers in the order of the run: Google Benchmark would mix the points with each other.
void enlist(Grid& grid, const Manner& manner, std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  std::vector<std::string> order;
  for (const auto& [name, contenders] : grid.points()) order.push_back(name);
  std::shuffle(order.begin(), order.end(), dice);
  for (const std::string& point : order) {
    std::vector<Contender>& contenders = grid.points().at(point);
    std::shuffle(contenders.begin(), contenders.end(), dice);
    for (const Contender& contender : contenders) {
      const std::string name = "value/" + point + "/" + contender.name;
      benchmark::RegisterBenchmark(
          name.c_str(),
          [take = contender.take, manner](benchmark::State& state) { run(state, take, manner); })
          ->Iterations(1)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

/// Takes `--name=value` out of the arguments; `fallback` if it is not there.
double option(int& argc, char** argv, std::string_view name, double fallback) {
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(name)) {
      fallback = std::strtod(argv[i] + name.size(), nullptr);
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return fallback;
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) {
  using namespace bellpull::bench;
  Manner manner;
  const auto seed = static_cast<std::uint64_t>(option(argc, argv, "--seed=", 1));
  manner.measured_s = option(argc, argv, "--sample_ms=", manner.measured_s * 1e3) / 1e3;
  manner.core_share = option(argc, argv, "--core_share=", manner.core_share);
  manner.like = option(argc, argv, "--like=", manner.like);
  Grid grid;
  add<8, 64>(grid), add<16, 64>(grid), add<64, 64>(grid);
  add<8, 256>(grid), add<16, 256>(grid), add<64, 256>(grid);
  add<8, 1024>(grid), add<16, 1024>(grid), add<64, 1024>(grid);
  enlist(grid, manner, seed);
  benchmark::AddCustomContext("missing", BENCH_MISSING);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
