// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::tools {

#ifdef BELLPULL_SANITIZED
/// The run-time library of a sanitizer makes system calls of its own, which are not on the list.
inline constexpr bool kSeccompBuilt = false;
#else
/// Whether this build can have the filter.
inline constexpr bool kSeccompBuilt = true;
#endif

/// How frames are moved, as far as the filter is concerned.
enum class FilteredIo : std::uint8_t {
  syscall,  ///< by read() and write()
  uring,    ///< by io_uring, whose operations no filter sees
};

/// From now on the process, with all of its threads, makes the system calls of seccomp_list alone,
/// with the arguments said there. Whichever other is tried is not made: refused_call says so and
/// ends the program; if that has been tampered with, the kernel kills it (SIGSYS). Sets
/// no_new_privs. It lasts until the process ends. Throws std::system_error when the kernel takes no
/// filter.
void allow_only_listed_calls(FilteredIo io);

}  // namespace bellpull::tools
