// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "bellpull/netdrv/capture_point.hpp"
#include "bellpull/netdrv/clock.hpp"

namespace bellpull::netdrv {

/// Most bytes of a frame that can be captured: what readers of the format take, and more than any
/// frame has.
inline constexpr std::uint32_t kMostSnap = 262144;

/// Which of the captured frames are written.
struct CaptureFilter {
  /// Whether a frame of `size` bytes, of which `bytes` were captured, is written. Called on the
  /// writer's thread. Null: all are.
  bool (*accepts)(void* context, std::span<const std::byte> bytes,
                  std::uint32_t size) noexcept = nullptr;
  void* context = nullptr;  ///< handed to accepts(); outlives the Capture
};

/// What is captured, and how.
struct CaptureOptions {
  std::uint32_t snap = kMostSnap;             ///< bytes captured of each frame, 1 to kMostSnap
  CaptureEvents events = kEveryCaptureEvent;  ///< what is captured, of all ports
  std::uint32_t ring_bytes = 4U << 20;  ///< of each ring, 2^19 to 2^30; two per port; rounded up
  CaptureFilter filter{};               ///< see CaptureFilter
  Clock clock{realtime_ns, nullptr};    ///< of the records: ns since 1970; called by any thread
};

/// Counters of one port's capture, copied. What was shown to it is the sum.
struct CaptureCounters {
  std::uint64_t captured = 0;  ///< records in the file
  std::uint64_t missed = 0;    ///< for want of room, or because the file could not be written
  std::uint64_t filtered = 0;  ///< that the filter left out
};

/// Writes what ports receive, send and drop to a pcapng file, in nanoseconds.
///
/// Each thread that counts frames copies them into a bounded ring of its own (CapturePoint); a
/// thread of the capture takes them out in the order of their times and writes them. However slow
/// the file is, no port ever waits: a full ring misses frames, which are counted, here and in the
/// file (epb_dropcount of the next frame, isb_ifdrop at the end).
///
/// There is a record for each frame received; for each that the device is handed, at that moment;
/// and for each that is dropped, with its reason in a comment, so a frame that ends in this NIC has
/// two. What a frame owes or promises to the virtio-net header is in a comment as well. Among the
/// records of several threads a later one may come first by a moment.
class Capture {
 public:
  /// Writes to `fd`, which stays the caller's, should be non-blocking, and is at its end where it
  /// is a file. Throws std::invalid_argument for options out of range, and std::system_error when
  /// the kernel refuses an eventfd.
  Capture(int fd, const CaptureOptions& options);
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  /// Ends it without waiting for the file.
  ~Capture();

  /// Adds a port, to be given to Nic::capture(): number 0, 1 … in the file. Before start() only.
  /// The points are the Capture's. Throws std::bad_alloc.
  [[nodiscard]] CapturePoints add_port(std::string_view name);

  /// Lets the writing begin. Once. Throws std::system_error when there is no thread to be had.
  void start();

  /// Writes what is left and ends the file; after Nic::drain(), so that nobody records any more.
  /// Blocks as long as the file is taking something at least every `limit`. Once, after start().
  void finish(std::chrono::milliseconds limit) noexcept;

  /// Counters of port number `port`. Any thread; exact after finish().
  [[nodiscard]] CaptureCounters counters(std::size_t port) const noexcept;

  /// Bytes of the file. Any thread.
  [[nodiscard]] std::uint64_t written_bytes() const noexcept;

  /// Why nothing is written any more: an errno value, ETIMEDOUT when finish() gave up, or 0. Any
  /// thread. A file that is a regular one ends behind its last whole block then.
  [[nodiscard]] int error() const noexcept;

 private:
  class Writer;
  std::unique_ptr<Writer> writer_;
};

}  // namespace bellpull::netdrv
