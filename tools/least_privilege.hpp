// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control_socket.hpp"
#include "restorer.hpp"
#include "run_options.hpp"
#include "run_ports.hpp"

namespace bellpull::tools {

/// A run that has all it needs gives up the rest: capabilities, and system calls that it does not
/// make. Both are of a thread and those it starts, and nothing brings them back.
class LeastPrivilege {
 public:
  /// Call it when everything that may need a privilege is open, and no other thread runs. What
  /// takes one to be undone is left to a Restorer then: what was changed of `ports` and does not go
  /// away with them, and `control`, which may be null, in somebody else's directory. Both outlive
  /// this. Throws std::system_error.
  LeastPrivilege(const Sandbox& sandbox, RunPorts& ports, const ControlSocket* control);

  /// Changes the interfaces back and removes the control socket; returns what could not be.
  std::vector<std::string> restore();

 private:
  void leave_to_restorer(bool filter);
  std::vector<std::string> undo();

  RunPorts& ports_;
  const ControlSocket* const control_;
  std::optional<Restorer> restorer_;
};

}  // namespace bellpull::tools
