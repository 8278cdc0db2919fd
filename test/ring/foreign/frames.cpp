// SPDX-License-Identifier: BSD-2-Clause
#include "ring/foreign/frames.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace bellpull::ring::test::foreign {

namespace {

constexpr std::size_t kShortest = 60;
constexpr std::size_t kLengths = 1514 - kShortest + 1;
constexpr std::size_t kStampEnd = 14 + sizeof(std::uint64_t);

std::byte byte(unsigned value) {
  return static_cast<std::byte>(value);
}

void put16(std::span<std::byte> bytes, std::size_t at, std::size_t value) {
  bytes[at] = byte(static_cast<unsigned>(value >> 8) & 0xff);
  bytes[at + 1] = byte(static_cast<unsigned>(value) & 0xff);
}

// RFC 1071, over an even number of bytes.
std::uint16_t internet_checksum(std::span<const std::byte> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    sum += std::to_integer<std::uint32_t>(bytes[i]) << 8;
    sum += std::to_integer<std::uint32_t>(bytes[i + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

constexpr std::size_t kTxonlyHeaders = 14 + 20 + 8;

// Ethernet, IPv4 and UDP as testpmd documents them: from the port to a locally administered
// address, 198.18.0.1 to 198.18.0.2 (RFC 2544), both ports 9 (discard).
std::array<std::byte, kTxonlyHeaders> txonly_headers(const MacAddress& mac, std::size_t bytes) {
  constexpr std::array<unsigned char, kTxonlyHeaders> kFixed{
      0x02, 0,  0, 0, 0,   0,  0, 0, 0,  0,  0, 0, 0x08, 0,  //
      0x45, 0,  0, 0, 0,   0,  0, 0, 64, 17, 0, 0,           //
      198,  18, 0, 1, 198, 18, 0, 2,                         //
      0,    9,  0, 9, 0,   0,  0, 0};
  std::array<std::byte, kTxonlyHeaders> headers{};
  std::transform(kFixed.begin(), kFixed.end(), headers.begin(),
                 [](unsigned char value) { return std::byte{value}; });
  std::memcpy(headers.data() + mac.size(), mac.data(), mac.size());
  const std::span all(headers);
  put16(all, 14 + 2, bytes - 14);
  put16(all, 14 + 20 + 4, bytes - 14 - 20);
  put16(all, 14 + 10, internet_checksum(all.subspan(14, 20)));
  return headers;
}

// Who agreed on no offload has nothing to say here. Of the number of buffers a sender is to say 0,
// but DPDK's driver lets that stand which a frame was received with.
std::string header_fault(std::span<const std::byte> packet) {
  if (packet.size() < kNetHeader) return "no room for the header";
  const auto header = packet.first(kBuffersField);
  const bool zero =
      std::all_of(header.begin(), header.end(), [](std::byte value) { return value == byte(0); });
  return zero ? "" : "the header is not zero";
}

}  // namespace

std::vector<std::byte> numbered_frame(std::uint64_t number) {
  constexpr std::array<unsigned char, 14> kEthernet{0x02, 0xfe, 0, 0, 0, 7,    0x02,
                                                    0xfe, 0,    0, 0, 8, 0x88, 0xb5};
  std::vector<std::byte> frame(kShortest + number * 37 % kLengths);
  std::memcpy(frame.data(), kEthernet.data(), kEthernet.size());
  std::memcpy(frame.data() + kEthernet.size(), &number, sizeof number);
  std::uint32_t random = static_cast<std::uint32_t>(number) * 2654435761U + 1;
  for (std::size_t i = kStampEnd; i < frame.size(); ++i) {
    random = random * 1664525U + 1013904223U;
    frame[i] = byte(random >> 24);
  }
  return frame;
}

std::string txonly_fault(std::span<const std::byte> packet, const MacAddress& mac,
                         std::size_t bytes) {
  if (std::string fault = header_fault(packet); !fault.empty()) return fault;
  const auto frame = packet.subspan(kNetHeader);
  if (frame.size() != bytes) return "a frame of " + std::to_string(frame.size()) + " bytes";
  const auto headers = txonly_headers(mac, bytes);
  const auto [at, there] = std::mismatch(headers.begin(), headers.end(), frame.begin());
  if (at == headers.end()) return "";
  return "byte " + std::to_string(at - headers.begin()) + " is " +
         std::to_string(std::to_integer<unsigned>(*there)) + " in place of " +
         std::to_string(std::to_integer<unsigned>(*at));
}

std::string numbered_fault(std::span<const std::byte> packet, std::uint64_t number) {
  if (std::string fault = header_fault(packet); !fault.empty()) return fault;
  const auto frame = packet.subspan(kNetHeader);
  const std::vector<std::byte> expected = numbered_frame(number);
  if (std::equal(frame.begin(), frame.end(), expected.begin(), expected.end())) return "";
  std::uint64_t stamp = 0;
  if (frame.size() >= kStampEnd) std::memcpy(&stamp, frame.data() + 14, sizeof stamp);
  return std::to_string(frame.size()) + " bytes with the number " + std::to_string(stamp) +
         " in place of " + std::to_string(expected.size()) + " bytes with the number " +
         std::to_string(number);
}

}  // namespace bellpull::ring::test::foreign
