// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>

#include "number.hpp"
#include "settings.hpp"

namespace bellpull::test {

/// A program with two settings, 0 to 100 each, and a count of the changes.
struct SampleSettings {
  SampleSettings() {
    for (const char* name : {"high", "low"}) {
      table.add({.name = name,
                 .range = "0 to 100",
                 .help = fmt::format("how {} it is", name),
                 .value = [this, name] { return std::to_string(values[name]); },
                 .understand =
                     [this, name](std::string_view text) {
                       const std::uint64_t value = tools::parse_number(name, text, 0, 100);
                       return [this, name, value] {
                         values[name] = value;
                         ++changes;
                       };
                     }});
    }
  }

  std::map<std::string, std::uint64_t> values{{"high", 90}, {"low", 10}};
  unsigned changes = 0;
  tools::SettingTable table;
};

}  // namespace bellpull::test
