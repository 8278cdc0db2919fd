// SPDX-License-Identifier: BSD-2-Clause
#include "nic_settings.hpp"

#include <fmt/format.h>

#include "choice.hpp"
#include "number.hpp"
#include "run_options.hpp"

namespace bellpull::tools {

namespace {

Setting mode_of(netdrv::Nic& nic) {
  return {
      .name = "mode",
      .range = one_of_built(kModes),
      .help = "whether it sleeps when there is nothing to do, or never",
      .value = [&nic] { return std::string(kModes[static_cast<std::size_t>(nic.mode())].text); },
      .understand =
          [&nic](std::string_view value) {
            const auto mode = static_cast<netdrv::Mode>(choose("mode", value, kModes));
            return [&nic, mode] { nic.set_mode(mode); };
          }};
}

Setting budget_of(netdrv::Nic& nic) {
  return {.name = "budget",
          .range = fmt::format("1 to {}", netdrv::kMaxBudget),
          .help = "most frames per poll",
          .value = [&nic] { return std::to_string(nic.budget()); },
          .understand =
              [&nic](std::string_view value) {
                const std::uint64_t frames = parse_number("budget", value, 1, netdrv::kMaxBudget);
                return [&nic, frames] { nic.set_budget(static_cast<unsigned>(frames)); };
              }};
}

}  // namespace

SettingTable settings_of(netdrv::Nic& nic) {
  SettingTable settings;
  settings.add(mode_of(nic));
  settings.add(budget_of(nic));
  return settings;
}

}  // namespace bellpull::tools
