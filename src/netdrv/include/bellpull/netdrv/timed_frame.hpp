// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/netdrv/apps.hpp"

namespace bellpull::netdrv {

/// Bytes of the shortest timed frame, without the frame check sequence: Ethernet's shortest.
inline constexpr std::uint32_t kMinTimedFrame = 60;
/// Bytes of the longest one, without the frame check sequence: an MTU of 9000.
inline constexpr std::uint32_t kMaxTimedFrame = 9014;

/// Who sends timed frames to whom.
struct FrameEnds {
  MacAddress source_mac{2, 0, 0, 0, 0, 1};         ///< a single station's
  MacAddress destination_mac{2, 0, 0, 0, 0, 2};    ///< a single station's
  IpAddress source{.bytes = {192, 0, 2, 1}};       ///< IPv4
  IpAddress destination{.bytes = {192, 0, 2, 2}};  ///< IPv4
};

/// What a timed frame says.
struct TimedFrame {
  std::uint16_t flow = 0;      ///< its number; the lower 14 bits are in the UDP source port, too
  std::uint64_t sequence = 0;  ///< within the flow, 48 bits
  std::uint64_t time_ns = 0;   ///< when it was scheduled to be sent, on the sender's clock
};

/// What all frames of a TimedFrameWriter have in common, for who has to write the same frames where
/// it cannot be called, as in an XDP program. The sums are of 16-bit words and may exceed 16 bits.
struct TimedFrameBase {
  std::array<std::byte, 42> headers{};  ///< Ethernet, IPv4, UDP; 0 in what differs between frames
  std::uint32_t ip_sum = 0;             ///< of the IPv4 header, without length and checksum
  std::uint32_t udp_sum = 0;            ///< of addresses, protocol and destination port
  std::uint16_t macs = 0;               ///< what the check has of the Ethernet addresses
};

/// Makes timed frames: Ethernet, IPv4, UDP to port 7 (echo, RFC 862) with right checksums; then, in
/// the order of the wire, a check of 16 bits, the flow of 16, the sequence of 48 and the time of
/// 64; then a pattern that depends on flow and sequence. Any number of threads.
class TimedFrameWriter {
 public:
  /// Throws std::invalid_argument for an IPv6 address, or an Ethernet address of no single station.
  explicit TimedFrameWriter(const FrameEnds& ends);

  /// Fills `frame`, of kMinTimedFrame to kMaxTimedFrame bytes.
  void write(std::span<std::byte> frame, const TimedFrame& said) const noexcept;

  /// What they have in common.
  [[nodiscard]] const TimedFrameBase& base() const noexcept { return base_; }

 private:
  TimedFrameBase base_;
};

/// What a frame turned out to be.
enum class FrameKind : std::uint8_t {
  timed,    ///< a timed frame, intact to the last bit
  corrupt,  ///< not as it was sent: a checksum, a length or the pattern is wrong
  foreign,  ///< no timed frame, or one whose Ethernet addresses were changed
};

/// What read_timed_frame() found.
struct FrameReading {
  FrameKind kind = FrameKind::foreign;  ///< see FrameKind
  TimedFrame said;                      ///< if it is a timed frame
};

/// Checks every bit of a frame. Addresses and ports may have changed places, as an echo has them,
/// and the IPv4 header may say another time to live and type of service.
[[nodiscard]] FrameReading read_timed_frame(std::span<const std::byte> frame) noexcept;

/// When the frame that begins with `head` was scheduled, in ns, or 0 for all but timed frames.
/// Reads the first kMinTimedFrame bytes and checks those that no timed frame can be without: cheap
/// enough for every frame.
[[nodiscard]] std::uint64_t scheduled_time(std::span<const std::byte> head) noexcept;

}  // namespace bellpull::netdrv
