// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::engine::test {

/// Mutexes and read-write locks that this program took, of the C library and so of C++; 0 for ever
/// if not counts_locks().
[[nodiscard]] std::uint64_t locks() noexcept;

/// False where a sanitizer has the locks to itself.
[[nodiscard]] bool counts_locks() noexcept;

}  // namespace bellpull::engine::test
