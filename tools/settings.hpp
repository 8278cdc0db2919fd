// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellpull::tools {

/// Something that can be changed while the program runs.
struct Setting {
  std::string name;                    ///< as typed: letters, digits and hyphens
  std::string range;                   ///< the values there are, as in "1 to 4096"
  std::string help;                    ///< what it means, on one line
  std::function<std::string()> value;  ///< the present value, as it is typed
  /// Understands a value and returns what applies it. That cannot fail and may never be called.
  /// Throws UsageError.
  std::function<std::function<void()>(std::string_view value)> understand;
};

/// All that can be changed of a running program, by name. Everything is called on the thread that
/// runs the program's loop and takes no longer than a setting does.
class SettingTable {
 public:
  /// Adds one whose name is not there yet.
  void add(Setting setting);

  /// Does all that is said, each as KEY=VALUE, or nothing of it. Throws UsageError for the first
  /// that is not understood, naming what can be set or the values there are.
  void change(std::span<const std::string_view> assignments) const;

  /// All, in the order in which they were added.
  [[nodiscard]] std::span<const Setting> all() const noexcept { return settings_; }

 private:
  [[nodiscard]] const Setting& find(std::string_view name) const;

  std::vector<Setting> settings_;
};

}  // namespace bellpull::tools
