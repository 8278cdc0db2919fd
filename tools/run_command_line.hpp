// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <CLI/CLI.hpp>

#include "run_options.hpp"

namespace bellpull::tools {

/// Adds the subcommand to `app`; `words` takes what is typed. Lives as long as `app`.
CLI::App& add_run_command(CLI::App& app, RunWords& words);

}  // namespace bellpull::tools
