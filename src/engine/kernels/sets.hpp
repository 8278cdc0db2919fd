// SPDX-License-Identifier: BSD-2-Clause
// The sets that are compiled for one kind of processor each. Such a file must not emit a function
// that another file emits too: the linker keeps one of them, perhaps the one that not every
// processor can run. So what these files include is in anonymous namespaces, and of the standard
// library they call nothing but memcpy.
#pragma once

#include "kernels.hpp"

namespace bellpull::engine::kernels {

// Defined where the build has them, usable where the processor has them: ask avx2() and avx512().

/// In avx2.cpp.
extern const Kernels kAvx2;

/// In avx512.cpp.
extern const Kernels kAvx512;

}  // namespace bellpull::engine::kernels
