// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>

#include "bellpull/engine/notify.hpp"
#include "bellpull/netdrv/packet.hpp"
#include "bellpull/ring/spsc_ring.hpp"

namespace bellpull::netdrv {

/// Frames on their way from the thread that polls one port to the thread that polls the port they
/// are to be sent by. One pushes, the other polls.
class Crossing {
 public:
  /// Rings `bell` after each push. Throws std::bad_alloc.
  explicit Crossing(const engine::Notify& bell);
  Crossing(const Crossing&) = delete;
  Crossing& operator=(const Crossing&) = delete;
  /// Gives what is left back to its pool.
  ~Crossing();

  /// Takes frames, in order, and returns how many there was room for: the first so many.
  unsigned push(std::span<Packet> packets) noexcept;

  /// Fills the front of `packets` with the oldest frames and returns how many there were.
  unsigned pull(std::span<Packet> packets) noexcept;

 private:
  const engine::Notify bell_;
  ring::SpscRing<PacketBuffer*> frames_;
};

}  // namespace bellpull::netdrv
