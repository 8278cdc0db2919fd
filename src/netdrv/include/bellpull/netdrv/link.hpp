// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "bellpull/engine/backend.hpp"

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

  /// Longest payload behind an Ethernet header, in bytes. Constant while a port uses the link.
  [[nodiscard]] virtual std::uint32_t mtu() const noexcept = 0;

  /// Makes what fills receive buffers. At most one at a time; may be made anew once the last is
  /// gone. Set-up only; throws std::system_error.
  [[nodiscard]] virtual std::unique_ptr<engine::Backend> make_receiver() = 0;

  /// Makes what sends. The same holds.
  [[nodiscard]] virtual std::unique_ptr<engine::Backend> make_sender() = 0;

  /// System calls that moved frames so far. Any thread.
  [[nodiscard]] virtual std::uint64_t system_calls() const noexcept = 0;
};

}  // namespace bellpull::netdrv
