// SPDX-License-Identifier: BSD-2-Clause
#include "nic_settings.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "choice.hpp"
#include "error.hpp"
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

Setting style_of(PendingChanges& changes) {
  return {.name = "style",
          .range = one_of(netdrv::kStyleNames),
          .help = "how a port learns that transfers are done; from the next round on",
          .value = [&changes] { return std::string(name_of(changes.style())); },
          .understand =
              [&changes](std::string_view value) {
                const auto style = static_cast<netdrv::Style>(choose("style", value, kStyles));
                return [&changes, style] { changes.want_style(style); };
              }};
}

constexpr std::array kOnOff = {Word{"on"}, Word{"off"}};

Setting port_of(PendingChanges& changes, std::size_t port, const std::string& name) {
  return {.name = name,
          .range = one_of_built(kOnOff),
          .help = "whether this port is polled; from the next round on",
          .value = [&changes, port] { return changes.enabled(port) ? "on" : "off"; },
          .understand =
              [&changes, port, name](std::string_view value) {
                const bool on = choose(name, value, kOnOff) == 0;
                return [&changes, port, on] { changes.want_enabled(port, on); };
              }};
}

// What the Nic would refuse is refused before anything is applied.
void check_change(const netdrv::Nic& nic, const netdrv::NicNumber& number, std::uint64_t value) {
  netdrv::NicSettings settings = nic.settings();
  number.set(settings, value);
  try {
    nic.check(settings);
  } catch (const std::invalid_argument& refused) {
    throw UsageError(refused.what());
  }
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
                check_change(nic, number, value);
                return [&nic, &number, value] {
                  netdrv::NicSettings settings = nic.settings();
                  number.set(settings, value);
                  nic.configure(settings);
                };
              }};
}

}  // namespace

SettingTable settings_of(netdrv::Nic& nic, PendingChanges& changes,
                         std::span<const std::string> ports) {
  SettingTable settings;
  settings.add(mode_of(nic));
  settings.add(style_of(changes));
  for (const netdrv::NicNumber& number : netdrv::nic_numbers()) {
    settings.add(number_of(nic, number));
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    settings.add(port_of(changes, i, "port." + ports[i]));
  }
  return settings;
}

}  // namespace bellpull::tools
