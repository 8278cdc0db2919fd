// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/packet.hpp"
#include "checksum.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

/// A received frame while it is taken apart and turned into its answer. Offsets are in bytes from
/// the Ethernet header on. Headers are read and written in the packet's first buffer only; whoever
/// does so has asked holds() before.
class Frame {
 public:
  explicit Frame(Packet& packet) noexcept
      : packet_(packet),
        head_(packet.head()),
        end_(packet.size()),
        in_head_(static_cast<std::uint32_t>(head_.size())) {}

  MacAddress to{};              ///< Ethernet destination
  MacAddress from{};            ///< Ethernet source
  std::uint32_t network = 0;    ///< where the network header is
  std::uint32_t transport = 0;  ///< where the transport header is

  /// Where the frame ends: padding and what else is not covered by the length fields left out.
  [[nodiscard]] std::uint32_t end() const noexcept { return end_; }

  /// Leaves out what is behind `end`, which is not behind the present one.
  void end_at(std::uint32_t end) noexcept {
    end_ = end;
    in_head_ = std::min(in_head_, end);
  }

  /// Whether the frame has these bytes, and has them where headers can be read.
  [[nodiscard]] bool holds(std::uint32_t offset, std::uint32_t bytes) const noexcept {
    return offset <= in_head_ && bytes <= in_head_ - offset;
  }

  /// The header at `offset`.
  template <class T>
  [[nodiscard]] T read(std::uint32_t offset) const noexcept {
    return read_at<T>(head_.data() + offset);
  }

  /// Replaces the header at `offset`.
  template <class T>
  void write(std::uint32_t offset, const T& value) noexcept {
    write_at(head_.data() + offset, value);
  }

  /// Adds a header to a checksum.
  void add_header(InternetSum& sum, std::uint32_t offset, std::uint32_t bytes) const noexcept {
    sum.add(head_.subspan(offset, bytes));
  }

  /// Adds a header and all that follows it, up to the end, to a checksum.
  void add_from(InternetSum& sum, std::uint32_t offset) const noexcept {
    sum.add(head_.subspan(offset, in_head_ - offset));
    if (end_ > in_head_) sum.add(packet_.tail().first(end_ - in_head_));
  }

  /// Writes the Ethernet addresses.
  void address(const MacAddress& destination, const MacAddress& source) noexcept {
    write(0, destination);
    write(sizeof destination, source);
  }

  /// Ends the answer: the packet gets the length of the frame, and what is between the end of the
  /// network header's fixed part and the transport header goes (IPv4 options, IPv6 extension
  /// headers). It is the headers in front that move: they are short. No header may be touched
  /// after that.
  void finish(std::uint32_t fixed_network_bytes) noexcept {
    packet_.trim(end_);
    const std::uint32_t kept = network + fixed_network_bytes;
    const std::uint32_t gap = transport - kept;
    if (gap == 0) return;
    std::memmove(head_.data() + gap, head_.data(), kept);
    PacketBuffer& buffer = *packet_.buffer();
    buffer.offset += gap;
    buffer.length -= gap;
  }

  /// Ends the answer with a length of its own, for one that is written anew in the first buffer.
  void finish_at(std::uint32_t end) noexcept { packet_.resize(end); }

 private:
  Packet& packet_;
  std::span<std::byte> head_;
  std::uint32_t end_;
  std::uint32_t in_head_;  // bytes of the frame that are in the first buffer
};

}  // namespace bellpull::netdrv
