// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bellpull::engine {

/// Which way a channel moves bytes (dmaengine's DMA_MEM_TO_DEV and DMA_DEV_TO_MEM).
enum class Direction : std::uint8_t {
  memory_to_device,  ///< the back-end reads client memory: a write, a transmit
  device_to_memory,  ///< the back-end fills client memory: a read, a receive
};

/// One contiguous piece of client memory.
struct Segment {
  std::byte* data = nullptr;  ///< first byte
  std::size_t length = 0;     ///< bytes, not 0
};

/// One transfer as a back-end sees it. For device_to_memory the segments are room of which the
/// device fills as much as it has. The segments stay where they are until the transfer is done.
struct Op {
  std::uint64_t id = 0;               ///< opaque, never 0; to be given back in Done, once
  std::span<const Segment> segments;  ///< at least one
};

/// The end of one transfer as a back-end reports it.
struct Done {
  std::uint64_t id = 0;     ///< from Op
  std::uint32_t bytes = 0;  ///< bytes moved, not more than the segments hold: clients believe it
  std::int32_t error = 0;   ///< 0, or the errno value
  bool end = false;         ///< the device reached its end: no data will ever follow
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

/// Most segments that a transfer can have on any back-end.
inline constexpr unsigned kMaxSegments = 64;

/// Limits that the core checks before a transfer reaches the back-end.
struct Capabilities {
  Direction direction = Direction::memory_to_device;  ///< the one way it moves bytes
  unsigned max_segments = 1;     ///< segments of one transfer, 1 to kMaxSegments
  std::uint32_t max_length = 0;  ///< bytes of one transfer
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

  /// Forgets a transfer that was started. Returns false when it is not held or can no longer be
  /// stopped; then reap() reports it.
  virtual bool cancel(std::uint64_t id) noexcept = 0;

  /// Forgets all transfers. After it returned, no client memory is touched.
  virtual void stop() noexcept = 0;
};

}  // namespace bellpull::engine
