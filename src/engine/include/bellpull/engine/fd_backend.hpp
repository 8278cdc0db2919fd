// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/counter.hpp"

namespace bellpull::engine {

/// What a file descriptor gives and takes.
enum class Framing : std::uint8_t {
  message,  ///< one call moves one message (TAP, datagram and packet sockets)
  bytes,    ///< a byte stream: a short write is carried on, a read of 0 is the end
};

/// How a file-descriptor back-end is made.
struct FdOptions {
  int fd = -1;  ///< non-blocking; not owned, open until closed after use
  Direction direction = Direction::memory_to_device;  ///< write or read
  Framing framing = Framing::message;                 ///< see Framing
  unsigned window = 64;                               ///< transfers it holds, 1 to 1024
  std::uint32_t max_length = 1u << 20;                ///< bytes of one transfer
};

/// System calls a back-end made. Any thread reads it.
struct FdCounters {
  Counter calls;        ///< read, readv, write and writev calls; poll, of a device with an error
  Counter would_block;  ///< of these, answered EAGAIN
};

/// Moves bytes with read and write (readv and writev for several segments), one call per message,
/// until the descriptor answers EAGAIN. Where reads come one by one, each is reported before the
/// call that finds no other. Up to 16 segments. A character device (a TAP) that announced an error,
/// has it still (POLLERR) and answers EAGAIN is taken for broken: the transfer fails with EBADFD.
/// `counters` outlives the back-end. A write to a socket or pipe without a reader raises SIGPIPE:
/// ignore it, and the transfer fails with EPIPE (an autonomous engine blocks all signals on its own
/// thread). Framing::message has no end: a closed SOCK_SEQPACKET peer reads as messages of 0 bytes.
/// Throws std::system_error for a descriptor that is not open, and std::invalid_argument for a
/// blocking one, a window out of range, or another direction.
[[nodiscard]] std::unique_ptr<Backend> make_fd_backend(const FdOptions& options,
                                                       FdCounters& counters);

}  // namespace bellpull::engine
