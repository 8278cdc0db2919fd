// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/tap_device.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "kernel_side.hpp"
#include "link_events.hpp"
#include "output.hpp"
#include "route_socket.hpp"

namespace bellpull::tools {

/// What a look at a port's interface has found.
struct TapNews {
  bool renew = false;              ///< the port has to be made anew
  std::vector<std::string> lines;  ///< to be told
};

/// Sees to it that a TAP port has its interface: notices that it was deleted, attaches to the one
/// that somebody makes under the same name, configures it as it was wished, and follows the MTU.
/// All it needs was opened before privileges were dropped.
class TapKeeper {
 public:
  /// Make it in the interface's network namespace; throws std::system_error.
  TapKeeper();

  /// Readable when it is time to look(), until forget() is called: one when an interface has
  /// changed, one when the time has come to try again. Owned by the object.
  [[nodiscard]] std::array<int, 2> descriptors() const noexcept {
    return {events_.descriptor(), timer_.get()};
  }

  /// What was heard so far is going to be looked at. Never blocks.
  void forget() noexcept;

  /// Asks the kernel how the interface is, and attaches to it again if it was made anew and the
  /// port is gone: nobody may read from it before it is set up. `port` is what the port is called.
  /// Tells the same failure once. Blocks as long as the kernel takes. Throws std::system_error.
  [[nodiscard]] TapNews look(netdrv::TapDevice& device, KernelSide& side, const std::string& port,
                             netdrv::PortState state);

  /// Whether the interface is gone and may come back.
  [[nodiscard]] bool waits() const noexcept { return lost_; }

  /// What became of it so far. Blocks as long as the kernel takes.
  [[nodiscard]] TapFate fate(const netdrv::TapDevice& device);

 private:
  void take_up(netdrv::TapDevice& device, KernelSide& side, const std::string& port, TapNews& news);
  void follow(netdrv::TapDevice& device, TapNews& news);
  [[nodiscard]] std::optional<Link> find(const netdrv::TapDevice& device);
  void tell_once(const std::string& line, TapNews& news);

  void look_in(std::chrono::milliseconds delay) noexcept;

  RouteSocket socket_;
  LinkEvents events_;
  netdrv::UniqueFd timer_;
  bool lost_ = false;
  TapFate fate_;
  bool busy_ = false;              // somebody else had it when it was tried last
  std::vector<std::string> told_;  // failures
  const unsigned user_;            // that the program runs as
};

}  // namespace bellpull::tools
