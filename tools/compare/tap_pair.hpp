// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>

#include "bellpull/netdrv/tap_device.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "route_socket.hpp"

namespace bellpull::tools::compare {

/// Two TAPs that are up and have no addresses, for one trial after the other: making and removing
/// an interface takes longer than a trial. Frames go into the kernel's side of the first by a
/// packet socket; what is written to the second ends in the kernel, which counts it. They are gone
/// when this is.
class TapPair {
 public:
  /// Makes them in the network namespace of the calling thread, which nobody else uses
  /// (enter_own_netns()). Throws std::system_error.
  TapPair();

  /// Another descriptor of the first (0) or the second (1), for a port. Throws std::system_error.
  [[nodiscard]] netdrv::TapDevice device(unsigned number) const;

  /// Bound to the first, for sending. It goes straight to the device: no queue in front of it
  /// absorbs or drops anything.
  [[nodiscard]] int socket() const noexcept { return socket_.get(); }

  /// Reads and forgets what waits in the first; returns how many frames.
  std::uint64_t discard() noexcept;

  /// What the kernel counted since they were made.
  struct Counters {
    std::uint64_t overflow = 0;  ///< frames that found the queue of the first full
    std::uint64_t received = 0;  ///< frames that came out of the second
  };
  /// Reads them. Throws std::system_error.
  [[nodiscard]] Counters counters();

 private:
  std::array<netdrv::TapDevice, 2> devices_;
  RouteSocket routes_;
  netdrv::UniqueFd socket_;
};

}  // namespace bellpull::tools::compare
