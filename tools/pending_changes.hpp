// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "bellpull/netdrv/nic.hpp"

namespace bellpull::tools {

/// Changes of a Nic that it cannot make in the middle of a round, which is where its clients ask
/// for them: wished for there, made between two rounds. Owner thread of the Nic.
class PendingChanges {
 public:
  /// `nic` outlives this and has `ports` ports of `style`, all enabled.
  PendingChanges(netdrv::Nic& nic, netdrv::Style style, std::size_t ports)
      : nic_(nic), style_(style), enabled_(ports, true), wanted_enabled_(ports) {}

  /// Wishes for another style, for all ports.
  void want_style(netdrv::Style style) noexcept {
    wanted_style_ = style;
    any_ = true;
  }

  /// Wishes that a port be polled, or not.
  void want_enabled(std::size_t port, bool enabled) noexcept {
    wanted_enabled_[port] = enabled;
    any_ = true;
  }

  /// Makes what was wished for since the last call; between two rounds. What is to be sent has
  /// `limit` to be sent before the style changes. Returns a line for each change that failed.
  [[nodiscard]] std::vector<std::string> make(std::chrono::milliseconds limit);

  /// The present style.
  [[nodiscard]] netdrv::Style style() const noexcept { return style_; }

  /// Whether a port is polled.
  [[nodiscard]] bool enabled(std::size_t port) const noexcept { return enabled_[port]; }

 private:
  void make_enabled(std::size_t port, std::vector<std::string>& complaints);
  void make_style(std::chrono::milliseconds limit, std::vector<std::string>& complaints);

  netdrv::Nic& nic_;
  netdrv::Style style_;
  std::vector<bool> enabled_;
  std::optional<netdrv::Style> wanted_style_;
  std::vector<std::optional<bool>> wanted_enabled_;
  bool any_ = false;
};

}  // namespace bellpull::tools
