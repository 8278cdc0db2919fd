// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "cidr.hpp"
#include "route_socket.hpp"

namespace bellpull::tools {

/// How the kernel's side of an interface shall be; what is not said stays as it is. It is up in any
/// case: an interface that is down carries nothing.
struct KernelSideWish {
  std::vector<Cidr> addresses;            ///< it shall have these, whatever else it has
  std::optional<std::uint32_t> mtu;       ///< bytes
  std::optional<netdrv::MacAddress> mac;  ///< unicast
};

/// What happens to the interface at the end.
enum class Afterwards : std::uint8_t {
  vanishes,  ///< it is ours, and goes with its last descriptor
  stays,     ///< somebody else made it: what was changed is changed back
};

/// The kernel's side of an interface, configured for the life of the object. What is as wished
/// already is not touched, so that without privilege an interface can be used that its owner
/// prepared.
class KernelSide {
 public:
  /// Configures `interface` in the network namespace of the calling thread. Throws
  /// std::system_error, with everything changed back.
  KernelSide(const std::string& interface, const KernelSideWish& wish, Afterwards afterwards);
  KernelSide(const KernelSide&) = delete;
  KernelSide& operator=(const KernelSide&) = delete;
  /// Changes back what is left to change back, and cannot say so if that fails.
  ~KernelSide();

  /// Configures the interface that has the name now, somebody else's, as was wished. There is
  /// nothing to change back of the one that had it. Throws std::system_error, with what could be
  /// changed left changed.
  void configure_again();

  /// Whether there is anything to change back.
  [[nodiscard]] bool changed() const noexcept { return !undo_.empty(); }

  /// Of the socket by which it is changed back; owned by the object.
  [[nodiscard]] int descriptor() const noexcept { return socket_.descriptor(); }

  /// Leaves it to somebody else to change back what was changed so far.
  void leave_changes() noexcept { undo_.clear(); }

  /// Changes back, in the reverse order, going on after a failure. Returns a line for each thing
  /// that could not be changed back; an interface that has gone needs nothing. Idempotent.
  std::vector<std::string> restore();

 private:
  void apply();
  [[nodiscard]] std::vector<Cidr> missing(std::vector<Cidr> addresses);
  void later(std::function<void()> undo);

  const std::string interface_;
  const KernelSideWish wish_;
  Afterwards afterwards_;
  RouteSocket socket_;
  unsigned index_ = 0;
  std::vector<std::function<void()>> undo_;
};

}  // namespace bellpull::tools
