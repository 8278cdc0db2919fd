// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/crossing.hpp"

#include <new>

namespace bellpull::netdrv {

namespace {

constexpr std::uint32_t kFrames = 256;

}  // namespace

Crossing::Crossing(const engine::Notify& bell) : bell_(bell) {
  if (frames_.make(kFrames) != ring::SetupError::none) throw std::bad_alloc();
}

Crossing::~Crossing() {
  Packet left;
  while (pull({&left, 1}) != 0) left.reset();
}

unsigned Crossing::push(std::span<Packet> packets) noexcept {
  auto places = frames_.producer().reserve(static_cast<std::uint32_t>(packets.size()));
  const std::uint32_t count = places.size();
  for (std::uint32_t i = 0; i < count; ++i) places.slots()[i] = packets[i].release();
  if (count == 0) return 0;
  places.commit();
  bell_.ring(bell_.context);
  return count;
}

unsigned Crossing::pull(std::span<Packet> packets) noexcept {
  unsigned count = 0;
  return frames_.consumer().poll(
      static_cast<std::uint32_t>(packets.size()),
      [&](PacketBuffer*& buffer) noexcept { packets[count++] = Packet(buffer); });
}

}  // namespace bellpull::netdrv
