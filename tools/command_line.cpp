// SPDX-License-Identifier: BSD-2-Clause
#include "compare/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>

#include "commands.hpp"
#include "dmatest_command_line.hpp"
#include "generate/command_line.hpp"
#include "help.hpp"
#include "output.hpp"
#include "run_command_line.hpp"
#include "sink.hpp"

namespace bellpull::tools {

namespace {

constexpr std::array kCommands = {Word{"run"},        Word{"set"},         Word{"compare"},
                                  Word{"dmatest"},    Word{"generate"},    Word{"probe"},
                                  Word{"top", false}, Word{"stats", false}};

constexpr const char* kSetFooter =
    R"(Without KEY=VALUE it lists the settings: their values, those there are, what they mean.
With several, all of them are set, or none.

examples:
  bellpull run tap:bp0 --app discard --control /run/bellpull
  bellpull set /run/bellpull
  bellpull set /run/bellpull mode=poll budget=256

Exit status: 0 when that was done, 1 when nobody could be asked, 2 when there is no such
setting or value.
)";

constexpr const char* kProbeFooter =
    "Exit status: 0 when `bellpull run` can work on this machine, 1 when it cannot.\n";

void add_set_options(CLI::App& command, SetWords& words) {
  command.add_option("PATH", words.path, "the --control that `bellpull run` was given")
      ->type_name("PATH")
      ->required();
  command.add_option("KEY=VALUE", words.assignments, "a setting and its new value")
      ->type_name("KEY=VALUE...");
  command.add_option("--format", words.format, "of the list: table or json (default table)")
      ->type_name("FORMAT");
}

// What was typed as an empty word is not the same as what was not typed.
void refuse_empty(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    if (option->get_expected_max() == 0) continue;
    option->check([](const std::string& value) {
      return value.empty() ? std::string("the value is empty: give one or leave the option away")
                           : std::string();
    });
  }
}

void check_command(int argc, char** argv) {
  if (argc < 2) {
    throw UsageError(
        fmt::format("no command is given: use {}; see bellpull --help", one_of_built(kCommands)));
  }
  const std::string_view typed = argv[1];
  if (typed.starts_with('-')) return;
  const auto found = std::find_if(kCommands.begin(), kCommands.end(),
                                  [&](const Word& word) { return word.text == typed; });
  if (found == kCommands.end()) {
    throw UsageError(fmt::format("there is no command '{}': use {}; see bellpull --help", typed,
                                 one_of_built(kCommands)));
  }
  if (!found->built) {
    throw UsageError(
        fmt::format("{} comes in a later version: use {}", typed, one_of_built(kCommands)));
  }
}

}  // namespace

ExitStatus execute(int argc, char** argv) {
  check_command(argc, argv);
  RunWords run_words;
  SetWords set_words;
  compare::Words compare_words;
  dmatest::Words dmatest_words;
  generate::Words generate_words;
  std::string probe_format = "table";

  CLI::App app("bellpull COMMAND [options]\n\nA virtual NIC on Linux TAP interfaces.", "bellpull");
  app.formatter(std::make_shared<HelpLayout>());
  app.set_help_flag("-h,--help", "print this help; after a command, that command's");
  app.set_version_flag("--version", "bellpull " + version(), "print the version");
  app.require_subcommand(1);
  CLI::App& run_command = add_run_command(app, run_words);
  CLI::App& set_command = new_command(
      app, "set",
      "bellpull set PATH [KEY=VALUE...]\n\nList or change the settings of a run while it runs.",
      kSetFooter);
  add_set_options(set_command, set_words);
  CLI::App& compare_command = compare::add_command(app, compare_words);
  CLI::App& dmatest_command = dmatest::add_command(app, dmatest_words);
  CLI::App& generate_command = generate::add_command(app, generate_words);
  CLI::App& probe_command = new_command(
      app, "probe",
      "bellpull probe [options]\n\nSay what this machine allows, and what to do about the rest.",
      kProbeFooter);
  probe_command.add_option("--format", probe_format, "table or json (default table)")
      ->type_name("FORMAT");
  for (CLI::App* command : app.get_subcommands({})) refuse_empty(*command);

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto parsed = app.get_subcommands();
    const CLI::App* const asked = parsed.empty() ? &app : parsed.front();
    write_out(asked->help());
    return kExitOk;
  } catch (const CLI::CallForVersion& version_line) {
    write_out(std::string(version_line.what()) + '\n');
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const auto parsed = app.get_subcommands();
    throw UsageError(fmt::format("{}; see bellpull {} --help", error.what(),
                                 parsed.empty() ? "run" : parsed.front()->get_name()));
  }
  if (set_command.parsed()) return set(set_words);
  if (compare_command.parsed()) return run_compare(compare_words);
  if (dmatest_command.parsed()) return run_dmatest(dmatest_words);
  if (generate_command.parsed()) return run_generate(generate_words);
  return run_command.parsed() ? run(run_words) : probe(probe_format);
}

}  // namespace bellpull::tools
