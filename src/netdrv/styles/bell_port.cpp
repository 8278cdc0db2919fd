// SPDX-License-Identifier: BSD-2-Clause
#include "bell_port.hpp"

namespace bellpull::netdrv {

// Whoever sends may be another instance, and this one asleep since before.
unsigned BellPort::tx(std::span<Packet> packets) noexcept {
  const unsigned taken = ChannelPort::tx(packets);
  if (driven() || !frames_.may_return()) return taken;
  calls_.add(1);
  if (tx_->arm() == engine::Armed::work_pending) bell_.ring(bell_.context);
  return taken;
}

engine::Armed BellPort::arm() noexcept {
  engine::Armed armed = rx_->arm();
  calls_.add(1);
  if (!must_hear_of_sent()) return armed;
  calls_.add(1);
  if (tx_->arm() == engine::Armed::work_pending) armed = engine::Armed::work_pending;
  return armed;
}

void BellPort::disarm() noexcept {
  rx_->disarm();
  tx_->disarm();
  calls_.add(2);
}

}  // namespace bellpull::netdrv
