// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "bellpull/engine/backend.hpp"
#include "bellpull/netdrv/offload_set.hpp"

namespace bellpull::netdrv {

/// What is at the other end of a port: one queue of an interface, reached through two back-ends. A
/// port opens its channels over them, in whichever completion style; the link knows no style.
///
/// Every frame has 12 bytes of virtio-net header in front (virtio 1.4 section 5.1.6).
class Link {
 public:
  virtual ~Link() = default;

  /// What it is called in statistics. Any thread.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Longest payload behind an Ethernet header, in bytes. A port goes by what it was
  /// when the port was made.
  [[nodiscard]] virtual std::uint32_t mtu() const noexcept = 0;

  /// What whoever reads from the link takes upon itself: the headers of frames that arrive may ask
  /// for that. Constant while a port uses the link.
  [[nodiscard]] virtual OffloadSet rx_offloads() const noexcept { return {}; }

  /// What whoever reads at the other end takes upon itself, as far as is known when the link is
  /// made. Constant while a port uses the link.
  [[nodiscard]] virtual OffloadSet tx_offloads() const noexcept { return {}; }

  /// What is left of tx_offloads(). Any thread.
  [[nodiscard]] OffloadSet accepted() const noexcept {
    return tx_offloads() - given_up_.load(std::memory_order_relaxed);  // says no more than itself
  }

  /// Frames that ask for that are refused at the other end: none will be sent any more. The thread
  /// that hears of the ends of sending.
  void give_up(OffloadSet features) noexcept {
    given_up_.store(given_up_.load(std::memory_order_relaxed) | features,
                    std::memory_order_relaxed);
  }

  /// Makes what fills receive buffers. At most one at a time; may be made anew once the last is
  /// gone. Set-up only; throws std::system_error.
  [[nodiscard]] virtual std::unique_ptr<engine::Backend> make_receiver() = 0;

  /// Makes what sends. The same holds.
  [[nodiscard]] virtual std::unique_ptr<engine::Backend> make_sender() = 0;

  /// System calls that moved frames so far. Any thread.
  [[nodiscard]] virtual std::uint64_t system_calls() const noexcept = 0;

 private:
  std::atomic<OffloadSet> given_up_{OffloadSet{}};
};

}  // namespace bellpull::netdrv
