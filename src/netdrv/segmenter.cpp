// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/segmenter.hpp"

#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "checksum.hpp"
#include "ip_lengths.hpp"
#include "superframe.hpp"
#include "vnet_header.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

// Fills `to` with what is at `offset` in the packet.
void copy_out(const Packet& packet, std::uint32_t offset, std::span<std::byte> to) noexcept {
  const std::span<const std::byte> head = packet.head();
  std::size_t done = 0;
  if (offset < head.size()) {
    done = std::min(to.size(), head.size() - offset);
    std::memcpy(to.data(), head.data() + offset, done);
  }
  if (done == to.size()) return;
  const std::size_t in_tail = offset + done - head.size();
  std::memcpy(to.data() + done, packet.tail().data() + in_tail, to.size() - done);
}

}  // namespace

OffloadFault Segmenter::start(Packet&& packet, std::uint32_t mtu) noexcept {
  const Offload& offload = packet.offload();
  unsigned segments = 1;
  if (offload.gso_type == kVnetGsoNone) {
    const OffloadFault fault = check_offload(packet);
    if (fault != OffloadFault::none) return fault;
  } else {
    SuperframeLayout layout;
    const OffloadFault fault = find_superframe(packet.head(), packet.size(), offload, layout);
    if (fault != OffloadFault::none) return fault;
    const std::uint32_t bytes = packet.size() - layout.payload;
    const std::uint32_t longest = std::min<std::uint32_t>(bytes, offload.gso_size);
    if (layout.payload - layout.network + longest > mtu) return OffloadFault::oversize;
    segments = std::max(1U, (bytes + offload.gso_size - 1) / offload.gso_size);
    network_ = layout.network;
    transport_ = layout.transport;
    payload_ = layout.payload;
    tcp_ = layout.tcp;
  }
  packet_ = std::move(packet);
  segments_ = segments;
  cut_ = 0;
  return OffloadFault::none;
}

unsigned Segmenter::next(PacketPool& pool, std::span<Packet> out) noexcept {
  const std::size_t wanted = std::min<std::size_t>(out.size(), remaining());
  if (wanted == 0) return 0;
  if (segments_ == 1) {
    packet_.offload().gso_type = kVnetGsoNone;
    packet_.offload().gso_size = 0;
    complete_checksum(packet_);
    out[0] = std::move(packet_);
    cut_ = 1;
    return 1;
  }
  const bool with_tail = payload_ + packet_.offload().gso_size > kHeadData;
  const unsigned count = pool.allocate(out.first(wanted), with_tail);
  for (Packet& segment : out.first(count)) cut(segment);
  if (done()) packet_.reset();
  return count;
}

void Segmenter::reset() noexcept {
  packet_.reset();
  cut_ = segments_;
}

void Segmenter::cut(Packet& segment) noexcept {
  const std::uint32_t gso_size = packet_.offload().gso_size;
  const std::uint32_t done = cut_ * gso_size;
  const std::uint32_t whole = packet_.size();
  const bool last = cut_ + 1 == segments_;
  const std::uint32_t size = payload_ + (last ? whole - payload_ - done : gso_size);
  segment.resize(size);
  const std::span<std::byte> head = segment.head();
  std::memcpy(head.data(), packet_.head().data(), payload_);
  copy_out(packet_, payload_ + done, head.subspan(payload_));
  const std::span<std::byte> tail = segment.tail();
  if (!tail.empty()) {
    copy_out(packet_, done + static_cast<std::uint32_t>(head.size()), tail);
  }
  set_ip_length(head.subspan(network_), static_cast<std::uint16_t>(size - network_),
                static_cast<std::uint16_t>(cut_));

  // What the field has is the sum of the pseudo header, in which only the length changes; with a
  // routing header its address is not the one in the IP header (RFC 8200 section 8.1).
  InternetSum sum;
  std::byte* const transport = head.data() + transport_;
  sum.add_word(static_cast<std::uint16_t>(~(whole - transport_)));
  sum.add_word(static_cast<std::uint16_t>(size - transport_));
  std::size_t field = 0;
  if (tcp_) {
    auto tcp = read_at<tcphdr>(transport);
    tcp.seq = wire32(wire32(tcp.seq) + done);
    if (!last) tcp.fin = tcp.psh = 0;
    write_at(transport, tcp);
    constexpr std::byte kCwr{0x80};  // <netinet/tcp.h> has no name for it
    if (cut_ != 0) transport[13] &= ~kCwr;
    field = offsetof(tcphdr, check);
  } else {
    write_at(transport + offsetof(udphdr, len),
             wire16(static_cast<std::uint16_t>(size - transport_)));
    field = offsetof(udphdr, check);
  }
  sum.add(head.subspan(transport_));
  sum.add(tail);
  std::uint16_t checksum = sum.checksum();
  if (checksum == 0 && !tcp_) checksum = 0xffff;
  write_at(transport + field, wire16(checksum));
  ++cut_;
}

}  // namespace bellpull::netdrv
