// SPDX-License-Identifier: BSD-2-Clause
// A packet application that drains a device half under a budget, and does something else between
// two polls: against a peer that refills as fast as it is drained, chains, descriptors and bytes of
// one poll are bounded.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"

using namespace bellpull::ring;
constexpr std::uint32_t kSize = 256;
constexpr std::uint32_t kPacketBytes = 1500;
constexpr std::uint64_t kPackets = 100'000;
constexpr std::uint64_t kMostBytes = 32'768;  // of one poll

// The peer: offers packets of every length, as long as there are free descriptors.
void refill(Driver<Split>& driver, std::uint64_t& sent) {
  (void)driver.poll(kSize, [](const Used&) {});
  for (; sent < kPackets && driver.free_descriptors() != 0; ++sent) {
    const std::uint32_t length = 60 + static_cast<std::uint32_t>(sent % (kPacketBytes - 60));
    const Segment packet{sent % kSize * kPacketBytes, length};
    (void)driver.post({&packet, 1}, {}, sent);
  }
  driver.publish();
}

int main() {
  std::vector<std::byte> memory(std::size_t{kSize} *
                                kPacketBytes);  // what the peer's addresses mean
  alignas(16) static std::array<std::byte, Split::bytes(kSize)> ring{};
  std::array<Region, 1> regions{Region{0, memory.size(), memory.data()}};
  std::array<DriverSlot, kSize> driver_slots;
  std::array<DeviceSlot, kSize> device_slots;
  SplitMemory queue;
  RegionTable table;
  Driver<Split> driver;
  if (Split::place(ring.data(), ring.size(), kSize, queue) != SetupError::none ||
      RegionTable::make(regions, table) != SetupError::none ||
      driver.attach(queue, {.slots = driver_slots}) != SetupError::none) {
    return 1;
  }
  RegionMap<> map(table);
  Device<Split, Untrusted, RegionMap<>> device;
  if (device.attach(queue, {.slots = device_slots, .map = &map}) != SetupError::none) return 1;

  std::uint64_t sent = 0, packets = 0, bytes = 0, polls = 0, most = 0;
  for (; packets < kPackets; ++polls) {
    refill(driver, sent);
    Budget budget{.chains = 64, .descriptors = 128, .bytes = kMostBytes};
    std::array<Piece, 16> pieces;
    std::uint64_t burst = 0;
    const Pull pull = device.poll(budget, pieces, [&](const Chain& chain) {
      ++packets;
      burst += chain.readable_bytes;  // here the application looks at chain.readable_of(pieces)
      device.complete(chain, 0);
    });
    device.publish();
    if (pull == Pull::broken) return std::printf("broken: %s\n", describe(device.fault())), 1;
    bytes += burst;
    most = std::max(most, burst);
  }
  std::printf("%llu packets, %llu bytes, %llu polls, at most %llu bytes in one\n",
              static_cast<unsigned long long>(packets), static_cast<unsigned long long>(bytes),
              static_cast<unsigned long long>(polls), static_cast<unsigned long long>(most));
  return most <= kMostBytes ? 0 : 1;
}
