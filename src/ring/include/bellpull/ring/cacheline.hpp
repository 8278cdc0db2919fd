// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>

namespace bellpull::ring {

/// Bytes that two threads must not share when both write. Our own constant and not
/// std::hardware_destructive_interference_size, which changes with compiler flags and would leak
/// into the layout of installed headers. 128 because x86 prefetches lines in pairs.
inline constexpr std::size_t kCacheLine = 128;

}  // namespace bellpull::ring
