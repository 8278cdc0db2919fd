// SPDX-License-Identifier: BSD-2-Clause
// Of what is undone at the end, only addresses, MTU, MAC and state of interfaces that stay need
// CAP_NET_ADMIN, and only a socket in somebody else's directory CAP_DAC_OVERRIDE; interfaces that
// are ours go with their descriptors. So there are two processes only where there is such a thing.
#include "least_privilege.hpp"

#include <utility>

#include "capabilities.hpp"
#include "seccomp_filter.hpp"

namespace bellpull::tools {

LeastPrivilege::LeastPrivilege(const Sandbox& sandbox, RunPorts& ports,
                               const ControlSocket* control)
    : ports_(ports), control_(control) {
  if (sandbox.drop) {
    leave_to_restorer(sandbox.filter);
    give_up_capabilities();
  }
  if (sandbox.filter) allow_only_listed_calls(sandbox.io);
}

void LeastPrivilege::leave_to_restorer(bool filter) {
  const std::vector<int> changed = ports_.changed();
  std::vector<unsigned> kept;
  if (!changed.empty()) kept.push_back(CAP_NET_ADMIN);
  if (control_ != nullptr && !may_remove_in(control_->directory())) {
    kept.push_back(CAP_DAC_OVERRIDE);
  }
  if (kept.empty()) return;
  const auto confine = [&] {
    give_up_capabilities(kept);
    if (filter) allow_only_listed_calls(FilteredIo::syscall);
  };
  restorer_.emplace(changed, confine, [&] { return undo(); });
  ports_.leave_changes();
}

std::vector<std::string> LeastPrivilege::undo() {
  std::vector<std::string> complaints = ports_.restore();
  if (control_ == nullptr) return complaints;
  for (std::string& complaint : control_->remove()) complaints.push_back(std::move(complaint));
  return complaints;
}

std::vector<std::string> LeastPrivilege::restore() {
  return restorer_ ? restorer_->restore() : undo();
}

}  // namespace bellpull::tools
