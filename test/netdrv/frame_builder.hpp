// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

// Frames made by hand, byte after byte, with nothing of the code under test. Every field that can
// lie is optional: left alone it is right, and checksums are right for whatever the lies are.

namespace bellpull::netdrv::test {

using Bytes = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;
using Ip4 = std::array<std::uint8_t, 4>;
using Ip6 = std::array<std::uint8_t, 16>;

/// Grows a header from left to right.
class Writer {
 public:
  Writer& u8(unsigned value) {
    bytes_.push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  Writer& u16(unsigned value) { return u8(value >> 8 & 0xff).u8(value & 0xff); }
  Writer& u32(unsigned value) { return u16(value >> 16 & 0xffff).u16(value & 0xffff); }
  template <class Range>
  Writer& raw(const Range& range) {
    bytes_.insert(bytes_.end(), std::begin(range), std::end(range));
    return *this;
  }
  operator Bytes() const { return bytes_; }  // NOLINT: it stands for its bytes

 private:
  Bytes bytes_;
};

inline Bytes joined(std::initializer_list<Bytes> parts) {
  Writer all;
  for (const Bytes& part : parts) all.raw(part);
  return all;
}

/// `count` bytes that differ from their neighbours.
inline Bytes pattern(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i)
    bytes[i] = static_cast<std::uint8_t>(i * 7 + (i >> 8) + 1);
  return bytes;
}

inline unsigned get16(const Bytes& bytes, std::size_t at) {
  return static_cast<unsigned>(bytes.at(at)) << 8 | bytes.at(at + 1);
}

inline void set16(Bytes& bytes, std::size_t at, unsigned value) {
  bytes.at(at) = static_cast<std::uint8_t>(value >> 8);
  bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

/// The internet checksum of bytes whose checksum field is zero, the way a beginner would write it.
inline unsigned reference_checksum(const Bytes& bytes) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? static_cast<unsigned>(bytes[i]) << 8 : bytes[i];
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

struct Tag {
  unsigned tpid;
  unsigned tci;
};

struct Link {
  Mac to;
  Mac from;
  std::vector<Tag> tags = {};
};

inline Bytes ethernet(const Link& link, unsigned type, const Bytes& payload) {
  Writer frame;
  frame.raw(link.to).raw(link.from);
  for (const Tag& tag : link.tags) frame.u16(tag.tpid).u16(tag.tci);
  return frame.u16(type).raw(payload);
}

struct Arp {
  unsigned operation;
  Mac sender_mac;
  Ip4 sender;
  Mac target_mac;
  Ip4 target;
  unsigned hardware = 1;
  unsigned protocol = 0x0800;
  unsigned hardware_bytes = 6;
  unsigned protocol_bytes = 4;
};

inline Bytes arp(const Arp& a) {
  Writer packet;
  packet.u16(a.hardware).u16(a.protocol).u8(a.hardware_bytes).u8(a.protocol_bytes);
  return packet.u16(a.operation).raw(a.sender_mac).raw(a.sender).raw(a.target_mac).raw(a.target);
}

struct Ipv4 {
  Ip4 from;
  Ip4 to;
  unsigned protocol;
  unsigned tos = 0;
  unsigned id = 0x1234;
  unsigned flags_and_offset = 0x4000;
  unsigned ttl = 64;
  Bytes options = {};  // a multiple of 4
  std::optional<unsigned> version = {};
  std::optional<unsigned> header_words = {};
  std::optional<unsigned> total = {};
  std::optional<unsigned> checksum = {};
};

inline Bytes ipv4(const Ipv4& ip, const Bytes& payload) {
  const auto header_bytes = static_cast<unsigned>(20 + ip.options.size());
  const auto total = header_bytes + static_cast<unsigned>(payload.size());
  Writer writer;
  writer.u8(ip.version.value_or(4) << 4 | ip.header_words.value_or(header_bytes / 4)).u8(ip.tos);
  writer.u16(ip.total.value_or(total)).u16(ip.id).u16(ip.flags_and_offset);
  writer.u8(ip.ttl).u8(ip.protocol).u16(0).raw(ip.from).raw(ip.to).raw(ip.options);
  Bytes header = writer;
  set16(header, 10, ip.checksum.value_or(reference_checksum(header)));
  return joined({header, payload});
}

struct Ipv6 {
  Ip6 from;
  Ip6 to;
  unsigned next;
  unsigned hop_limit = 64;
  unsigned traffic_class = 0;
  unsigned flow = 0;
  std::optional<unsigned> version = {};
  std::optional<unsigned> length = {};
};

inline Bytes ipv6(const Ipv6& ip, const Bytes& payload) {
  Writer packet;
  packet.u32(ip.version.value_or(6) << 28 | ip.traffic_class << 20 | ip.flow);
  packet.u16(ip.length.value_or(static_cast<unsigned>(payload.size())));
  return packet.u8(ip.next).u8(ip.hop_limit).raw(ip.from).raw(ip.to).raw(payload);
}

inline Bytes pseudo4(const Ip4& from, const Ip4& to, unsigned protocol, std::size_t length) {
  return Writer().raw(from).raw(to).u8(0).u8(protocol).u16(static_cast<unsigned>(length));
}

inline Bytes pseudo6(const Ip6& from, const Ip6& to, unsigned protocol, std::size_t length) {
  return Writer().raw(from).raw(to).u32(static_cast<unsigned>(length)).u32(protocol);
}

/// An ICMP message; `body` is everything behind the checksum.
inline Bytes icmp4(unsigned type, unsigned code, const Bytes& body,
                   std::optional<unsigned> checksum = {}) {
  Bytes message = Writer().u8(type).u8(code).u16(0).raw(body);
  set16(message, 2, checksum.value_or(reference_checksum(message)));
  return message;
}

/// An ICMPv6 message; `body` is everything behind the checksum.
inline Bytes icmp6(const Ip6& from, const Ip6& to, unsigned type, unsigned code, const Bytes& body,
                   std::optional<unsigned> checksum = {}) {
  Bytes message = Writer().u8(type).u8(code).u16(0).raw(body);
  const Bytes covered = joined({pseudo6(from, to, 58, message.size()), message});
  set16(message, 2, checksum.value_or(reference_checksum(covered)));
  return message;
}

/// What an echo message has behind its checksum.
inline Bytes echo_body(unsigned id, unsigned sequence, const Bytes& data) {
  return Writer().u16(id).u16(sequence).raw(data);
}

struct Udp {
  unsigned from;
  unsigned to;
  std::optional<unsigned> length = {};
  std::optional<unsigned> checksum = {};
};

/// A UDP datagram whose checksum covers as much as its length says, or all if it says more.
inline Bytes udp_over(const Bytes& pseudo_addresses, const Udp& udp, const Bytes& data) {
  const unsigned length = udp.length.value_or(static_cast<unsigned>(8 + data.size()));
  Bytes datagram = Writer().u16(udp.from).u16(udp.to).u16(length).u16(0).raw(data);
  Bytes covered = datagram;
  if (length < covered.size()) covered.resize(length);
  const Bytes all =
      joined({pseudo_addresses, Writer().u16(17).u16(static_cast<unsigned>(length)), covered});
  const unsigned right = reference_checksum(all);
  set16(datagram, 6, udp.checksum.value_or(right == 0 ? 0xffff : right));
  return datagram;
}

inline Bytes udp4(const Ip4& from, const Ip4& to, const Udp& udp, const Bytes& data) {
  return udp_over(Writer().raw(from).raw(to), udp, data);
}

inline Bytes udp6(const Ip6& from, const Ip6& to, const Udp& udp, const Bytes& data) {
  return udp_over(Writer().raw(from).raw(to), udp, data);
}

/// A link-layer address option: 1 of the source, 2 of the target.
inline Bytes link_option(unsigned type, const Mac& mac) {
  return Writer().u8(type).u8(1).raw(mac);
}

}  // namespace bellpull::netdrv::test
