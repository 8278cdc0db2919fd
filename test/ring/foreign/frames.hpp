// SPDX-License-Identifier: BSD-2-Clause
#pragma once

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

/// The address of testpmd's port in the tests, as a setting of its driver.
inline constexpr const char* kMacSetting = "mac=02:fe:00:00:00:07";

/// A frame that no other number has: 60 to 1514 bytes, the number inside, the rest drawn from it.
[[nodiscard]] std::vector<std::byte> numbered_frame(std::uint64_t number);

/// What is wrong with `packet` as one that testpmd's txonly sent: header, then a frame of `bytes`
/// bytes. Empty if nothing is.
[[nodiscard]] std::string txonly_fault(std::span<const std::byte> packet, std::size_t bytes);

/// What is wrong with `packet` as testpmd's copy of numbered_frame(`number`). Empty if nothing is.
[[nodiscard]] std::string numbered_fault(std::span<const std::byte> packet, std::uint64_t number);

}  // namespace bellpull::ring::test::foreign
