// SPDX-License-Identifier: BSD-2-Clause
#include <array>
#include <utility>

#include "bellpull/netdrv/apps.hpp"
#include "identity.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::size_t kEthernetBytes = 14;

class Reflect final : public App {
 public:
  // A frame to a group stays here: its source must not be a group address once swapped. So does one
  // from a group or from nobody, which has nowhere to go.
  void receive(unsigned port, std::span<Packet> burst, Egress& egress) noexcept override {
    for (Packet& packet : burst) {
      if (packet.head().size() < kEthernetBytes) {
        egress.drop(std::move(packet), DropReason::runt);
        continue;
      }
      std::byte* const head = packet.head().data();
      auto addresses = read_at<std::array<MacAddress, 2>>(head);
      if (!is_station(addresses[0]) || !is_station(addresses[1])) {
        egress.drop(std::move(packet), DropReason::not_for_us);
        continue;
      }
      std::swap(addresses[0], addresses[1]);
      write_at(head, addresses);
      egress.send(port, std::move(packet));
    }
  }
  [[nodiscard]] OffloadSet offloads() const noexcept override { return OffloadSet::all(); }
};

}  // namespace

std::unique_ptr<App> make_reflect() {
  return std::make_unique<Reflect>();
}

}  // namespace bellpull::netdrv
