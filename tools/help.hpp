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

}  // namespace bellpull::tools
