// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/engine/operation.hpp"
#include "bellpull/ring/segment.hpp"

namespace bellpull::engine {

/// Which way a stream moves bytes (dmaengine's DMA_MEM_TO_DEV and DMA_DEV_TO_MEM).
enum class Direction : std::uint8_t {
  memory_to_device,  ///< the back-end reads client memory: a write, a transmit
  device_to_memory,  ///< the back-end fills client memory: a read, a receive
  device_to_device,  ///< reserved: no back-end takes it yet
};

/// The operation of a stream that moves bytes that way.
[[nodiscard]] constexpr Operation operation_of(Direction direction) noexcept {
  return direction == Direction::memory_to_device ? Operation::write : Operation::read;
}

/// One contiguous piece of client memory: `data`, its first byte, and `length`, in bytes; the core
/// gives a back-end none of 0 bytes. The type
/// that the ring's device half fills, so that nothing is copied on the way to a back-end.
using Segment = ring::Piece;

/// One transfer as a back-end sees it. The segments stay where they are until it is done. In one
/// cache line; what later operations need takes the place of what they do not.
struct Op {
  std::uint64_t id = 0;                  ///< opaque, never 0; to be given back in Done, once
  std::span<const Segment> source;       ///< what is read; empty where the operation has none
  std::span<const Segment> destination;  ///< what is written (compare: read), or empty
  std::uint64_t pattern = 0;             ///< fill: the bytes, the first in the lowest
  std::uint32_t seed = 0;                ///< checksums: that of what came before, or 0
  std::uint32_t burst = 0;               ///< bytes at a time, where configurable; 0: as it likes
  Operation operation = Operation::nop;  ///< one of the back-end's
  std::uint8_t pattern_bytes = 0;        ///< fill: 1 to 8
  bool external_control = false;         ///< only as far as the device outside allows
};
static_assert(sizeof(Op) <= 64);

/// Which list of a transfer a segment is in.
enum class Side : std::uint8_t {
  source,       ///< Op::source
  destination,  ///< Op::destination
};

/// The end of one transfer as a back-end reports it.
struct Done {
  std::uint64_t id = 0;       ///< from Op
  std::uint64_t bytes = 0;    ///< bytes done from the start on, not more than the segments hold:
                              ///< clients believe it. compare: up to the first that differs
  std::int32_t error = 0;     ///< 0, or the errno value
  bool end = false;           ///< stream: the device reached its end, no data will ever follow
  Side side = Side::source;   ///< with an error: the list of the segment that failed
  std::uint16_t segment = 0;  ///< with an error: its number in that list
  std::uint32_t value = 0;    ///< checksums: the checksum; compare: 0 when all bytes are equal
};

/// What a reap() found.
struct Reaped {
  unsigned count = 0;        ///< entries of the span that were filled
  bool would_block = false;  ///< the device cannot go on before its wait source is ready; never
                             ///< true without one, or an autonomous engine sleeps for ever
};

/// What to sleep on until a back-end can go on. Registered edge-triggered, after the back-end was
/// made, once.
struct WaitSource {
  int fd = -1;               ///< file descriptor for epoll, or -1: there is nothing to wait for
  std::uint32_t events = 0;  ///< EPOLLIN, EPOLLOUT
};

/// Most segments in a list of a transfer, on any back-end.
inline constexpr unsigned kMaxSegments = 64;

/// How finely a back-end can tell how far a transfer has got (dmaengine's residue granularity). The
/// core rounds what is finer than declared.
enum class Granularity : std::uint8_t {
  descriptor,  ///< nothing or all of it
  segment,     ///< segments that are done: of the destination, or else of the source
  burst,       ///< any number of bytes
};

/// What a back-end can do. The core refuses what is outside of it before it reaches the back-end.
struct Capabilities {
  OperationSet operations;       ///< `read` alone, `write` alone, or memory operations
  unsigned max_segments = 1;     ///< segments in a list of one transfer, 1 to kMaxSegments
  std::uint32_t max_length = 0;  ///< bytes of one transfer
  std::uint32_t alignment = 1;   ///< of every address and length, in bytes; a power of two
  std::uint64_t address_mask = ~std::uint64_t{0};  ///< of the last byte it can reach: 2^n - 1
  Granularity residue = Granularity::descriptor;   ///< what progress() tells
  bool configurable = false;                       ///< takes Op::burst
  bool external_control = false;                   ///< takes Op::external_control
};

/// Something that moves bytes: all that its author writes. Cookies, limits, splitting, the
/// election of the next transfer, arming and statistics are the core's.
///
/// Every member but capabilities() and wait_source() is called on the thread that runs the engine
/// and on no other; none may block, throw, allocate or call a client. The destructor is called on
/// the thread that closes the channel, after stop().
class Backend {
 public:
  virtual ~Backend() = default;

  /// What it can do. Constant for its life. Any thread.
  [[nodiscard]] virtual Capabilities capabilities() const noexcept = 0;

  /// What to sleep on after would_block. Constant for its life. Any thread.
  [[nodiscard]] virtual WaitSource wait_source() const noexcept = 0;

  /// How many more transfers it can hold now.
  [[nodiscard]] virtual unsigned window() const noexcept = 0;

  /// Takes transfers in order and returns how many it took: the first so many. The others are
  /// offered again. Nothing has to have moved when it returns.
  virtual unsigned start(std::span<const Op> ops) noexcept = 0;

  /// Moves bytes and reports at most done.size() ended transfers, in any order, each once. A
  /// transfer that failed ends the call, so that the client hears of it before the next one.
  virtual Reaped reap(std::span<Done> done) noexcept = 0;

  /// Its wait source reported `events` (EPOLLIN and others; all, where it is not known which),
  /// maybe for another back-end on the same descriptor. Also without transfers, while paused, and
  /// after stop().
  virtual void woken(std::uint32_t /*events*/) noexcept {}

  /// Asked by an owner who polls, after would_block: whether it is known without a system call that
  /// the device still cannot go on. False when in doubt; then reap() asks the device.
  [[nodiscard]] virtual bool quiet() noexcept { return false; }

  /// Forgets a transfer that was started. Returns false when it is not held or can no longer be
  /// stopped; then reap() reports it.
  virtual bool cancel(std::uint64_t id) noexcept = 0;

  /// Forgets all transfers. After it returned, no client memory is touched.
  virtual void stop() noexcept = 0;

  /// Bytes that a transfer which was started has done, as finely as its capabilities say.
  [[nodiscard]] virtual std::uint64_t progress(std::uint64_t /*id*/) const noexcept { return 0; }

  /// After it returned, no byte moves until resume(), or stop(); start() and reap() are not called
  /// meanwhile. A back-end that moves bytes only inside of reap() has nothing to do.
  virtual void pause() noexcept {}

  /// Goes on where pause() left off.
  virtual void resume() noexcept {}
};

}  // namespace bellpull::engine
