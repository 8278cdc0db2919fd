// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "channel_port.hpp"

namespace bellpull::netdrv {

/// What the styles share whose channels ring a bell and are then pulled: masking and unmasking it.
class BellPort : public ChannelPort {
 public:
  // The contract of these is port.hpp's.
  void own() noexcept final { adopt_pool(); }
  unsigned tx(std::span<Packet> packets) noexcept final;
  engine::Armed arm() noexcept final;
  void disarm() noexcept final;
  [[nodiscard]] std::uint64_t border_calls() const noexcept final {
    return calls_.value() + notifies();
  }

 protected:
  /// Both channels ring the bell of the parts.
  explicit BellPort(const PortParts& parts) : ChannelPort(parts, {.bell = parts.bell}) {}
};

}  // namespace bellpull::netdrv
