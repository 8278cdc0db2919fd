// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "kernels.hpp"

namespace bellpull::engine::kernels {

// Defined where the build has them, usable where the processor has them: ask avx2() and avx512().

/// In avx2.cpp.
extern const Kernels kAvx2;

/// In avx512.cpp.
extern const Kernels kAvx512;

}  // namespace bellpull::engine::kernels
