// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bellpull/engine/counter.hpp"

namespace bellpull::netdrv {

/// Why a frame ended without being delivered. Each has its own counter, per queue and direction.
enum class DropReason : std::uint8_t {
  // on the way in, before the application sees the frame
  runt,                  ///< shorter than an Ethernet header
  truncated,             ///< it filled its buffer to the last byte, so there may have been more
  unnegotiated_offload,  ///< its virtio-net header claims an offload nobody asked for
  bad_offload,           ///< its virtio-net header and the frame contradict each other
  backlog_full,          ///< pushed into a queue that had no room for it
  no_buffer,             ///< pushed when its buffer was the last, and the pool had no other
  // by the application
  not_for_us,    ///< another station's frame, or a protocol the application does not speak
  bad_length,    ///< a length field contradicts the frame
  bad_checksum,  ///< a checksum is wrong
  fragment,      ///< a fragment, which the application does not reassemble
  unhandled,     ///< the application left it lying
  no_egress,     ///< the application named a port that does not exist
  // on the way out
  ring_full,    ///< the transmit ring had no slot
  oversize,     ///< longer than the port's interface takes
  link_down,    ///< the interface is down (EIO)
  refused,      ///< the kernel found fault with the frame (EINVAL, EMSGSIZE)
  no_memory,    ///< the kernel had no memory (ENOBUFS, ENOMEM)
  port_gone,    ///< the port has lost its interface
  write_error,  ///< any other errno
  shutdown,     ///< it was still waiting when the port was stopped
};

/// How many reasons there are.
inline constexpr std::size_t kDropReasons = 20;

/// The reason as it appears in statistics.
[[nodiscard]] constexpr std::string_view name_of(DropReason reason) noexcept {
  constexpr std::array<std::string_view, kDropReasons> names = {
      "runt",        "truncated",    "unnegotiated_offload",
      "bad_offload", "backlog_full", "no_buffer",
      "not_for_us",  "bad_length",   "bad_checksum",
      "fragment",    "unhandled",    "no_egress",
      "ring_full",   "oversize",     "link_down",
      "refused",     "no_memory",    "port_gone",
      "write_error", "shutdown"};
  return names[static_cast<std::size_t>(reason)];
}

/// A counter per reason. Written by the owner of the queue, read by any thread.
class DropCounters {
 public:
  /// Counts `frames` frames. Owner thread.
  void add(DropReason reason, std::uint64_t frames = 1) noexcept {
    counters_[static_cast<std::size_t>(reason)].add(frames);
  }
  /// Frames dropped for `reason`. Any thread.
  [[nodiscard]] std::uint64_t value(DropReason reason) const noexcept {
    return counters_[static_cast<std::size_t>(reason)].value();
  }
  /// Frames dropped for any reason. Any thread.
  [[nodiscard]] std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const engine::Counter& counter : counters_) sum += counter.value();
    return sum;
  }

 private:
  std::array<engine::Counter, kDropReasons> counters_;
};

}  // namespace bellpull::netdrv
