// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "run_options.hpp"

namespace bellpull::tools {

/// The application that was asked for, and what it counts.
class ChosenApp {
 public:
  /// Throws std::invalid_argument when the application refuses its options.
  explicit ChosenApp(const RunOptions& options);

  /// For the Nic; lives as long as this.
  [[nodiscard]] netdrv::App& app() noexcept { return *app_; }

  /// Its counters by name; none for applications that the port counters say everything of.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> counters() const;

 private:
  const AppKind kind_;
  netdrv::RespondCounters respond_;
  std::unique_ptr<netdrv::App> app_;
};

}  // namespace bellpull::tools
