// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "bellpull/netdrv/style_port.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "keeping_stack.hpp"
#include "socket_tap.hpp"

namespace bellpull::test {

/// Runs the rest of the test once for each style.
inline netdrv::Style every_style() {
  netdrv::Style chosen = netdrv::Style::poll;
  for (std::size_t i = 0; i < netdrv::kStyleNames.size(); ++i) {
    SUBCASE(netdrv::kStyleNames[i].data()) {
      chosen = static_cast<netdrv::Style>(i);
    }
  }
  return chosen;
}

/// A port in each style, its link, its engine and a stack that keeps what it is handed.
struct StylePortRig {
  explicit StylePortRig(std::uint32_t mtu = 1500,
                        netdrv::PortOptions options = {.rx_ring = 32, .tx_ring = 32})
      : style(every_style()),
        link(tap.device("test", mtu)),
        pool(netdrv::pool_for(link, options)),
        port(netdrv::make_port(style,
                               {engine, pool, link, {&StylePortRig::ring, this}, stack, options})) {
    port->start();
  }
  ~StylePortRig() {
    port.reset();
    stack.packets.clear();
    CHECK(pool.outstanding() == 0);
  }
  static void ring(void* self) noexcept { ++static_cast<StylePortRig*>(self)->bells; }

  /// Lets the engine read, then polls.
  std::vector<netdrv::Packet> receive(unsigned budget = 64, std::uint32_t byte_budget = ~0U) {
    engine.retry_blocked();
    engine.run(64);
    return pull(budget, byte_budget);
  }

  std::vector<netdrv::Packet> pull(unsigned budget = 64, std::uint32_t byte_budget = ~0U) {
    last = port->poll(budget, byte_budget);
    return stack.take();
  }

  netdrv::Packet make(const Bytes& frame) {
    std::array<netdrv::Packet, 1> packet;
    REQUIRE(pool.allocate(packet, frame.size() > netdrv::kHeadData) == 1);
    packet[0].resize(static_cast<std::uint32_t>(frame.size()));
    const auto head = packet[0].head();
    const auto tail = packet[0].tail();
    std::memcpy(head.data(), frame.data(), head.size());
    if (!tail.empty()) std::memcpy(tail.data(), frame.data() + head.size(), tail.size());
    return std::move(packet[0]);
  }

  /// Summed over the threads that count.
  [[nodiscard]] std::uint64_t count(engine::Counter netdrv::PortCounters::*which) {
    const netdrv::PortCounters* const more = port->engine_counters();
    return (port->counters().*which).value() + (more == nullptr ? 0 : (more->*which).value());
  }
  [[nodiscard]] std::uint64_t rx_drops(netdrv::DropReason reason) {
    const netdrv::PortCounters* const more = port->engine_counters();
    return port->counters().rx_dropped.value(reason) +
           (more == nullptr ? 0 : more->rx_dropped.value(reason));
  }
  [[nodiscard]] std::uint64_t tx_drops(netdrv::DropReason reason) {
    const netdrv::PortCounters* const more = port->engine_counters();
    return port->counters().tx_dropped.value(reason) +
           (more == nullptr ? 0 : more->tx_dropped.value(reason));
  }

  /// Whether frames wait until they are polled for; otherwise the stack has had them already.
  [[nodiscard]] bool polled() const { return style != netdrv::Style::push; }

  /// Whether faulty frames do as well; otherwise they end at the callback.
  [[nodiscard]] bool faulty_polled() const {
    return polled() && style != netdrv::Style::push_backlog;
  }

  /// Whether the ends of sent frames do; otherwise each is told at once.
  [[nodiscard]] bool sent_polled() const {
    return style == netdrv::Style::notify || style == netdrv::Style::poll ||
           style == netdrv::Style::virtqueue;
  }

  const netdrv::Style style;
  int bells = 0;
  netdrv::Polled last;
  SocketTap tap;
  netdrv::TapLink link;
  engine::Engine engine{engine::EngineOptions{}};
  netdrv::PacketPool pool;
  KeepingStack stack;
  std::unique_ptr<netdrv::Port> port;
};

}  // namespace bellpull::test
