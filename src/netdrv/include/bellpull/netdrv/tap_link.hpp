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

/// How frames are moved.
enum class Io : std::uint8_t {
  syscall,  ///< `read` and `write`, one call per frame
  uring,  ///< io_uring, one call per batch; bellpull/engine/uring_backend.hpp tells whether it can
          ///< be had
};

/// How a TAP's frames are moved, and in which form they may be sent.
struct TapLinkOptions {
  Io io = Io::syscall;  ///< see Io
  /// What the reader at the other end takes upon itself: the kernel all that it knows
  /// (TapDevice::probe_offloads()), unless it has bugs.
  OffloadSet tx{};
};

/// One queue of a TAP interface: each transfer is a frame.
class TapLink final : public Link {
 public:
  /// Takes the device over; frames are received with the offloads that it was set to. With
  /// Io::uring each of its back-ends has a ring, and making them throws std::system_error where
  /// there can be none.
  explicit TapLink(TapDevice device, const TapLinkOptions& options = {}) noexcept
      : device_(std::move(device)), options_(options) {}

  // The contract of these is link.hpp's.
  [[nodiscard]] std::string_view name() const noexcept override { return device_.name(); }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return device_.mtu(); }
  [[nodiscard]] OffloadSet rx_offloads() const noexcept override { return device_.offloads(); }
  [[nodiscard]] OffloadSet tx_offloads() const noexcept override { return options_.tx; }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override;
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override;
  [[nodiscard]] std::uint64_t system_calls() const noexcept override {
    return reads_.calls.value() + writes_.calls.value();
  }

  /// The interface.
  [[nodiscard]] const TapDevice& device() const noexcept { return device_; }

  /// The interface, to attach it again or to tell its MTU; a port that uses the link takes notice
  /// when it is made anew (Nic::renew()), and before that owns the descriptor's frames.
  [[nodiscard]] TapDevice& device() noexcept { return device_; }

 private:
  TapDevice device_;
  const TapLinkOptions options_;
  engine::FdCounters reads_;
  engine::FdCounters writes_;
};

}  // namespace bellpull::netdrv
