// SPDX-License-Identifier: BSD-2-Clause
// The life of a frame here:
//   in:  refill() posts a buffer -> the engine reads into it -> rx() pulls it, checks its
//   virtio-net
//        header and length, hands it up, and posts another in its place
//   out: tx() takes a frame, clears the header in front of it, posts it -> the engine writes it ->
//        reclaim() counts how that went and lets the buffer go
#include "bellpull/netdrv/tap_port.hpp"

#include <algorithm>
#include <cstring>

#include "bellpull/netdrv/errno_class.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

static_assert(kVnetHeader <= kHeadroom);

namespace {

constexpr std::uint32_t kEthernetHeader = 14;
constexpr std::uint32_t kTwoVlanTags = 8;

// One byte more than the longest frame: a buffer that is full to the last byte may have lost some.
[[nodiscard]] bool needs_tail(std::uint32_t max_frame) noexcept {
  return max_frame + 1 > kHeadData;
}

[[nodiscard]] std::uint32_t longest_frame(std::uint32_t mtu) noexcept {
  return mtu + kEthernetHeader + kTwoVlanTags;
}

[[nodiscard]] std::uint64_t token_of(PacketBuffer* buffer) noexcept {
  return reinterpret_cast<std::uintptr_t>(buffer);
}

[[nodiscard]] PacketBuffer* buffer_of(const engine::Completion& completion) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a token carries the pointer as a number
  return reinterpret_cast<PacketBuffer*>(static_cast<std::uintptr_t>(completion.token));
}

std::unique_ptr<engine::StreamChannel> open_channel(engine::Engine& engine, const TapDevice& device,
                                                    engine::Direction direction, unsigned slots,
                                                    const engine::Notify& bell,
                                                    engine::FdCounters& counters) {
  engine::FdOptions options;
  options.fd = device.fd();
  options.direction = direction;
  options.max_length = kVnetHeader + kHeadData + kTailData;
  return engine.open_stream({.size = slots, .notify = bell, .sink = {}},
                            engine::make_fd_backend(options, counters));
}

}  // namespace

PacketPoolOptions TapPort::pool_for(unsigned ports, std::uint32_t mtu,
                                    const TapPortOptions& options) noexcept {
  // Two bursts: one the application is handling, one on its way into a transmit ring.
  const unsigned heads = ports * (options.rx_ring + options.tx_ring) + 2 * kBatch;
  return {.heads = heads, .tails = needs_tail(longest_frame(mtu)) ? heads : 0};
}

TapPort::TapPort(engine::Engine& engine, PacketPool& pool, TapDevice device,
                 const TapPortOptions& options, const engine::Notify& bell)
    : pool_(pool),
      device_(std::move(device)),
      options_(options),
      max_frame_(longest_frame(device_.mtu())),
      with_tail_(needs_tail(max_frame_)),
      rx_(open_channel(engine, device_, engine::Direction::device_to_memory,
                       options.rx_ring * (with_tail_ ? 2 : 1), bell, rx_calls_)),
      tx_(open_channel(engine, device_, engine::Direction::memory_to_device, options.tx_ring * 2,
                       bell, tx_calls_)) {
  refill();
}

TapPort::~TapPort() {
  stop_rx();
  std::array<Packet, kBatch> packets;
  while (rx(packets, ~std::uint32_t{0}).work != 0) {
    for (Packet& packet : packets) packet.reset();
  }
  stop_tx();
}

Received TapPort::rx(std::span<Packet> packets, std::uint32_t byte_budget) noexcept {
  Received received;
  std::uint64_t bytes = 0;
  while (received.work < packets.size()) {
    if (bytes >= byte_budget) {
      received.more = true;
      break;
    }
    // Lengths are known only afterwards: pull no more than could use the bytes up, and at least
    // one.
    const auto by_bytes = static_cast<std::size_t>((byte_budget - bytes) / max_frame_ + 1);
    const std::size_t want =
        std::min({packets.size() - received.work, by_bytes, completions_.size()});
    const unsigned pulled = rx_->poll(std::span(completions_).first(want));
    for (const engine::Completion& completion : std::span(completions_).first(pulled)) {
      Packet packet(buffer_of(completion));
      if (!accept(packet, completion)) continue;
      bytes += packet.size();
      packets[received.count++] = std::move(packet);
    }
    rx_posted_ -= pulled;
    received.work += pulled;
    if (pulled < want) break;
  }
  refill();
  return received;
}

// Checks what arrived. False: it is dropped and counted, or it was no frame.
bool TapPort::accept(Packet& packet, const engine::Completion& completion) noexcept {
  if (completion.status != engine::Status::ok) {
    if (completion.status == engine::Status::failed) {
      counters_.rx_errors.add(1);
      if (classify_read(completion.error).reach == ErrnoClass::port) state_ = PortState::gone;
    }
    return false;
  }
  const std::uint32_t frame = std::max(completion.bytes, kVnetHeader) - kVnetHeader;
  counters_.rx_packets.add(1);
  counters_.rx_bytes.add(frame);
  if (frame < kEthernetHeader) {
    counters_.rx_dropped.add(DropReason::runt);
    return false;
  }
  if (frame >= packet.room()) {
    counters_.rx_dropped.add(DropReason::truncated);
    return false;
  }
  VnetHeader header;
  const PacketBuffer& buffer = *packet.buffer();
  std::memcpy(&header, buffer.begin + buffer.offset - kVnetHeader, sizeof header);
  // DATA_VALID says that a checksum was looked at; it asks for nothing.
  if ((header.flags & ~kVnetDataValid) != 0 || header.gso_type != kVnetGsoNone) {
    counters_.rx_dropped.add(DropReason::unnegotiated_offload);
    return false;
  }
  packet.resize(frame);
  return true;
}

void TapPort::refill() noexcept {
  while (receiving_ && rx_posted_ < options_.rx_ring) {
    const std::span<Packet> packets(fresh_);
    const std::size_t want = std::min<std::size_t>(options_.rx_ring - rx_posted_, kBatch);
    const unsigned count = pool_.allocate(packets.first(want), with_tail_);
    if (count == 0) return;
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
    if (rx_->post(std::span(requests_).first(count)).kind != engine::PrepareError::Kind::none) {
      for (Packet& packet : packets.first(count)) packet.reset();
      return;  // the next rx() tries again
    }
    for (unsigned i = 0; i < count; ++i) static_cast<void>(packets[i].release());
    rx_posted_ += count;
    rx_->issue();
    if (count < want) return;
  }
}

unsigned TapPort::tx(std::span<Packet> packets) noexcept {
  if (state_ != PortState::running) {
    const DropReason reason =
        state_ == PortState::gone ? DropReason::port_gone : DropReason::shutdown;
    counters_.tx_dropped.add(reason, packets.size());
    for (Packet& packet : packets) packet.reset();
    return static_cast<unsigned>(packets.size());
  }
  if (options_.tx_ring - tx_waiting_ < packets.size()) reclaim();
  unsigned taken = 0;
  while (taken < packets.size()) {
    const std::size_t room = std::min<std::size_t>(options_.tx_ring - tx_waiting_, kBatch);
    if (room == 0) break;
    std::size_t used = 0;
    unsigned count = 0;
    while (count < room && taken < packets.size()) {
      Packet& packet = packets[taken++];
      if (!sendable(packet)) {
        packet.reset();
        continue;
      }
      PacketBuffer& head = *packet.release();
      std::byte* const header = head.begin + head.offset - kVnetHeader;
      std::memset(header, 0, kVnetHeader);
      const std::size_t first = used;
      segments_[used++] = {header, kVnetHeader + head.length};
      if (head.tail != nullptr)
        segments_[used++] = {head.tail->begin + head.tail->offset, head.tail->length};
      requests_[count++] = {std::span<const engine::Segment>(&segments_[first], used - first),
                            token_of(&head)};
    }
    // Cannot fail: the ring has two slots for each frame that it may hold.
    tx_->post(std::span(requests_).first(count));
    tx_waiting_ += count;
  }
  tx_->issue();
  return taken;
}

// False: dropped and counted.
bool TapPort::sendable(const Packet& packet) noexcept {
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
  counters_.tx_dropped.add(reason);
  return false;
}

unsigned TapPort::reclaim() noexcept {
  unsigned total = 0;
  for (;;) {
    const unsigned count = tx_->poll(completions_);
    for (const engine::Completion& completion : std::span(completions_).first(count)) {
      settle(completion);
    }
    tx_waiting_ -= count;
    total += count;
    if (count < completions_.size()) break;
  }
  if (rx_posted_ < options_.rx_ring) refill();
  return total;
}

void TapPort::settle(const engine::Completion& completion) noexcept {
  const Packet packet(buffer_of(completion));
  if (completion.status == engine::Status::ok) {
    counters_.tx_packets.add(1);
    counters_.tx_bytes.add(packet.size());
    return;
  }
  if (completion.status != engine::Status::failed) {
    counters_.tx_dropped.add(state_ == PortState::gone ? DropReason::port_gone
                                                       : DropReason::shutdown);
    return;
  }
  const ErrnoVerdict verdict = classify_write(completion.error);
  counters_.tx_dropped.add(verdict.reason);
  if (verdict.reach == ErrnoClass::port) state_ = PortState::gone;
}

engine::Armed TapPort::arm() noexcept {
  engine::Armed armed = rx_->arm();
  // Sent frames wait for the next poll, unless they hold so many slots that a sender could starve.
  if (tx_waiting_ * 2 >= options_.tx_ring && tx_->arm() == engine::Armed::work_pending) {
    armed = engine::Armed::work_pending;
  }
  return armed;
}

void TapPort::disarm() noexcept {
  rx_->disarm();
  tx_->disarm();
}

void TapPort::stop_rx() noexcept {
  receiving_ = false;
  rx_->stop();
}

void TapPort::stop_tx() noexcept {
  tx_->stop();
  reclaim();
  if (state_ == PortState::running) state_ = PortState::stopped;
}

std::uint64_t TapPort::notifies() const noexcept {
  return rx_->stats().notifies + tx_->stats().notifies;
}

std::uint64_t TapPort::system_calls() const noexcept {
  return rx_calls_.calls.value() + tx_calls_.calls.value();
}

}  // namespace bellpull::netdrv
