// SPDX-License-Identifier: BSD-2-Clause
#include "pushed_port.hpp"

namespace bellpull::netdrv {

PushedPort::PushedPort(const PortParts& parts, const engine::CompletionSink& received,
                       const engine::CompletionSink& sent)
    : ChannelPort(parts, {.received = received, .sent = sent}) {
  if (!driven()) disown_pool();
}

unsigned PushedPort::reclaim() noexcept {
  if (driven()) refill(engine_calls_);
  return 0;
}

bool PushedPort::is_last_buffer() noexcept {
  if (!buffers_.starved() || driven()) return false;
  refill(engine_calls_);
  return buffers_.starved();
}

std::uint64_t PushedPort::border_calls() const noexcept {
  return calls_.value() + engine_calls_.value() + rx_->stats().completed + tx_->stats().completed;
}

}  // namespace bellpull::netdrv
