// SPDX-License-Identifier: BSD-2-Clause
#include "copy_limits.hpp"

#include <cpuid.h>

#include <algorithm>

namespace bellpull::engine::kernels {

namespace {

struct Caches {
  std::size_t first = std::size_t{32} << 10;
  std::size_t second = std::size_t{256} << 10;
  std::size_t last = std::size_t{8} << 20;
};

struct Registers {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
};

[[nodiscard]] Registers cpuid(unsigned leaf, unsigned subleaf) noexcept {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
  return r;
}

// Not sysconf(): on a part of a large machine it names the last caches of the whole machine added
// up. Intel and AMD describe one cache per subleaf in the same fields, each in a leaf of its own.
[[nodiscard]] Caches caches() noexcept {
  constexpr unsigned kIntel = 4;
  constexpr unsigned kAmd = 0x8000001D;
  for (const unsigned leaf : {kIntel, kAmd}) {
    Caches found;
    bool any = false;
    for (unsigned i = 0; i < 8; ++i) {
      const Registers r = cpuid(leaf, i);
      const unsigned type = r.a & 31;
      if (type == 0) break;
      constexpr unsigned kInstructions = 2;
      if (type == kInstructions) continue;
      const unsigned level = (r.a >> 5) & 7;
      const std::size_t ways = (r.b >> 22) + 1;
      const std::size_t partitions = ((r.b >> 12) & 1023) + 1;
      const std::size_t line = (r.b & 4095) + 1;
      const std::size_t size = ways * partitions * line * (std::size_t{r.c} + 1);
      if (level == 1) found.first = size;
      if (level == 2) found.second = size;
      found.last = any ? std::max(found.last, size) : size;
      any = true;
    }
    if (any) return found;
  }
  return {};
}

[[nodiscard]] CopyLimits limits() noexcept {
  const Caches sizes = caches();
  constexpr unsigned kFsrm = 1u << 4;
  // Two ranges; a quarter of the last cache is left to others.
  return {sizes.first / 2, sizes.second / 2, sizes.last / 8 * 3, (cpuid(7, 0).d & kFsrm) != 0};
}

}  // namespace

const CopyLimits kCopyLimits = limits();

}  // namespace bellpull::engine::kernels
