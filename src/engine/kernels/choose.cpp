// SPDX-License-Identifier: BSD-2-Clause
#include "kernels.hpp"
#include "sets.hpp"

namespace bellpull::engine::kernels {

// The processor is asked here and not beside the sets, because nothing in their files may run on a
// processor that lacks their instructions.

const Kernels* avx2() noexcept {
#if BELLPULL_KERNELS_X86
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.2")) {
    return &kAvx2;
  }
#endif
  return nullptr;
}

const Kernels* avx512() noexcept {
#if BELLPULL_KERNELS_X86
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("pclmul") &&
      __builtin_cpu_supports("sse4.2")) {
    return &kAvx512;
  }
#endif
  return nullptr;
}

const Kernels& best() noexcept {
  static const Kernels& chosen = []() -> const Kernels& {
    if (const Kernels* const set = avx512()) return *set;
    if (const Kernels* const set = avx2()) return *set;
    return portable();
  }();
  return chosen;
}

}  // namespace bellpull::engine::kernels
