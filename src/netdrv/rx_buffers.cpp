// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/rx_buffers.hpp"

#include <algorithm>
#include <cstring>

#include "bellpull/netdrv/errno_class.hpp"
#include "frame_limits.hpp"
#include "packet_token.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

static_assert(kVnetHeader <= kHeadroom);

RxBuffers::RxBuffers(PacketPool& pool, unsigned ring, std::uint32_t mtu) noexcept
    : pool_(pool),
      ring_(ring),
      max_frame_(longest_frame(mtu)),
      with_tail_(needs_tail(max_frame_)) {}

std::span<const engine::Request> RxBuffers::next_batch() noexcept {
  const std::span<Packet> packets(fresh_);
  const std::size_t want = std::min<std::size_t>(missing(), kBurst);
  const unsigned count = pool_.allocate(packets.first(want), with_tail_);
  std::size_t used = 0;
  for (unsigned i = 0; i < count; ++i) {
    const PacketBuffer& head = *packets[i].buffer();
    const std::size_t first = used;
    segments_[used++] = {head.begin + head.offset - kVnetHeader,
                         kVnetHeader + head.capacity - head.offset};
    if (with_tail_) segments_[used++] = {head.tail->begin, head.tail->capacity};
    requests_[i] = {std::span<const engine::Segment>(&segments_[first], used - first),
                    token_of(packets[i].buffer())};
  }
  return std::span(requests_).first(count);
}

void RxBuffers::settle_batch(std::size_t count, bool taken) noexcept {
  for (Packet& packet : std::span(fresh_).first(count)) {
    if (taken) {
      static_cast<void>(packet.release());
    } else {
      packet.reset();
    }
  }
  if (taken) posted_ += static_cast<unsigned>(count);
}

Packet RxBuffers::accept(std::uint64_t token, const engine::StreamResult& result,
                         PortCounters& counters, std::atomic<PortState>& state) noexcept {
  --posted_;
  Packet packet(buffer_of(token));
  if (result.status != engine::Status::ok) {
    if (result.status == engine::Status::failed) {
      counters.rx_errors.add(1);
      if (classify_read(result.error).reach == ErrnoClass::port) {
        state.store(PortState::gone, std::memory_order_relaxed);  // says no more than itself
        close();  // every other buffer would come back at once, for ever
      }
    }
    return {};
  }
  const std::uint32_t frame = std::max(result.bytes, kVnetHeader) - kVnetHeader;
  counters.rx_packets.add(1);
  counters.rx_bytes.add(frame);
  if (frame < kEthernetHeader) {
    counters.rx_dropped.add(DropReason::runt);
    return {};
  }
  if (frame >= packet.room()) {
    counters.rx_dropped.add(DropReason::truncated);
    return {};
  }
  VnetHeader header;
  const PacketBuffer& buffer = *packet.buffer();
  std::memcpy(&header, buffer.begin + buffer.offset - kVnetHeader, sizeof header);
  // DATA_VALID says that a checksum was looked at; it asks for nothing.
  if ((header.flags & ~kVnetDataValid) != 0 || header.gso_type != kVnetGsoNone) {
    counters.rx_dropped.add(DropReason::unnegotiated_offload);
    return {};
  }
  packet.resize(frame);
  return packet;
}

}  // namespace bellpull::netdrv
