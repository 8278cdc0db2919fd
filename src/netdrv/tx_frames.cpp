// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/tx_frames.hpp"

#include <algorithm>
#include <cstring>

#include "bellpull/netdrv/errno_class.hpp"
#include "frame_limits.hpp"
#include "packet_token.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

TxFrames::TxFrames(unsigned ring, std::uint32_t mtu) noexcept
    : ring_(ring), max_frame_(longest_frame(mtu)) {}

// Takes from the front of `packets` what makes one batch.
std::span<const engine::Request> TxFrames::describe(std::span<Packet>& packets,
                                                    PortCounters& counters) noexcept {
  const std::size_t room = std::min(ring_ - in_flight(), kBurst);
  std::size_t count = 0;
  std::size_t used = 0;
  while (count < room && !packets.empty()) {
    Packet& packet = packets.front();
    packets = packets.subspan(1);
    if (!sendable(packet, counters)) {
      packet.reset();
      continue;
    }
    PacketBuffer& head = *packet.release();
    std::byte* const header = head.begin + head.offset - kVnetHeader;
    std::memset(header, 0, kVnetHeader);
    const std::size_t first = used;
    segments_[used++] = {header, kVnetHeader + head.length};
    if (head.tail != nullptr) {
      segments_[used++] = {head.tail->begin + head.tail->offset, head.tail->length};
    }
    requests_[count++] = {std::span<const engine::Segment>(&segments_[first], used - first),
                          token_of(&head)};
  }
  posted_.add(count);
  return std::span(requests_).first(count);
}

// False: dropped and counted.
bool TxFrames::sendable(const Packet& packet, PortCounters& counters) const noexcept {
  const Offload& offload = packet.offload();
  DropReason reason;
  if (packet.size() < kEthernetHeader) {
    reason = DropReason::runt;
  } else if (packet.size() > max_frame_) {
    reason = DropReason::oversize;
  } else if (offload.flags != 0 || offload.gso_type != 0 || packet.headroom() < kVnetHeader) {
    reason = DropReason::unnegotiated_offload;
  } else {
    return true;
  }
  counters.tx_dropped.add(reason);
  return false;
}

void TxFrames::refuse(std::span<Packet> packets, PortState state, PortCounters& counters) noexcept {
  counters.tx_dropped.add(state == PortState::gone ? DropReason::port_gone : DropReason::shutdown,
                          packets.size());
  for (Packet& packet : packets) packet.reset();
}

void TxFrames::settle(std::uint64_t token, const engine::StreamResult& result,
                      PortCounters& counters, std::atomic<PortState>& state) noexcept {
  const Packet packet(buffer_of(token));
  ended_.add(1);
  if (result.status == engine::Status::ok) {
    counters.tx_packets.add(1);
    counters.tx_bytes.add(packet.size());
    return;
  }
  if (result.status != engine::Status::failed) {
    const bool gone = state.load(std::memory_order_relaxed) == PortState::gone;
    counters.tx_dropped.add(gone ? DropReason::port_gone : DropReason::shutdown);
    return;
  }
  const ErrnoVerdict verdict = classify_write(result.error);
  counters.tx_dropped.add(verdict.reason);
  if (verdict.reach == ErrnoClass::port) {
    state.store(PortState::gone, std::memory_order_relaxed);  // says no more than itself
  }
}

}  // namespace bellpull::netdrv
