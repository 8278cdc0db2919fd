// SPDX-License-Identifier: BSD-2-Clause
#include "channel_port.hpp"

namespace bellpull::netdrv {

namespace {

[[nodiscard]] unsigned spare_slots(const engine::CompletionSink& sink) noexcept {
  return sink.push == nullptr ? 0 : kBurst;
}

}  // namespace

ChannelPort::ChannelPort(const PortParts& parts, const Ends& ends)
    : StylePort(parts),
      rx_(open_rx(spare_slots(ends.received), ends.bell, ends.received)),
      tx_(open_tx(spare_slots(ends.sent), ends.bell, ends.sent)) {
  fill();
}

// A sink may own the receive channel on the engine's thread from its first call on: that comes when
// this thread has let go of the channel.
void ChannelPort::start() noexcept {
  rx_->pause();
  rx_->issue();
  rx_->resume();
}

unsigned ChannelPort::tx(std::span<Packet> packets) noexcept {
  if (state() != PortState::running) return refuse(packets);
  if (frames_.posted() + packets.size() > options_.tx_ring) reclaim();
  const unsigned taken = frames_.send(packets, counters_, [this](auto batch) noexcept {
    tx_->post(batch);  // cannot fail: the ring has two slots for each frame that it may hold
    calls_.add(1);
  });
  tx_->issue();
  calls_.add(1);
  if (packets.size() == 1 && taken == 1) send_now(*tx_);
  return taken;
}

unsigned ChannelPort::fill() noexcept {
  return buffers_.refill([this](auto batch) noexcept {
    return rx_->post(batch).kind == engine::PrepareError::Kind::none;
  });
}

void ChannelPort::refill(engine::Counter& calls) noexcept {
  const unsigned posts = fill();
  if (posts == 0) return;
  rx_->issue();
  calls.add(posts + 1);
}

void ChannelPort::stop_rx() noexcept {
  buffers_.close();
  rx_->stop();
}

// What is unfinished may be in the hands of a sink on the engine's thread until the channel stops.
void ChannelPort::stop_tx() noexcept {
  frames_.stop_resending();
  tx_->stop();
  close_frames();
  reclaim();
  set_stopped();
}

std::uint64_t ChannelPort::notifies() const noexcept {
  return rx_->stats().notifies + tx_->stats().notifies;
}

}  // namespace bellpull::netdrv
