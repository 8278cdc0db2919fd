// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/netdrv/app.hpp"
#include "bellpull/netdrv/egress.hpp"
#include "fake_port.hpp"
#include "frame_builder.hpp"

namespace bellpull::netdrv::test {

/// An application between fake ports. What fate() says of a frame
/// names every disposition it had: a test that compares it with one name proves there was one.
class AppRig {
 public:
  explicit AppRig(std::unique_ptr<App> app, unsigned ports = 1)
      : app_(std::move(app)), pool_({.heads = 128, .tails = 8}) {
    for (unsigned i = 0; i < ports; ++i) {
      ports_.push_back(std::make_unique<FakePort>("fake" + std::to_string(i)));
      egress_.attach(*ports_.back());
    }
  }

  /// What became of one frame: "sent", "consumed", or the name of the reason it was dropped for.
  /// `rest` is what lies behind the frame in memory.
  std::string fate(const Bytes& frame, unsigned port = 0, std::uint8_t rest = 0xee) {
    return judge(make_packet(pool_, frame, rest), port);
  }

  /// The same for the first `size` bytes of a frame, with the others still behind them in memory:
  /// who reads too far finds what he expects.
  std::string fate_of_cut(const Bytes& frame, std::size_t size) {
    Packet packet = make_packet(pool_, frame);
    packet.trim(static_cast<std::uint32_t>(size));
    return judge(std::move(packet), 0);
  }

  /// What was sent because of the frame; empty if nothing was.
  Bytes answer(const Bytes& frame, unsigned port = 0, std::uint8_t rest = 0xee) {
    return fate(frame, port, rest) == "sent" ? sent_ : Bytes();
  }

  /// What the last frame given to fate() had sent.
  [[nodiscard]] const Bytes& sent() const { return sent_; }

  /// Frames given to fate().
  [[nodiscard]] std::uint64_t frames() const { return frames_; }

  [[nodiscard]] FakePort& port(unsigned number) { return *ports_.at(number); }
  [[nodiscard]] PacketPool& pool() { return pool_; }
  [[nodiscard]] Egress& egress() { return egress_; }
  [[nodiscard]] App& app() { return *app_; }

 private:
  std::string judge(Packet packet, unsigned port) {
    sent_.clear();
    PortCounters& counters = ports_.at(port)->counters();
    const Tally before(counters);
    egress_.begin(port);
    app_->receive(port, std::span(&packet, 1), egress_);
    const bool unhandled = static_cast<bool>(packet);
    packet.reset();
    egress_.flush();
    std::string fate;
    for (const std::unique_ptr<FakePort>& each : ports_) {
      for (Bytes& bytes : each->take_sent()) {
        fate += "sent";
        sent_ = std::move(bytes);
      }
    }
    fate += Tally(counters).difference_to(before);
    if (unhandled) fate += "unhandled";
    if (pool_.outstanding() != 0) fate += " and leaked";
    ++frames_;
    return fate;
  }

  struct Tally {
    explicit Tally(const PortCounters& counters) : consumed(counters.rx_consumed.value()) {
      for (std::size_t i = 0; i < kDropReasons; ++i) {
        dropped.at(i) = counters.rx_dropped.value(static_cast<DropReason>(i));
      }
    }
    [[nodiscard]] std::string difference_to(const Tally& before) const {
      std::string names;
      for (std::uint64_t n = before.consumed; n < consumed; ++n) names += "consumed";
      for (std::size_t i = 0; i < kDropReasons; ++i) {
        for (std::uint64_t n = before.dropped.at(i); n < dropped.at(i); ++n) {
          names += name_of(static_cast<DropReason>(i));
        }
      }
      return names;
    }
    std::uint64_t consumed = 0;
    std::array<std::uint64_t, kDropReasons> dropped{};
  };

  std::unique_ptr<App> app_;
  PacketPool pool_;
  std::vector<std::unique_ptr<FakePort>> ports_;
  Egress egress_;
  Bytes sent_;
  std::uint64_t frames_ = 0;
};

}  // namespace bellpull::netdrv::test
