// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/fault_link.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "nic_accounts.hpp"
#include "socket_tap.hpp"

namespace bellpull::test {

/// Two patched ports on socket pairs, each with a plan of faults. Frames go in at port 0, and are
/// taken from port 1. An empty plan has a fault that never happens, so that frames are counted.
class FaultBench {
 public:
  FaultBench(std::array<std::string_view, 2> plans, netdrv::Style style,
             engine::Placement placement)
      : app_(netdrv::make_patch()),
        engine_({.placement = placement}),
        nic(std::make_unique<netdrv::Nic>(engine_, *app_, netdrv::NicSettings{})) {
    for (unsigned i = 0; i < 2; ++i) {
      const netdrv::ParsedFrameFaults parsed =
          netdrv::parse_frame_faults(plans[i].empty() ? "drop:chance=0" : plans[i]);
      REQUIRE(parsed.error == "");
      whole_.push_back(std::make_unique<netdrv::TapLink>(taps[i].device("p" + std::to_string(i))));
      links.push_back(std::make_unique<netdrv::FaultLink>(*whole_[i], parsed.plan));
      nic->add_port(*links[i], style, {.rx_ring = 128, .tx_ring = 128});
    }
    nic->start();
  }
  ~FaultBench() {
    nic->drain(std::chrono::milliseconds(0));
    CHECK(nic->stats().pool_outstanding == 0);
  }

  [[nodiscard]] netdrv::QueueStats queue(unsigned port) const {
    return nic->stats().ports[port].queues[0];
  }
  [[nodiscard]] std::uint64_t dropped_tx(netdrv::DropReason reason) const {
    return queue(1).tx_dropped[static_cast<std::size_t>(reason)];
  }

  /// A round, after which the device of port 1 has nothing.
  void round() {
    nic->run_once(1);
    for (Bytes raw = taps[1].pull_raw(); !raw.empty(); raw = taps[1].pull_raw()) {
      raw.erase(raw.begin(), raw.begin() + netdrv::kVnetHeader);
      taken.push_back(std::move(raw));
    }
  }

  /// Rounds until `done()`. False: it did not come to that.
  template <class Done>
  [[nodiscard]] bool rounds_until(Done&& done) {
    const auto begun = std::chrono::steady_clock::now();
    while (!done()) {
      if (std::chrono::steady_clock::now() - begun > std::chrono::seconds(20)) return false;
      round();
    }
    return true;
  }

  void push(const Bytes& frame) {
    const bool pushed = rounds_until([&] { return taps[0].push(frame); });
    REQUIRE(pushed);
  }

  /// Whether each frame is where the counters say it is: between device and port on either side,
  /// and between the ports.
  [[nodiscard]] bool adds_up() const {
    using Kind = netdrv::FrameFaultKind;
    const netdrv::QueueStats in = queue(0);
    const netdrv::QueueStats out = queue(1);
    const netdrv::FrameFaultCounts rx = links[0]->rx();
    const netdrv::FrameFaultCounts tx = links[1]->tx();
    return in.rx_packets + rx.of(Kind::drop) + rx.of(Kind::error) + rx.lost ==
               rx.frames + rx.of(Kind::duplicate) &&
           in.rx_packets ==
               sum(in.rx_dropped) + in.rx_consumed + out.tx_packets + sum(out.tx_dropped) &&
           taken.size() + tx.of(Kind::drop) == out.tx_packets + tx.of(Kind::duplicate);
  }

  std::array<SocketTap, 2> taps;

 private:
  std::unique_ptr<netdrv::App> app_;
  engine::Engine engine_;
  std::vector<std::unique_ptr<netdrv::TapLink>> whole_;

 public:
  std::vector<std::unique_ptr<netdrv::FaultLink>> links;
  std::unique_ptr<netdrv::Nic> nic;
  std::vector<Bytes> taken;
};

}  // namespace bellpull::test
