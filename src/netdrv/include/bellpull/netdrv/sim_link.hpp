// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/sim_nic.hpp"

namespace bellpull::netdrv {

/// A simulated NIC at the other end of a port.
class SimLink final : public Link {
 public:
  /// Throws as SimNic does.
  explicit SimLink(const SimOptions& options) : device_(options) {}

  // The contract of these is link.hpp's.
  [[nodiscard]] std::string_view name() const noexcept override { return device_.options().name; }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return device_.options().mtu; }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override {
    return device_.make_receive();
  }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override {
    return device_.make_transmit();
  }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }

  /// The device: begins and ends the arrivals, and counts them.
  [[nodiscard]] SimNic& device() noexcept { return device_; }
  /// The same, to read.
  [[nodiscard]] const SimNic& device() const noexcept { return device_; }

 private:
  SimNic device_;
};

}  // namespace bellpull::netdrv
