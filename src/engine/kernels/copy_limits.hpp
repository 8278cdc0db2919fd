// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>

namespace bellpull::engine::kernels {

/// The lengths at which one way to copy or to fill gives way to the next.
struct CopyLimits {
  /// Up to here source and target fit into the first cache together, where a loop is fastest.
  std::size_t first_cache = 0;
  /// Up to here a target fits into the second cache well.
  std::size_t second_cache = 0;
  /// From here on source and target push each other out of the last cache: go past it.
  std::size_t past_cache = 0;
  /// Whether the processor is good at `rep movsb` and `rep stosq` (FSRM).
  bool fast_strings = false;
};

/// Asked from the processor before main(). Until then all limits are 0, which is slow but right.
extern const CopyLimits kCopyLimits;

}  // namespace bellpull::engine::kernels
