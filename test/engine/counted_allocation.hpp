// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::engine::test {

/// Calls of operator new, and of malloc, calloc and realloc if counts_malloc(), by the whole
/// program.
[[nodiscard]] std::uint64_t allocations() noexcept;

/// Makes operator new throw, once, after `nth` more calls; a negative number takes that back.
void fail_allocation(std::int64_t nth) noexcept;

/// False where a sanitizer has malloc to itself.
[[nodiscard]] bool counts_malloc() noexcept;

}  // namespace bellpull::engine::test
