// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <string>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/fd_backend.hpp"

namespace bellpull::engine {

/// Moves bytes as make_fd_backend() does, but several transfers with one io_uring_enter: writes in
/// a chain that ends with the first which is not taken whole, so that nothing overtakes it; reads
/// of messages as many as the device is likely to have. Fewer than four (than two, where the last
/// one was of 8 KiB or more) are moved by plain calls, and so are reads of a byte stream. Nothing
/// is under way between two calls of reap(), and the kernel starts no worker. While an owner polls
/// and the device has nothing, it is not asked with system calls. A failed read is reported behind
/// the reads that went well in the same enter.
///
/// FdCounters::calls counts each io_uring_enter too; would_block, calls that ended so.
///
/// The ring belongs to the thread that makes the first call of reap(); where that changes, or where
/// the descriptor knows no RWF_NOWAIT, plain calls are made from then on.
///
/// Throws what make_fd_backend() throws, and std::system_error when the kernel refuses the ring,
/// naming the reason and the remedy (io_uring_setup(2)), or ENOSYS in a build without liburing.
[[nodiscard]] std::unique_ptr<Backend> make_uring_backend(const FdOptions& options,
                                                          FdCounters& counters);

/// Why a process cannot have io_uring. Both are empty when it can.
struct UringRefusal {
  std::string reason;  ///< the call and what it answered
  std::string remedy;  ///< what to do about it
};

/// Tries it out: makes a ring and closes it again. Any thread. Throws std::bad_alloc.
[[nodiscard]] UringRefusal uring_refusal();

}  // namespace bellpull::engine
