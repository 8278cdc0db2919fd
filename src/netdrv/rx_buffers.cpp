// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/rx_buffers.hpp"

#include <algorithm>
#include <cstring>

#include "bellpull/netdrv/errno_class.hpp"
#include "bellpull/netdrv/offload_check.hpp"
#include "frame_limits.hpp"
#include "packet_token.hpp"
#include "superframe.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

static_assert(kVnetHeader <= kHeadroom);

namespace {

constexpr std::uint32_t kWarmBytes = 512 * 1024;  // half of the smallest second-level cache in use
constexpr unsigned kFewest = 8;                   // superframes that hide what a call costs
constexpr unsigned kMeanShift = 4;                // a change of size is followed within 16 frames

// What the header asks for. DATA_VALID says that a checksum was looked at; it asks for nothing.
Offload offload_of(const Packet& packet) noexcept {
  VnetHeader header;
  const PacketBuffer& buffer = *packet.buffer();
  std::memcpy(&header, buffer.begin + buffer.offset - kVnetHeader, sizeof header);
  return {.flags = static_cast<std::uint8_t>(header.flags & ~kVnetDataValid),
          .gso_type = header.gso_type,
          .hdr_len = header.hdr_len,
          .gso_size = header.gso_size,
          .csum_start = header.csum_start,
          .csum_offset = header.csum_offset};
}

}  // namespace

RxBuffers::RxBuffers(PacketPool& pool, unsigned ring, const Link& link) noexcept
    : pool_(pool),
      ring_(ring),
      offloads_(link.rx_offloads()),
      max_frame_(longest_frame(link.mtu(), offloads_)),
      with_tail_(needs_tail(max_frame_)),
      level_(ring) {}

void RxBuffers::set_level() noexcept {
  const unsigned fitting = kWarmBytes / std::max(mean_, 1U);
  level_ = std::min(std::max(fitting, kFewest), ring_);
}

std::span<const engine::Request> RxBuffers::next_batch(unsigned most) noexcept {
  const std::span<Packet> packets(fresh_);
  const std::size_t want = std::min(missing(), most);
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
  const std::uint32_t room = packet.room();
  packet.offload() = offload_of(packet);
  packet.resize(std::min(frame, room));
  mean_ += (frame >> kMeanShift) - (mean_ >> kMeanShift);
  counters.receive(packet);
  DropReason reason;
  if (frame < kEthernetHeader) {
    reason = DropReason::runt;
  } else if (frame >= room) {
    reason = DropReason::truncated;
  } else if (is_plain(packet.offload()) || negotiated(packet, counters, reason)) {
    return packet;
  }
  counters.drop_received(packet, reason);
  return {};
}

// A frame that asks for something: whether it may, or else the reason why not.
bool RxBuffers::negotiated(const Packet& packet, PortCounters& counters,
                           DropReason& reason) const noexcept {
  reason = DropReason::unnegotiated_offload;
  if (offloads_.empty()) return false;
  if (check_offload(packet) != OffloadFault::none) {
    reason = DropReason::bad_offload;
    return false;
  }
  if (!offloads_.contains(needed_for(packet.offload()))) return false;
  if (packet.offload().gso_type != kVnetGsoNone) counters.rx_segments.add(segments_in(packet) - 1);
  return true;
}

}  // namespace bellpull::netdrv
