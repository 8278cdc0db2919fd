// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <vector>

#include "compare/options.hpp"
#include "dmatest_options.hpp"
#include "error.hpp"
#include "generate/options.hpp"
#include "run_options.hpp"

namespace bellpull::tools {

/// `bellpull run`: runs the virtual NIC until something ends it, then prints its statistics. Throws
/// UsageError and std::system_error before anything runs, with everything removed that was made.
[[nodiscard]] ExitStatus run(const RunWords& words);

/// The command line of `bellpull set` as typed.
struct SetWords {
  std::string path;                      ///< PATH
  std::vector<std::string> assignments;  ///< KEY=VALUE...; none: list the settings
  std::string format = "table";          ///< --format of the list
};

/// `bellpull set`: lists or changes the settings of a run on this machine. Throws UsageError when
/// there is no such setting or value, std::system_error and std::runtime_error when nobody answers.
[[nodiscard]] ExitStatus set(const SetWords& words);

/// `bellpull dmatest`: exercises a back-end and prints a report. kExitFailure: a transfer went
/// wrong, failed or got stuck. Throws UsageError and std::system_error before anything runs.
[[nodiscard]] ExitStatus run_dmatest(const dmatest::Words& words);

/// `bellpull compare`: measures the completion styles side by side and prints a report. Throws
/// UsageError, std::system_error, and std::runtime_error when nothing could be measured.
[[nodiscard]] ExitStatus run_compare(const compare::Words& words);

/// `bellpull generate`: sends frames into an interface, or receives them, until something ends it,
/// then prints its statistics. kExitFailure: not all that was expected arrived. Throws UsageError,
/// std::system_error and std::runtime_error.
[[nodiscard]] ExitStatus run_generate(const generate::Words& words);

/// `bellpull probe`: prints what this machine allows. kExitFailure: `bellpull run` cannot work
/// here. Throws UsageError.
[[nodiscard]] ExitStatus probe(const std::string& format);

/// Reads the command line and does what it says.
[[nodiscard]] ExitStatus execute(int argc, char** argv);

}  // namespace bellpull::tools
