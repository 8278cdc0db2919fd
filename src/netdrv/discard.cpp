// SPDX-License-Identifier: BSD-2-Clause
#include <utility>

#include "bellpull/netdrv/apps.hpp"

namespace bellpull::netdrv {

namespace {

class Discard final : public App {
 public:
  void receive(unsigned /*port*/, std::span<Packet> burst, Egress& egress) noexcept override {
    for (Packet& packet : burst) egress.consume(std::move(packet));
  }
  [[nodiscard]] OffloadSet offloads() const noexcept override { return OffloadSet::all(); }
};

}  // namespace

std::unique_ptr<App> make_discard() {
  return std::make_unique<Discard>();
}

}  // namespace bellpull::netdrv
