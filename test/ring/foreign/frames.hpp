// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bellpull::ring::test::foreign {

/// Bytes of the header before each frame (virtio 1.4 section 5.1.6), with VERSION_1.
inline constexpr std::size_t kNetHeader = 12;
/// Where the header has the number of chains that a received frame lies in, 16 bits.
inline constexpr std::size_t kBuffersField = 10;

/// An Ethernet address.
using MacAddress = std::array<unsigned char, 6>;
/// The one of DPDK's driver in the tests, and as a setting of it.
inline constexpr MacAddress kDriverMac{0x02, 0xfe, 0, 0, 0, 7};
inline constexpr const char* kDriverMacSetting = "mac=02:fe:00:00:00:07";
/// The one of DPDK's vhost device, which it chooses.
inline constexpr MacAddress kVhostMac{0x56, 0x48, 0x4f, 0x53, 0x54, 0};

/// A frame that no other number has: 60 to 1514 bytes, the number inside, the rest drawn from it.
[[nodiscard]] std::vector<std::byte> numbered_frame(std::uint64_t number);

/// What is wrong with `packet` as one that testpmd's txonly sent from `mac`: header, then a frame
/// of `bytes` bytes. Empty if nothing is.
[[nodiscard]] std::string txonly_fault(std::span<const std::byte> packet, const MacAddress& mac,
                                       std::size_t bytes);

/// What is wrong with `packet` as testpmd's copy of numbered_frame(`number`). Empty if nothing is.
[[nodiscard]] std::string numbered_fault(std::span<const std::byte> packet, std::uint64_t number);

/// Counts packets, and keeps what was wrong with the first bad one.
struct Verdict {
  std::uint64_t packets = 0;
  std::string first_fault;

  void note(const std::string& fault) {
    if (!fault.empty() && first_fault.empty()) {
      first_fault = "packet " + std::to_string(packets) + ": " + fault;
    }
    ++packets;
  }
};

}  // namespace bellpull::ring::test::foreign
