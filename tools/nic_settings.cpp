// SPDX-License-Identifier: BSD-2-Clause
#include "nic_settings.hpp"

#include <fmt/format.h>

#include "choice.hpp"
#include "number.hpp"
#include "run_options.hpp"

namespace bellpull::tools {

namespace {

Setting mode_of(netdrv::Nic& nic) {
  return {.name = "mode",
          .range = one_of_built(kModes),
          .help = "whether it sleeps when there is nothing to do, or never",
          .value =
              [&nic] {
                return std::string(kModes[static_cast<std::size_t>(nic.settings().mode)].text);
              },
          .understand =
              [&nic](std::string_view value) {
                const auto mode = static_cast<netdrv::Mode>(choose("mode", value, kModes));
                return [&nic, mode] {
                  netdrv::NicSettings settings = nic.settings();
                  settings.mode = mode;
                  nic.configure(settings);
                };
              }};
}

Setting number_of(netdrv::Nic& nic, const netdrv::NicNumber& number) {
  return {.name = std::string(number.name),
          .range = fmt::format("{} to {}", number.least, number.most),
          .help = std::string(number.help),
          .value = [&nic, &number] { return std::to_string(number.get(nic.settings())); },
          .understand =
              [&nic, &number](std::string_view text) {
                const std::uint64_t value =
                    parse_number(number.name, text, number.least, number.most);
                return [&nic, &number, value] {
                  netdrv::NicSettings settings = nic.settings();
                  number.set(settings, value);
                  nic.configure(settings);
                };
              }};
}

}  // namespace

SettingTable settings_of(netdrv::Nic& nic) {
  SettingTable settings;
  settings.add(mode_of(nic));
  for (const netdrv::NicNumber& number : netdrv::nic_numbers()) {
    settings.add(number_of(nic, number));
  }
  return settings;
}

}  // namespace bellpull::tools
