// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "bellpull/netdrv/port.hpp"

namespace bellpull::test {

/// A stack that keeps what it is handed. One thread.
class KeepingStack final : public netdrv::Receiver {
 public:
  void receive(std::span<netdrv::Packet> burst) noexcept override {
    ++calls;
    for (netdrv::Packet& packet : burst) packets.push_back(std::move(packet));
  }

  /// What came since the last call, oldest first.
  [[nodiscard]] std::vector<netdrv::Packet> take() { return std::exchange(packets, {}); }

  std::vector<netdrv::Packet> packets;
  unsigned calls = 0;
};

}  // namespace bellpull::test
