// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/coalescer.hpp"

#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "flow_look.hpp"
#include "ip_lengths.hpp"
#include "kernel_uapi.hpp"
#include "superframe.hpp"
#include "vnet_header.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

constexpr unsigned kFlags = 13;  // offset of the flags in a TCP header

// Copies to the end of the packet, which has room.
void append(Packet& packet, std::span<const std::byte> bytes) noexcept {
  const std::uint32_t old = packet.size();
  packet.resize(old + static_cast<std::uint32_t>(bytes.size()));
  const std::span<std::byte> head = packet.head();
  std::size_t done = 0;
  if (old < head.size()) {
    done = std::min(bytes.size(), head.size() - old);
    std::memcpy(head.data() + old, bytes.data(), done);
  }
  if (done == bytes.size()) return;
  std::memcpy(packet.tail().data() + (old + done - head.size()), bytes.data() + done,
              bytes.size() - done);
}

std::uint32_t sequence_of(const Packet& packet, const FlowLook& look) noexcept {
  return wire32(read_at<tcphdr>(packet.head().data() + look.transport).seq);
}

iphdr ipv4_of(const Packet& packet, const FlowLook& look) noexcept {
  return read_at<iphdr>(packet.head().data() + look.network);
}

// Makes an ordinary frame, to which payload was added, a superframe.
void finish(Packet& packet, const FlowLook& look) noexcept {
  const std::span<std::byte> head = packet.head();
  const std::uint32_t size = packet.size();
  set_ip_length(head.subspan(look.network), static_cast<std::uint16_t>(size - look.network), 0);
  std::byte* const transport = head.data() + look.transport;
  const std::uint32_t covered = size - look.transport;
  std::size_t field = offsetof(tcphdr, check);
  std::uint8_t type = look.ipv6 ? kVnetGsoTcp6 : kVnetGsoTcp4;
  if (!look.tcp) {
    write_at(transport + offsetof(udphdr, len), wire16(static_cast<std::uint16_t>(covered)));
    field = offsetof(udphdr, check);
    type = kVnetGsoUdpL4;
  }
  write_at(transport + field, wire16(pseudo_sum(head.data(), look, covered)));
  Offload& offload = packet.offload();
  offload.flags = kVnetNeedsCsum;
  offload.gso_type = type;
  offload.hdr_len = static_cast<std::uint16_t>(look.payload);
  offload.gso_size = static_cast<std::uint16_t>(look.bytes);
  offload.csum_start = static_cast<std::uint16_t>(look.transport);
  offload.csum_offset = static_cast<std::uint16_t>(field);
}

bool same_layout(const FlowLook& a, const FlowLook& b) noexcept {
  return a.network == b.network && a.transport == b.transport && a.payload == b.payload &&
         a.tcp == b.tcp && a.ipv6 == b.ipv6;
}

// The last frame of its flow so far, as long as more may be merged into it.
struct Open {
  FlowLook look;               // at it, before anything was merged into it
  std::size_t at = 0;          // in the burst
  unsigned segments = 0;       // 1: nothing was merged into it
  std::uint32_t sequence = 0;  // TCP: of the next
  std::uint16_t next_id = 0;   // IPv4: of the next, as a number
};

}  // namespace

// A flow has one place in the table, so that to find it and to forget another is one look, and
// flows that share a place only merge less.
struct Coalescer::Table {
  static constexpr unsigned kPlaceBits = 6;

  std::uint64_t open = 0;  // which places mean something; a bit each
  std::array<Open, 1 << kPlaceBits> places;

  [[nodiscard]] bool is_open(unsigned place) const noexcept { return (open >> place & 1) != 0; }

  void begin(unsigned place, std::size_t at, const Packet& packet, const FlowLook& look) noexcept {
    Open& flow = places[place];
    flow.look = look;
    flow.at = at;
    flow.segments = 1;
    if (look.tcp) flow.sequence = sequence_of(packet, look) + look.bytes;
    if (!look.ipv6) {
      const iphdr ip = ipv4_of(packet, look);
      flow.next_id = static_cast<std::uint16_t>(id_stays(ip) ? 0 : wire16(ip.id) + 1);
    }
    open |= std::uint64_t{1} << place;
  }

  void end(unsigned place, std::span<Packet> burst) noexcept {
    open &= ~(std::uint64_t{1} << place);
    const Open& flow = places[place];
    if (flow.segments > 1) finish(burst[flow.at], flow.look);
  }

  void end_all(std::span<Packet> burst) noexcept {
    while (open != 0) end(static_cast<unsigned>(std::countr_zero(open)), burst);
  }

  // Whether the next frame of the flow goes on where `into`, the flow's last, ends.
  static bool continues(const Open& flow, const Packet& into, const Packet& next,
                        const FlowLook& look, unsigned udp_segments) noexcept {
    const FlowLook& first = flow.look;
    if (!same_layout(look, first) || look.bytes > first.bytes) return false;
    if (into.size() - look.network + look.bytes > kMaxIpPacket) return false;
    if (look.tcp ? sequence_of(next, look) != flow.sequence : flow.segments == udp_segments) {
      return false;
    }
    if (!look.ipv6 && wire16(ipv4_of(next, look).id) != flow.next_id) return false;
    if (!same_headers(into.head().data(), next.head().data(), look)) return false;
    return (flow.segments > 1 || checksums_right(into, first)) && checksums_right(next, look);
  }

  // Merges `next` into the flow of that place, if it can be.
  bool merge(unsigned place, std::span<Packet> burst, Packet& next, const FlowLook& look,
             unsigned udp_segments, PacketPool& pool) noexcept {
    Open& flow = places[place];
    Packet& into = burst[flow.at];
    if (!continues(flow, into, next, look, udp_segments)) return false;
    const bool room = into.size() + look.bytes <= into.room();
    if (!room && (into.buffer()->tail != nullptr || !pool.attach_tail(into))) return false;
    append(into, next.head().subspan(look.payload));
    append(into, next.tail());
    if (look.last) {
      into.head()[look.transport + kFlags] |= next.head()[look.transport + kFlags];
    }
    next.reset();
    ++flow.segments;
    flow.sequence += look.bytes;
    if (!look.ipv6 && !id_stays(ipv4_of(into, look))) ++flow.next_id;
    if (look.last || look.bytes < flow.look.bytes) end(place, burst);
    return true;
  }
};

Coalescer::Coalescer(OffloadSet accepted, unsigned udp_segments)
    : table_(std::make_unique<Table>()),
      accepted_(accepted),
      udp_segments_(std::clamp(udp_segments, 2U, kMaxUdpSegments)) {}

Coalescer::~Coalescer() = default;

unsigned Coalescer::coalesce(std::span<Packet> burst, PacketPool& pool) noexcept {
  const auto count = static_cast<unsigned>(burst.size());
  if (count < 2 || OffloadSet{OffloadFeature::csum}.contains(accepted_)) return count;
  Table& table = *table_;
  unsigned kept = 0;
  for (unsigned i = 0; i < count; ++i) {
    const FlowLook look = look_at(burst[i], accepted_);
    const unsigned place = look.hash >> (32 - Table::kPlaceBits);
    if (look.kind == FlowLook::Kind::opaque) table.end_all(burst);
    if (look.kind == FlowLook::Kind::flow && table.is_open(place)) {
      if (look.mergeable && table.merge(place, burst, burst[i], look, udp_segments_, pool)) {
        ++merged_;
        continue;
      }
      table.end(place, burst);
    }
    if (kept != i) burst[kept] = std::move(burst[i]);
    if (look.may_start) table.begin(place, kept, burst[kept], look);
    ++kept;
  }
  table.end_all(burst);
  return kept;
}

}  // namespace bellpull::netdrv
