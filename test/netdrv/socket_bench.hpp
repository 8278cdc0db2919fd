// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "socket_tap.hpp"

namespace bellpull::test {

/// An application made of a function.
struct FunctionApp final : netdrv::App {
  using Function = std::function<void(unsigned, std::span<netdrv::Packet>, netdrv::Egress&)>;
  explicit FunctionApp(Function f) : function(std::move(f)) {}
  void receive(unsigned port, std::span<netdrv::Packet> burst,
               netdrv::Egress& egress) noexcept override {
    function(port, burst, egress);
  }
  Function function;
};

/// A NIC on `ports` socket pairs, run by the thread that calls run().
struct SocketBench {
  SocketBench(netdrv::App& app, const netdrv::NicSettings& settings, engine::Placement placement,
              unsigned ports = 2, netdrv::Style style = netdrv::Style::poll)
      : engine({.placement = placement}),
        taps(ports),
        nic(std::make_unique<netdrv::Nic>(engine, app, settings)) {
    for (unsigned i = 0; i < ports; ++i) {
      links.push_back(std::make_unique<netdrv::TapLink>(taps[i].device("p" + std::to_string(i))));
      nic->add_port(*links.back(), style, {.rx_ring = 128, .tx_ring = 128});
    }
    nic->start();
  }
  ~SocketBench() {
    nic->drain(std::chrono::milliseconds(0));
    CHECK(outstanding() == 0);
  }

  /// Rounds until there is nothing to do. Never sleeps.
  void settle() {
    for (int idle = 0; idle < 3;) idle = nic->run_once(0) ? 0 : idle + 1;
  }
  void set_budget(unsigned budget) {
    netdrv::NicSettings settings = nic->settings();
    settings.budget = budget;
    nic->configure(settings);
  }
  void set_mode(netdrv::Mode mode) {
    netdrv::NicSettings settings = nic->settings();
    settings.mode = mode;
    nic->configure(settings);
  }
  [[nodiscard]] std::uint64_t outstanding() const { return nic->stats().pool_outstanding; }
  [[nodiscard]] netdrv::QueueStats queue(unsigned port) const {
    return nic->stats().ports[port].queues[0];
  }

  engine::Engine engine;
  std::vector<SocketTap> taps;
  std::vector<std::unique_ptr<netdrv::TapLink>> links;
  std::unique_ptr<netdrv::Nic> nic;
};

}  // namespace bellpull::test
