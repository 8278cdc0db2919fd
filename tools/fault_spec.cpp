// SPDX-License-Identifier: BSD-2-Clause
#include "fault_spec.hpp"

#include <fmt/format.h>

#include <string_view>

#include "error.hpp"
#include "output.hpp"

namespace bellpull::tools {

namespace {

std::string names_of(std::span<const PortSpec> ports) {
  std::string names;
  for (const PortSpec& port : ports) {
    if (name_of(port).empty()) continue;
    names += names.empty() ? "" : " or ";
    names += label_of(name_of(port), netns_of(port));
  }
  return names.empty() ? "a name given as in tap:NAME,fd=N" : names;
}

std::size_t port_named(std::string_view word, std::string_view name,
                       std::span<const PortSpec> ports) {
  std::size_t found = ports.size();
  for (std::size_t i = 0; i < ports.size() && !name.empty(); ++i) {
    if (name == label_of(name_of(ports[i]), netns_of(ports[i]))) return i;
    if (name != name_of(ports[i])) continue;
    if (found != ports.size()) {
      throw UsageError(fmt::format("--fault {}: there are several ports {}: use {}", word, name,
                                   names_of(ports)));
    }
    found = i;
  }
  if (found != ports.size()) return found;
  throw UsageError(fmt::format("--fault {}: there is no port '{}': begin with {} and a colon", word,
                               name, names_of(ports)));
}

}  // namespace

std::vector<netdrv::FrameFaultPlan> parse_faults(std::span<const std::string> words,
                                                 std::span<const PortSpec> ports) {
  std::vector<netdrv::FrameFaultPlan> plans(ports.size());
  for (const std::string& word : words) {
    const std::string_view text = word;
    const std::size_t colon = text.find(':');
    const std::size_t port = port_named(word, text.substr(0, colon), ports);
    const std::string_view plan = colon == std::string_view::npos ? "" : text.substr(colon + 1);
    netdrv::ParsedFrameFaults parsed = netdrv::parse_frame_faults(plan);
    if (!parsed) throw UsageError(fmt::format("--fault {}: {}", word, parsed.error));
    if (parsed.plan.rules.empty()) {
      throw UsageError(
          fmt::format("--fault {}: it has no fault: add one, such as {}:rx:drop:every=100", word,
                      text.substr(0, colon)));
    }
    if (!plans[port].rules.empty()) {
      throw UsageError(
          fmt::format("--fault {}: port {} has faults already: join them with ; in one --fault",
                      word, text.substr(0, colon)));
    }
    plans[port] = std::move(parsed.plan);
  }
  return plans;
}

}  // namespace bellpull::tools
