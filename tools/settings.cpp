// SPDX-License-Identifier: BSD-2-Clause
#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "choice.hpp"
#include "error.hpp"

namespace bellpull::tools {

void SettingTable::add(Setting setting) {
  settings_.push_back(std::move(setting));
}

void SettingTable::change(std::span<const std::string_view> assignments) const {
  std::vector<const Setting*> named;
  std::vector<std::function<void()>> changes;
  for (const std::string_view assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string_view::npos) {
      throw UsageError(
          fmt::format("'{}' is no KEY=VALUE: write {}=VALUE", assignment, find(assignment).name));
    }
    const Setting& setting = find(assignment.substr(0, equals));
    if (std::find(named.begin(), named.end(), &setting) != named.end()) {
      throw UsageError(fmt::format("setting {} is given twice: name it once", setting.name));
    }
    named.push_back(&setting);
    changes.push_back(setting.understand(assignment.substr(equals + 1)));
  }
  for (const auto& change : changes) change();
}

const Setting& SettingTable::find(std::string_view name) const {
  std::vector<Word> words;
  for (const Setting& setting : settings_) words.push_back({setting.name});
  return settings_[choose("setting", name, words)];
}

}  // namespace bellpull::tools
