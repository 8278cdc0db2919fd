// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "sim_spec.hpp"
#include "tap_spec.hpp"

namespace bellpull::tools {

/// A PORT of the command line, of any kind.
using PortSpec = std::variant<TapSpec, SimSpec>;

/// Reads one PORT. Throws as parse_tap() and parse_sim() do.
[[nodiscard]] PortSpec parse_port(std::string_view text);

/// As typed.
[[nodiscard]] const std::string& text_of(const PortSpec& port) noexcept;

/// What it is called; empty as long as nobody knows.
[[nodiscard]] const std::string& name_of(const PortSpec& port) noexcept;

/// The network namespace it is in, a name or a path; empty: the program's own.
[[nodiscard]] std::string_view netns_of(const PortSpec& port) noexcept;

/// Gives simulated NICs that have no name one that nobody has, sim0, sim1 …, and each flows that
/// the ones before it do not have. Throws UsageError when there are too many flows.
void tell_apart(std::span<PortSpec> ports);

/// Throws UsageError when two ports are the same interface or the same descriptor, or simulated
/// NICs have the name of another port.
void refuse_duplicates(std::span<const PortSpec> ports);

}  // namespace bellpull::tools
