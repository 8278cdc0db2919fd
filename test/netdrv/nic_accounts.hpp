// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/nic.hpp"

namespace bellpull::test {

inline constexpr std::array kEveryStyle{netdrv::Style::push,       netdrv::Style::push_backlog,
                                        netdrv::Style::push_pause, netdrv::Style::notify,
                                        netdrv::Style::poll,       netdrv::Style::virtqueue};
inline constexpr std::array kEveryPlacement{engine::Placement::driven,
                                            engine::Placement::autonomous};

/// Calls `test(style, placement)` for each of both.
template <class Test>
void for_each_style(Test&& test) {
  for (const netdrv::Style style : kEveryStyle) {
    for (const engine::Placement placement : kEveryPlacement) {
      CAPTURE(name_of(style).data());
      CAPTURE(static_cast<int>(placement));
      test(style, placement);
    }
  }
}

/// Drops for any reason.
[[nodiscard]] inline std::uint64_t sum(
    const std::array<std::uint64_t, netdrv::kDropReasons>& drops) {
  std::uint64_t total = 0;
  for (const std::uint64_t value : drops) total += value;
  return total;
}

/// The law of PortCounters, over all ports, once drained.
inline void check_conservation(const netdrv::Nic& nic) {
  std::uint64_t received = 0;
  std::uint64_t ended = 0;
  for (const netdrv::PortStats& port : nic.stats().ports) {
    const netdrv::QueueStats& queue = port.queues[0];
    received += queue.rx_packets;
    ended += sum(queue.rx_dropped) + queue.rx_consumed + queue.tx_packets + sum(queue.tx_dropped) +
             queue.tx_coalesced - queue.tx_cut;
  }
  CHECK(received == ended);
}

}  // namespace bellpull::test
