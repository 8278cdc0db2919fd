// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace bellpull::tools {

/// Lays out --help from what is registered with CLI11, in a layout that is ours and the same for
/// every version of that library. The first line of an application's description is its usage.
class HelpLayout final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

/// Adds a command to `app`. `usage` is its usage line, an empty line, and what it does in a line;
/// `footer` comes after its options.
CLI::App& new_command(CLI::App& app, const char* name, const char* usage, const char* footer);

}  // namespace bellpull::tools
