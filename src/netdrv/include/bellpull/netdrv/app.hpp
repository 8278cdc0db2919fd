// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>

#include "bellpull/netdrv/egress.hpp"
#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/packet.hpp"

namespace bellpull::netdrv {

/// An application on top of a Nic: the user's own, or one of apps.hpp.
class App {
 public:
  virtual ~App() = default;
  /// Handles a burst of frames that arrived on port number `port`, at most a budget of them: sends,
  /// consumes or drops each through `egress`. A packet that is still in `burst` afterwards is
  /// counted as `unhandled`. Owner thread of the Nic; must not block.
  virtual void receive(unsigned port, std::span<Packet> burst, Egress& egress) noexcept = 0;

  /// What it takes upon itself of the frames that it is given: with `csum` their checksums may be
  /// partial, with the others they may be superframes; what it sends may be as it was received, for
  /// ports complete and cut what has to be. Links that ask for more are refused by the Nic. None
  /// unless told otherwise: every frame is as it was on the wire.
  [[nodiscard]] virtual OffloadSet offloads() const noexcept { return {}; }
};

}  // namespace bellpull::netdrv
