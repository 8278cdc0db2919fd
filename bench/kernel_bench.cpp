// SPDX-License-Identifier: BSD-2-Clause
// The byte-moving kernels of every set that this processor offers, by length, and libc's memcpy,
// memset and memcmp beside them; ISA-L's checksum too, where it was there to build with. Compare
// medians of interleaved repetitions:
//
//   kernel_bench --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true
//       --benchmark_report_aggregates_only=true --benchmark_min_time=0.01
//
// On a part of a large machine run it a second time with libc's thresholds set right, or what is
// won against libc is its misjudgement of the caches:
//
//   GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_non_temporal_threshold=N
//
// with three quarters of the last cache as N, in bytes.
#include <benchmark/benchmark.h>

#include "kernels/kernels.hpp"
#if BELLPULL_BENCH_ISAL
#include <isa-l/crc.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>

namespace bellpull::bench {
namespace {

using engine::kernels::Kernels;
using engine::kernels::Pattern;

constexpr std::size_t kLongest = std::size_t{16} << 20;

/// Two ranges that are mapped and no copies of one page of zeros. They begin 1 KiB apart within
/// their pages, so that loads are not held up by stores that look alike in their lower bits.
class Ranges {
 public:
  static Ranges& get() {
    static Ranges ranges;
    return ranges;
  }
  [[nodiscard]] const std::byte* from() const { return from_.get(); }
  [[nodiscard]] std::byte* to() const { return to_.get() + 1024; }
  /// Makes both equal, for the comparisons.
  void equalize() const { std::memcpy(to(), from(), kLongest); }

 private:
  struct Free {
    void operator()(std::byte* at) const { ::operator delete (at, std::align_val_t{4096}); }
  };
  using Owned = std::unique_ptr<std::byte, Free>;

  static Owned make() {
    constexpr std::size_t kBytes = kLongest + 4096;
    Owned made(static_cast<std::byte*>(::operator new (kBytes, std::align_val_t{4096})));
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < kBytes; ++i) {
      state = state * 1664525 + 1013904223;
      made.get()[i] = static_cast<std::byte>(state >> 24);
    }
    return made;
  }

  Owned from_ = make();
  Owned to_ = make();
};

/// Registers `work(to, from, bytes)` under a name for every length.
template <class Work>
void add(const std::string& name, Work work) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [work](benchmark::State& state) {
                                 const Ranges& ranges = Ranges::get();
                                 const auto bytes = static_cast<std::size_t>(state.range(0));
                                 ranges.equalize();
                                 for (auto _ : state) {
                                   work(ranges.to(), ranges.from(), bytes);
                                   benchmark::ClobberMemory();
                                 }
                                 state.SetBytesProcessed(state.iterations() * state.range(0));
                               })
      ->RangeMultiplier(4)
      ->Range(64, kLongest);
}

void add_set(const Kernels& set) {
  const std::string name = set.name;
  const Kernels* const k = &set;
  add(name + "/copy", [k](auto* to, auto* from, std::size_t n) { k->copy(to, from, n); });
  add(name + "/copy_misaligned",
      [k](auto* to, auto* from, std::size_t n) { k->copy(to + 17, from + 3, n); });
  add(name + "/copy_streaming",
      [k](auto* to, auto* from, std::size_t n) { k->copy_streaming(to, from, n); });
  for (const std::size_t size : {1u, 4u, 7u}) {
    Pattern pattern;
    pattern.size = size;
    for (std::size_t i = 0; i < size; ++i) pattern.bytes[i] = static_cast<std::byte>(i + 1);
    add(name + "/fill_" + std::to_string(size),
        [k, pattern](auto* to, auto*, std::size_t n) { k->fill(to, n, pattern, 0); });
  }
  add(name + "/crc32c",
      [k](auto*, auto* from, std::size_t n) { benchmark::DoNotOptimize(k->crc32c(0, from, n)); });
  add(name + "/copy_crc32c", [k](auto* to, auto* from, std::size_t n) {
    benchmark::DoNotOptimize(k->copy_crc32c(0, to, from, n));
  });
  add(name + "/copy_then_crc32c", [k](auto* to, auto* from, std::size_t n) {
    k->copy(to, from, n);
    benchmark::DoNotOptimize(k->crc32c(0, from, n));
  });
  add(name + "/mismatch", [k](auto* to, auto* from, std::size_t n) {
    benchmark::DoNotOptimize(k->mismatch(to, from, n));
  });
}

void add_all() {
  add("libc/memcpy", [](auto* to, auto* from, std::size_t n) { std::memcpy(to, from, n); });
  add("libc/memcpy_misaligned",
      [](auto* to, auto* from, std::size_t n) { std::memcpy(to + 17, from + 3, n); });
  add("libc/memset", [](auto* to, auto*, std::size_t n) { std::memset(to, 1, n); });
  add("libc/memcmp", [](auto* to, auto* from, std::size_t n) {
    benchmark::DoNotOptimize(std::memcmp(to, from, n));
  });
#if BELLPULL_BENCH_ISAL
  add("isal/crc32_iscsi", [](auto*, auto* from, std::size_t n) {
    // Its parameter lacks a const.
    auto* const bytes = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(from));
    benchmark::DoNotOptimize(crc32_iscsi(bytes, static_cast<int>(n), 0xFFFFFFFF));
  });
#endif
  add_set(engine::kernels::portable());
  if (const Kernels* const set = engine::kernels::avx2()) add_set(*set);
  if (const Kernels* const set = engine::kernels::avx512()) add_set(*set);
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) {
  bellpull::bench::add_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
