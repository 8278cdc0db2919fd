// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/nic_stats.hpp"

#include <utility>

#include "bellpull/netdrv/nic.hpp"
#include "instance.hpp"

namespace bellpull::netdrv {

NicStats Nic::stats() const {
  NicStats stats;
  stats.waits = waits_.value();
  stats.wakeups = wakeups_.value();
  stats.looks = looks_.value();
  stats.squeezes = squeezes_.value();
  stats.engine = engine_.stats();
  for (const auto& instance : instances_) {
    if (instance->pool) {
      stats.pool_buffers += instance->pool->options().heads;
      stats.pool_outstanding += instance->outstanding();
    }
    QueueStats row = instance->stats();
    row.mode_switches = mode_switches_.value();
    PortStats& port = stats.ports.emplace_back();
    port.name = instance->port->name();
    port.state = instance->port->state();
    if (const Link* const link = instance->link(); link != nullptr) {
      port.rx_offloads = link->rx_offloads();
      port.tx_offloads = link->accepted();
    }
    port.queues.push_back(std::move(row));
  }
  return stats;
}

}  // namespace bellpull::netdrv
