// SPDX-License-Identifier: BSD-2-Clause
#include "pcapng.hpp"

#include <array>
#include <cstring>
#include <string>

#include "bellpull/ring/version.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

namespace {

// Section 4 of the draft, and the options of section 3.5 and of each block.
constexpr std::uint32_t kSection = 0x0a0d0d0a;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kStatistics = 5;
constexpr std::uint32_t kPacket = 6;
constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
constexpr std::uint16_t kEthernet = 1;  // LINKTYPE_ETHERNET

constexpr std::uint16_t kEndOfOptions = 0;
constexpr std::uint16_t kComment = 1;
constexpr std::uint16_t kUserApplication = 4;
constexpr std::uint16_t kName = 2;
constexpr std::uint16_t kResolution = 9;
constexpr std::uint16_t kFlags = 2;
constexpr std::uint16_t kDropCount = 4;
constexpr std::uint16_t kStartTime = 2;
constexpr std::uint16_t kEndTime = 3;
constexpr std::uint16_t kReceived = 4;
constexpr std::uint16_t kDropped = 5;
constexpr std::uint16_t kDelivered = 8;

constexpr std::byte kNanoseconds{9};  // 10^-9 s
constexpr std::uint32_t kInbound = 1;
constexpr std::uint32_t kOutbound = 2;

[[nodiscard]] bool is_drop(CaptureEvent event) noexcept {
  return event == CaptureEvent::rx_dropped || event == CaptureEvent::tx_dropped;
}

[[nodiscard]] std::uint32_t direction_of(CaptureEvent event) noexcept {
  const bool in = event == CaptureEvent::received || event == CaptureEvent::rx_dropped;
  return in ? kInbound : kOutbound;
}

[[nodiscard]] std::string words_of(const Offload& offload) {
  const auto field = [](const char* name, unsigned value) {
    return std::string(name) + ' ' + std::to_string(value);
  };
  return "virtio-net header: " + field("flags", offload.flags) +
         field(", gso_type", offload.gso_type) + field(", hdr_len", offload.hdr_len) +
         field(", gso_size", offload.gso_size) + field(", csum_start", offload.csum_start) +
         field(", csum_offset", offload.csum_offset);
}

template <class T>
[[nodiscard]] std::span<const std::byte> bytes_of(const T& value) noexcept {
  return std::as_bytes(std::span(&value, 1));
}

// Times are two words, the upper half first in either byte order.
[[nodiscard]] std::array<std::uint32_t, 2> halves_of(std::uint64_t ns) noexcept {
  return {static_cast<std::uint32_t>(ns >> 32U), static_cast<std::uint32_t>(ns)};
}

}  // namespace

void Pcapng::section() {
  begin(kSection);
  put32(kByteOrder);
  put16(1);  // version 1.0
  put16(0);
  put64(~std::uint64_t{0});  // its length is not known
  option(kUserApplication, "bellpull " + std::to_string(BELLPULL_VERSION_MAJOR) + '.' +
                               std::to_string(BELLPULL_VERSION_MINOR) + '.' +
                               std::to_string(BELLPULL_VERSION_PATCH));
  end();
}

void Pcapng::interface(std::string_view name, std::uint32_t snap) {
  begin(kInterface);
  put16(kEthernet);
  put16(0);
  put32(snap);
  option(kName, name);
  option(kResolution, bytes_of(kNanoseconds));
  end();
}

void Pcapng::packet(std::uint32_t interface, const CaptureRecord& record,
                    const std::array<std::span<const std::byte>, 2>& bytes, std::uint64_t missed) {
  begin(kPacket);
  put32(interface);
  put_time(record.time_ns);
  put32(record.captured);
  put32(record.size);
  put(bytes[0]);
  put(bytes[1]);
  pad();
  option(kFlags, bytes_of(direction_of(record.event)));
  if (missed != 0) option64(kDropCount, missed);
  if (is_drop(record.event)) {
    option(kComment, "dropped: " + std::string(name_of(record.reason)));
  }
  if (!is_plain(record.offload)) {
    option(kComment, words_of(record.offload));
  }
  end();
}

void Pcapng::statistics(std::uint32_t interface, const PcapngStatistics& said) {
  begin(kStatistics);
  put32(interface);
  put_time(said.ended_ns);
  option_time(kStartTime, said.begun_ns);
  option_time(kEndTime, said.ended_ns);
  option64(kReceived, said.seen);
  option64(kDropped, said.missed);
  option64(kDelivered, said.written);
  end();
}

void Pcapng::begin(std::uint32_t type) {
  begin_ = bytes_.size();
  put32(type);
  put32(0);  // the length, once it is known
}

void Pcapng::end() {
  put16(kEndOfOptions);
  put16(0);
  const auto length = static_cast<std::uint32_t>(bytes_.size() - begin_ + sizeof(std::uint32_t));
  put32(length);
  std::memcpy(&bytes_[begin_ + sizeof(std::uint32_t)], &length, sizeof length);
}

void Pcapng::put(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void Pcapng::put16(std::uint16_t value) {
  put(bytes_of(value));
}

void Pcapng::put32(std::uint32_t value) {
  put(bytes_of(value));
}

void Pcapng::put64(std::uint64_t value) {
  put(bytes_of(value));
}

void Pcapng::put_time(std::uint64_t ns) {
  put(bytes_of(halves_of(ns)));
}

// Blocks begin at multiples of 4, so the buffer's length will do.
void Pcapng::pad() {
  while (bytes_.size() % 4 != 0) bytes_.push_back(std::byte{0});
}

void Pcapng::option(std::uint16_t code, std::span<const std::byte> value) {
  put16(code);
  put16(static_cast<std::uint16_t>(value.size()));
  put(value);
  pad();
}

void Pcapng::option(std::uint16_t code, std::string_view text) {
  option(code, std::as_bytes(std::span(text)));
}

void Pcapng::option64(std::uint16_t code, std::uint64_t value) {
  option(code, bytes_of(value));
}

void Pcapng::option_time(std::uint16_t code, std::uint64_t ns) {
  option(code, bytes_of(halves_of(ns)));
}

}  // namespace bellpull::netdrv
