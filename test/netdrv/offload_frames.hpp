// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstring>
#include <optional>
#include <stdexcept>

#include "bellpull/netdrv/packet.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "frame_builder.hpp"
#include "frame_checker.hpp"

// Frames of TCP and UDP flows, as they are on the wire and as superframes, and what is right about
// them: all of it byte after byte, with nothing of the code under test.

namespace bellpull::netdrv::test {

inline constexpr unsigned kFin = 0x01;
inline constexpr unsigned kSyn = 0x02;
inline constexpr unsigned kRst = 0x04;
inline constexpr unsigned kPsh = 0x08;
inline constexpr unsigned kAck = 0x10;
inline constexpr unsigned kUrg = 0x20;
inline constexpr unsigned kEce = 0x40;
inline constexpr unsigned kCwr = 0x80;

/// What all frames of a flow have in common.
struct FlowFrame {
  bool tcp = true;
  bool v6 = false;
  Link link = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
  Ip4 from4 = {10, 0, 0, 1};
  Ip4 to4 = {10, 0, 0, 2};
  Ip6 from6 = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  Ip6 to6 = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  unsigned from_port = 40000;
  unsigned to_port = 5201;
  unsigned tos = 0;
  unsigned ttl = 64;
  unsigned flags_and_offset = 0x4000;
  Bytes ip_options = {};              // IPv4, a multiple of 4
  std::optional<unsigned> next = {};  // IPv6: of the first of the extensions
  Bytes extensions = {};              // IPv6, the last of which names the transport
  unsigned ack = 77;
  unsigned window = 501;
  Bytes tcp_options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
};

/// What a frame has of its own.
struct Piece {
  Bytes data = {};
  unsigned sequence = 1000;  // TCP
  unsigned id = 100;         // IPv4
  unsigned flags = kAck;     // TCP
};

inline unsigned protocol_of(const FlowFrame& flow) {
  return flow.tcp ? 6 : 17;
}

/// Bytes in front of the payload, from the transport header on.
inline std::size_t transport_bytes(const FlowFrame& flow) {
  return flow.tcp ? 20 + flow.tcp_options.size() : 8;
}

/// Bytes in front of the transport header.
inline std::size_t transport_offset(const FlowFrame& flow) {
  const std::size_t ip = flow.v6 ? 40 + flow.extensions.size() : 20 + flow.ip_options.size();
  return 14 + 4 * flow.link.tags.size() + ip;
}

inline Bytes pseudo_of(const FlowFrame& flow, std::size_t bytes) {
  return flow.v6 ? pseudo6(flow.from6, flow.to6, protocol_of(flow), bytes)
                 : pseudo4(flow.from4, flow.to4, protocol_of(flow), bytes);
}

inline Bytes around(const FlowFrame& flow, const Piece& piece, const Bytes& transport) {
  if (flow.v6) {
    const Ipv6 ip = {flow.from6, flow.to6, flow.next.value_or(protocol_of(flow)), flow.ttl,
                     flow.tos};
    return ethernet(flow.link, 0x86dd, ipv6(ip, joined({flow.extensions, transport})));
  }
  Ipv4 ip = {flow.from4, flow.to4, protocol_of(flow), flow.tos, piece.id & 0xffff};
  ip.flags_and_offset = flow.flags_and_offset;
  ip.ttl = flow.ttl;
  ip.options = flow.ip_options;
  return ethernet(flow.link, 0x0800, ipv4(ip, transport));
}

inline Bytes transport_of(const FlowFrame& flow, const Piece& piece) {
  if (!flow.tcp) {
    const auto bytes = static_cast<unsigned>(8 + piece.data.size());
    return Writer().u16(flow.from_port).u16(flow.to_port).u16(bytes).u16(0).raw(piece.data);
  }
  const auto words = static_cast<unsigned>(5 + flow.tcp_options.size() / 4);
  Writer header;
  header.u16(flow.from_port).u16(flow.to_port).u32(piece.sequence).u32(flow.ack);
  header.u8(words << 4).u8(piece.flags).u16(flow.window).u16(0).u16(0).raw(flow.tcp_options);
  return header.raw(piece.data);
}

inline std::size_t field_in_transport(const FlowFrame& flow) {
  return flow.tcp ? 16 : 6;
}

/// The frame with all checksums.
inline Bytes wire_frame(const FlowFrame& flow, const Piece& piece) {
  Bytes transport = transport_of(flow, piece);
  unsigned checksum = reference_checksum(joined({pseudo_of(flow, transport.size()), transport}));
  if (!flow.tcp && checksum == 0) checksum = 0xffff;
  set16(transport, field_in_transport(flow), checksum);
  return around(flow, piece, transport);
}

/// The frame with the sum of the pseudo header where the checksum goes.
inline Bytes partial_frame(const FlowFrame& flow, const Piece& piece) {
  Bytes transport = transport_of(flow, piece);
  set16(transport, field_in_transport(flow),
        0xffff - reference_checksum(pseudo_of(flow, transport.size())));
  return around(flow, piece, transport);
}

/// The Offload of a partial_frame().
inline Offload partial_offload(const FlowFrame& flow) {
  Offload offload;
  offload.flags = 1;
  offload.csum_start = static_cast<std::uint16_t>(transport_offset(flow));
  offload.csum_offset = static_cast<std::uint16_t>(field_in_transport(flow));
  return offload;
}

/// The Offload that makes a partial_frame() a superframe. hdr_len is what it must not be.
inline Offload super_offload(const FlowFrame& flow, unsigned gso_size) {
  Offload offload = partial_offload(flow);
  offload.gso_type = static_cast<std::uint8_t>(!flow.tcp ? 5 : flow.v6 ? 4 : 1);
  offload.gso_size = static_cast<std::uint16_t>(gso_size);
  offload.hdr_len = 3;
  return offload;
}

/// The frames that a superframe stands for.
inline std::vector<Bytes> wire_frames(const FlowFrame& flow, const Piece& whole,
                                      std::size_t gso_size) {
  std::vector<Bytes> frames;
  const bool id_stays = whole.id == 0 && (flow.flags_and_offset & 0x4000) != 0;
  for (std::size_t at = 0; at < whole.data.size(); at += gso_size) {
    const std::size_t end = std::min(at + gso_size, whole.data.size());
    Piece piece = whole;
    piece.data = Bytes(whole.data.begin() + static_cast<std::ptrdiff_t>(at),
                       whole.data.begin() + static_cast<std::ptrdiff_t>(end));
    piece.sequence += static_cast<unsigned>(at);
    if (!id_stays) piece.id += static_cast<unsigned>(frames.size());
    if (end != whole.data.size()) piece.flags &= ~(kFin | kPsh);
    if (at != 0) piece.flags &= ~kCwr;
    frames.push_back(wire_frame(flow, piece));
  }
  return frames;
}

inline Packet packet_of(PacketPool& pool, const Bytes& frame, const Offload& offload = {}) {
  Packet packet;
  if (pool.allocate({&packet, 1}, frame.size() > kHeadData) != 1) {
    throw std::runtime_error("the pool of the test is too small");
  }
  packet.resize(static_cast<std::uint32_t>(frame.size()));
  const std::size_t first = packet.head().size();
  if (first != 0) std::memcpy(packet.head().data(), frame.data(), first);
  if (first < frame.size()) {
    std::memcpy(packet.tail().data(), frame.data() + first, frame.size() - first);
  }
  packet.offload() = offload;
  return packet;
}

inline Bytes bytes_of(const Packet& packet) {
  Bytes bytes(packet.size());
  if (bytes.empty()) return bytes;
  std::memcpy(bytes.data(), packet.head().data(), packet.head().size());
  if (!packet.tail().empty()) {
    std::memcpy(bytes.data() + packet.head().size(), packet.tail().data(), packet.tail().size());
  }
  return bytes;
}

/// Whether a frame of TCP or UDP, without extension headers whose address counts, has right lengths
/// and checksums.
inline bool wire_right(const Bytes& frame) {
  const Anatomy a = dissect(frame);
  if (a.malformed || a.end != frame.size() || !checksums_right(a)) return false;
  if (a.protocol != 6) return a.protocol == 17;
  const bool v6 = a.type == 0x86dd;
  const std::size_t addresses = a.network + (v6 ? 8 : 12);
  const Bytes segment = detail::slice(frame, a.transport, frame.size());
  const Bytes pseudo = Writer()
                           .raw(detail::slice(frame, addresses, addresses + (v6 ? 32 : 8)))
                           .u32(static_cast<unsigned>(segment.size()))
                           .u32(6);
  return segment.size() >= 20 && reference_checksum(joined({pseudo, segment})) == 0;
}

}  // namespace bellpull::netdrv::test
