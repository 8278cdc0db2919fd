// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "bellpull/engine/fd_backend.hpp"
#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/tap_device.hpp"

namespace bellpull::netdrv {

/// One queue of a TAP interface, by `read` and `write`: each transfer is a frame.
class TapLink final : public Link {
 public:
  /// Takes the device over; its MTU is read no more.
  explicit TapLink(TapDevice device) noexcept : device_(std::move(device)) {}

  // The contract of these is link.hpp's.
  [[nodiscard]] std::string_view name() const noexcept override { return device_.name(); }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return device_.mtu(); }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override;
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override;
  [[nodiscard]] std::uint64_t system_calls() const noexcept override {
    return reads_.calls.value() + writes_.calls.value();
  }

  /// The interface.
  [[nodiscard]] const TapDevice& device() const noexcept { return device_; }

 private:
  TapDevice device_;
  engine::FdCounters reads_;
  engine::FdCounters writes_;
};

}  // namespace bellpull::netdrv
