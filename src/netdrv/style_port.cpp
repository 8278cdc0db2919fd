// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/style_port.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

#include "frame_limits.hpp"

namespace bellpull::netdrv {

namespace {

constexpr unsigned kMostRing = 8192;
constexpr unsigned kMostBacklog = 65536;

const PortOptions& checked(const PortOptions& options) {
  const auto check_ring = [](const char* which, unsigned size) {
    if (std::has_single_bit(size) && size <= kMostRing) return;
    throw std::invalid_argument("port with a " + std::string(which) + " ring of " +
                                std::to_string(size) + ": choose a power of two up to " +
                                std::to_string(kMostRing));
  };
  check_ring("receive", options.rx_ring);
  check_ring("transmit", options.tx_ring);
  if (options.backlog == 0 || options.backlog > kMostBacklog) {
    throw std::invalid_argument("port with a backlog of " + std::to_string(options.backlog) +
                                " frames: choose 1 to " + std::to_string(kMostBacklog));
  }
  return options;
}

}  // namespace

PacketPoolOptions pool_for(const Link& link, const PortOptions& options) noexcept {
  // Two bursts: one the application is handling, one on its way into a transmit ring.
  const unsigned heads = options.rx_ring + options.tx_ring + options.backlog + 2 * kBurst;
  return {.heads = heads,
          .tails = needs_tail(longest_frame(link.mtu(), link.rx_offloads())) ? heads : 0};
}

StylePort::StylePort(const PortParts& parts)
    : engine_(parts.engine),
      pool_(parts.pool),
      link_(parts.link),
      bell_(parts.bell),
      stack_(parts.stack),
      options_(checked(parts.options)),
      buffers_(pool_, options_.rx_ring, link_),
      frames_(link_, options_.tx_ring, options_.coalesce),
      longest_(buffers_.max_frame()) {
  pool_.adopt();
}

std::uint32_t StylePort::rx_slots(unsigned spare) const noexcept {
  return std::bit_ceil((options_.rx_ring + spare) * buffers_.segments());
}

std::uint32_t StylePort::tx_slots(unsigned spare) const noexcept {
  return std::bit_ceil((options_.tx_ring + spare) * 2);
}

std::unique_ptr<engine::StreamChannel> StylePort::open_rx(unsigned spare,
                                                          const engine::Notify& bell,
                                                          const engine::CompletionSink& sink) {
  return engine_.open_stream({.size = rx_slots(spare), .notify = bell, .sink = sink},
                             link_.make_receiver());
}

std::unique_ptr<engine::StreamChannel> StylePort::open_tx(unsigned spare,
                                                          const engine::Notify& bell,
                                                          const engine::CompletionSink& sink) {
  return engine_.open_stream({.size = tx_slots(spare), .notify = bell, .sink = sink},
                             link_.make_sender());
}

// Lengths are known only afterwards: pull no more than could use the bytes up, if all are as long
// as the longest of the last burst, and at least one.
unsigned StylePort::burst_limit(unsigned budget, std::uint64_t bytes) const noexcept {
  const std::uint64_t by_bytes = std::max<std::uint64_t>(1, (bytes + longest_ - 1) / longest_);
  return static_cast<unsigned>(std::min<std::uint64_t>({budget, kBurst, by_bytes}));
}

// Returns how many bytes there were.
std::uint64_t StylePort::hand_over() noexcept {
  if (burst_.count_ == 0) return 0;
  longest_ = std::exchange(burst_.longest_, 1);
  deliver(std::span(burst_.packets_).first(std::exchange(burst_.count_, 0)));
  return std::exchange(burst_.bytes_, 0);
}

void StylePort::deliver(std::span<Packet> packets) noexcept {
  if (!winding_down_) stack_.receive(packets);
  for (Packet& packet : packets) packet.reset();
}

void StylePort::wind_down() noexcept {
  stop_rx();
  winding_down_ = true;
  while (poll(kBurst, ~std::uint32_t{0}).work != 0) {
  }
  stop_tx();
}

}  // namespace bellpull::netdrv
