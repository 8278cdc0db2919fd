// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <CLI/CLI.hpp>

#include "generate/options.hpp"

namespace bellpull::tools::generate {

/// Adds the subcommand to `app`; `words` takes what is typed. Lives as long as `app`.
CLI::App& add_command(CLI::App& app, Words& words);

}  // namespace bellpull::tools::generate
