// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/tx_frames.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "bellpull/netdrv/offload_check.hpp"
#include "frame_limits.hpp"
#include "packet_token.hpp"
#include "superframe.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

namespace {

constexpr unsigned kTails = 2 * kBurst;

void write_header(const PacketBuffer& head, std::byte* to) noexcept {
  const Offload& offload = head.offload;
  const VnetHeader header{.flags = offload.flags,
                          .gso_type = offload.gso_type,
                          .hdr_len = offload.hdr_len,
                          .gso_size = offload.gso_size,
                          .csum_start = offload.csum_start,
                          .csum_offset = offload.csum_offset,
                          .num_buffers = 0};
  std::memcpy(to, &header, sizeof header);
}

}  // namespace

TxFrames::TxFrames(Link& link, unsigned ring, bool coalesce)
    : link_(link),
      ring_(ring),
      mtu_(link.mtu()),
      max_frame_(longest_frame(mtu_)),
      pool_({.heads = ring + kBurst, .tails = kTails}),
      accepted_(link.accepted()) {
  if (coalesce && !accepted_.empty()) coalescer_ = std::make_unique<Coalescer>(accepted_);
  waiting_.reserve(ring);
  if (again_.make(ring) != ring::SetupError::none) throw std::bad_alloc();
}

TxFrames::~TxFrames() {
  while (Packet packet = next_refused()) packet.reset();
  segmenter_.reset();
  waiting_.clear();
  pool_.adopt();
}

// The reader may have given up what was merged for. Merged frames that wait hold second buffers, of
// which segments before them may be in need.
std::span<Packet> TxFrames::coalesce(std::span<Packet> packets, PortCounters& counters) noexcept {
  if (!coalescer_ || packets.size() < 2 || unfinished() || link_.accepted() != accepted_) {
    return packets;
  }
  const unsigned count = coalescer_->coalesce(packets, pool_);
  counters.tx_coalesced.add(packets.size() - count);
  return packets.first(count);
}

// Takes from what is unfinished, then from the front of `packets`, what makes one batch.
std::span<const engine::Request> TxFrames::describe(std::span<Packet>& packets,
                                                    PortCounters& counters) noexcept {
  const std::size_t room = std::min(ring_ - posted(), kBurst);
  std::size_t count = 0;
  std::size_t used = 0;
  while (count < room) {
    Packet packet = next(packets, counters);
    if (!packet) break;
    counters.show_sent(packet);
    if (!is_plain(packet.offload())) asked_.add(1);
    PacketBuffer& head = *packet.release();
    std::byte* const header = head.begin + head.offset - kVnetHeader;
    write_header(head, header);
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

// The next frame in a form that the reader accepts; empty when there is none, or no buffer for it.
Packet TxFrames::next(std::span<Packet>& packets, PortCounters& counters) noexcept {
  for (;;) {
    if (!segmenter_.done()) {
      Packet segment;
      if (segmenter_.next(pool_, {&segment, 1}) != 0) {
        count_held();
      }
      return segment;
    }
    Packet packet = next_refused();
    if (!packet) packet = next_waiting();
    if (!packet) {
      if (packets.empty()) return {};
      packet = std::move(packets.front());
      packets = packets.subspan(1);
    }
    switch (form_of(packet, counters)) {
      case Form::as_it_is:
        return packet;
      case Form::cut:
        start_cutting(std::move(packet), counters);
        break;
      case Form::dropped:
        break;
    }
  }
}

Packet TxFrames::next_refused() noexcept {
  Packet packet;
  if (refused_.value() == resent_.value()) return packet;
  const unsigned count = again_.consumer().poll(
      1, [&packet](PacketBuffer*& buffer) noexcept { packet = Packet(buffer); });
  resent_.add(count);
  return packet;
}

Packet TxFrames::next_waiting() noexcept {
  if (next_waiting_ == waiting_.size()) return {};
  Packet packet = std::move(waiting_[next_waiting_++]);
  if (next_waiting_ == waiting_.size()) {
    waiting_.clear();
    next_waiting_ = 0;
  }
  count_held();
  return packet;
}

void TxFrames::wait_behind_segments(std::span<Packet>& packets) noexcept {
  if (packets.empty() || segmenter_.done()) return;
  while (!packets.empty() && waiting_.size() != waiting_.capacity()) {
    waiting_.push_back(std::move(packets.front()));
    packets = packets.subspan(1);
  }
  count_held();
}

void TxFrames::count_held() noexcept {
  held_.store(segmenter_.remaining() + static_cast<unsigned>(waiting_.size() - next_waiting_),
              std::memory_order_relaxed);
}

TxFrames::Form TxFrames::form_of(Packet& packet, PortCounters& counters) const noexcept {
  const Offload& offload = packet.offload();
  if (packet.size() < kEthernetHeader) {
    counters.drop_unsent(packet, DropReason::runt);
    return Form::dropped;
  }
  if (packet.headroom() < kVnetHeader) {
    counters.drop_unsent(packet, DropReason::unnegotiated_offload);
    return Form::dropped;
  }
  if (offload.gso_type == kVnetGsoNone && packet.size() > max_frame_) {
    counters.drop_unsent(packet, DropReason::oversize);
    return Form::dropped;
  }
  if (is_plain(offload)) return Form::as_it_is;
  const bool accepted = link_.accepted().contains(needed_for(offload));
  return accepted && fits(packet) ? Form::as_it_is : Form::cut;
}

// Whether a frame that the reader accepts is one that it can work with. The kernel makes as many
// bytes linear as hdr_len says, and says so itself of whatever was linear: it is set to the
// headers.
bool TxFrames::fits(const Packet& packet) const noexcept {
  const Offload& offload = packet.offload();
  if (offload.gso_type == kVnetGsoNone) return check_offload(packet) == OffloadFault::none;
  SuperframeLayout layout;
  if (find_superframe(packet.head(), packet.size(), offload, layout) != OffloadFault::none) {
    return false;
  }
  packet.offload().hdr_len = static_cast<std::uint16_t>(layout.payload);
  return layout.payload - layout.network + offload.gso_size <= mtu_;
}

// Also what is to be cut into one piece, for its checksum; and what is faulty, for the reason.
void TxFrames::start_cutting(Packet packet, PortCounters& counters) noexcept {
  const OffloadFault fault = segmenter_.start(std::move(packet), mtu_);
  if (fault != OffloadFault::none) {
    counters.drop_unsent(
        packet, fault == OffloadFault::oversize ? DropReason::oversize : DropReason::bad_offload);
    return;
  }
  counters.tx_cut.add(segmenter_.segments() - 1);
  count_held();
}

void TxFrames::refuse(std::span<Packet> packets, PortState state, PortCounters& counters) noexcept {
  const DropReason reason = state == PortState::gone ? DropReason::port_gone : DropReason::shutdown;
  for (Packet& packet : packets) {
    counters.drop_unsent(packet, reason);
    packet.reset();
  }
}

void TxFrames::close(DropReason reason, PortCounters& counters) noexcept {
  stop_resending();
  counters.tx_dropped.add(reason, segmenter_.remaining());
  segmenter_.reset();
  while (Packet packet = next_refused()) counters.drop_unsent(packet, reason);
  while (Packet packet = next_waiting()) counters.drop_unsent(packet, reason);
  count_held();
}

}  // namespace bellpull::netdrv
