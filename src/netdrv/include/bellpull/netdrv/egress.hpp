// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "bellpull/netdrv/crossing.hpp"
#include "bellpull/netdrv/drop_reason.hpp"
#include "bellpull/netdrv/packet.hpp"
#include "bellpull/netdrv/port.hpp"

namespace bellpull::netdrv {

/// What an application does with the frames it is given: send, consume or drop, each frame once.
/// Collects what is sent per port and hands it on in bursts of at most kBurst. Owner thread of the
/// Nic.
class Egress {
 public:
  /// Makes port number n of the application `port`; numbers start at 0. Set-up only: allocates.
  void attach(Port& port) {
    outlets_.push_back(Outlet{.port = &port, .crossing = nullptr, .packets = {}, .count = 0});
  }

  /// Puts another port in the place of number `number`. Set-up only; nothing is collected for it.
  void replace(unsigned number, Port& port) noexcept { outlets_[number].port = &port; }

  /// Lets frames for port number `number` go by way of `crossing`, because another thread polls it;
  /// null: straight to it. Set-up only; nothing is collected for it.
  void cross(unsigned number, Crossing* crossing) noexcept { outlets_[number].crossing = crossing; }

  /// Ports that send() knows.
  [[nodiscard]] unsigned ports() const noexcept { return static_cast<unsigned>(outlets_.size()); }

  /// Says which port's counters the dispositions that follow belong to: the one the frames came
  /// from.
  void begin(unsigned ingress) noexcept { ingress_ = &outlets_[ingress].port->counters(); }

  /// Queues a frame for transmission on port number `port`, behind those queued before. Whatever
  /// the port cannot take is dropped there, by name. An unknown port is `no_egress`.
  void send(unsigned port, Packet packet) noexcept {
    if (port >= outlets_.size()) {
      drop(std::move(packet), DropReason::no_egress);
      return;
    }
    Outlet& outlet = outlets_[port];
    outlet.packets[outlet.count] = std::move(packet);
    if (++outlet.count == kBurst) flush(outlet);
  }

  /// The frame has reached its destination: here.
  void consume(Packet packet) noexcept {
    packet.reset();
    ingress_->rx_consumed.add(1);
  }

  /// The frame ends here, and this is why.
  void drop(Packet packet, DropReason reason) noexcept {
    ingress_->drop_received(packet, reason);
    packet.reset();
  }

  /// Hands on what was collected. The Nic calls it after each burst.
  void flush() noexcept {
    for (Outlet& outlet : outlets_) {
      if (outlet.count != 0) flush(outlet);
    }
  }

 private:
  struct Outlet {
    Port* port;
    Crossing* crossing;
    std::array<Packet, kBurst> packets;
    unsigned count;
  };

  void flush(Outlet& outlet) noexcept {
    const std::span<Packet> packets(outlet.packets.data(), outlet.count);
    const bool crosses = outlet.crossing != nullptr;
    const unsigned taken = crosses ? outlet.crossing->push(packets) : outlet.port->tx(packets);
    for (Packet& left : packets.subspan(taken)) {
      // The counters of a port that another thread polls are that thread's.
      if (crosses) {
        ingress_->drop_received(left, DropReason::ring_full);
      } else {
        outlet.port->counters().drop_unsent(left, DropReason::ring_full);
      }
      left.reset();
    }
    outlet.count = 0;
  }

  std::vector<Outlet> outlets_;
  PortCounters* ingress_ = nullptr;
};

}  // namespace bellpull::netdrv
