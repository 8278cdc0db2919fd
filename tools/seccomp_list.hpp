// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "seccomp_filter.hpp"

namespace bellpull::tools {

/// Adds what a run may call once it has started to `filter`, a scmp_filter_ctx. Returns 0 or a
/// negative errno, as libseccomp does.
[[nodiscard]] int add_listed_calls(void* filter, FilteredIo io) noexcept;

}  // namespace bellpull::tools
