// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/rx_buffers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
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

// The first bytes of a header as one number: what is written in pieces and read across them the
// processor waits for, and it is looked at right after it was written.
using Word = std::uint64_t;
constexpr Word word_of(std::uint8_t flags, std::uint8_t gso_type) noexcept {
  return std::bit_cast<Word>(std::array<std::uint8_t, sizeof(Word)>{flags, gso_type});
}
static_assert(offsetof(VnetHeader, flags) == 0 && offsetof(VnetHeader, gso_type) == 1);
static_assert(offsetof(Offload, flags) == offsetof(VnetHeader, flags) &&
              offsetof(Offload, gso_type) == offsetof(VnetHeader, gso_type) &&
              offsetof(Offload, hdr_len) == offsetof(VnetHeader, hdr_len) &&
              offsetof(Offload, gso_size) == offsetof(VnetHeader, gso_size) &&
              offsetof(Offload, csum_start) == offsetof(VnetHeader, csum_start) &&
              offsetof(Offload, csum_offset) == offsetof(VnetHeader, csum_offset));

// Keeps what the header asks for, and returns whether that is nothing. DATA_VALID says that a
// checksum was looked at; it asks for nothing.
bool take_offload(PacketBuffer& buffer) noexcept {
  constexpr std::size_t kRest = sizeof(Offload) - sizeof(Word);
  const std::byte* const header = buffer.begin + buffer.offset - kVnetHeader;
  Word word;
  std::memcpy(&word, header, sizeof word);
  word &= ~word_of(kVnetDataValid, 0);
  auto* const kept = reinterpret_cast<std::byte*>(&buffer.offload);
  std::memcpy(kept, &word, sizeof word);
  std::memcpy(kept + sizeof word, header + sizeof word, kRest);
  static_assert(kVnetGsoNone == 0);
  return (word & word_of(0xff, 0xff)) == 0;
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
  const bool plain = take_offload(*packet.buffer());
  packet.resize(std::min(frame, room));
  mean_ += (frame >> kMeanShift) - (mean_ >> kMeanShift);
  counters.receive(packet);
  DropReason reason;
  if (frame < kEthernetHeader) {
    reason = DropReason::runt;
  } else if (frame >= room) {
    reason = DropReason::truncated;
  } else if (plain || negotiated(packet, counters, reason)) {
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
