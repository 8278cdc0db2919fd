// SPDX-License-Identifier: BSD-2-Clause
#include "pending_changes.hpp"

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <utility>

namespace bellpull::tools {

std::vector<std::string> PendingChanges::make(std::chrono::milliseconds limit) {
  std::vector<std::string> complaints;
  if (!std::exchange(any_, false)) return complaints;
  for (std::size_t port = 0; port < enabled_.size(); ++port) make_enabled(port, complaints);
  make_style(limit, complaints);
  return complaints;
}

void PendingChanges::make_enabled(std::size_t port, std::vector<std::string>& complaints) {
  const auto wanted = std::exchange(wanted_enabled_[port], std::nullopt);
  if (!wanted || *wanted == enabled_[port]) return;
  if (nic_.set_enabled(static_cast<unsigned>(port), *wanted)) {
    enabled_[port] = *wanted;
  } else {
    complaints.push_back(fmt::format("port {} was not switched {}: it has lost its interface",
                                     nic_.stats().ports[port].name, *wanted ? "on" : "off"));
  }
}

void PendingChanges::make_style(std::chrono::milliseconds limit,
                                std::vector<std::string>& complaints) {
  const auto wanted = std::exchange(wanted_style_, std::nullopt);
  if (!wanted || *wanted == style_) return;
  try {
    nic_.set_style(*wanted, limit);
    style_ = *wanted;
  } catch (const std::invalid_argument& refused) {
    complaints.push_back(refused.what());
  } catch (const std::exception& error) {
    complaints.push_back(fmt::format("a port was lost in the change to style {}: {}",
                                     name_of(*wanted), error.what()));
    style_ = *wanted;
  }
}

}  // namespace bellpull::tools
