// SPDX-License-Identifier: BSD-2-Clause
#include "compare/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>

#include "commands.hpp"
#include "dmatest_command_line.hpp"
#include "help.hpp"
#include "output.hpp"
#include "sink.hpp"

namespace bellpull::tools {

namespace {

constexpr std::array kCommands = {Word{"run"},        Word{"set"},         Word{"compare"},
                                  Word{"dmatest"},    Word{"probe"},       Word{"generate", false},
                                  Word{"top", false}, Word{"stats", false}};

constexpr const char* kRunFooter =
    R"(PORT is tap:NAME[,key=value...], a TAP interface of that name. It is made if it is not
there, brought up, and goes away at the end if it was made. Keys, for the kernel's side of it:
  ip=CIDR                   give it this address (IPv4 or IPv6; repeatable)
  mtu=BYTES                 68 to 65521
  mac=MAC                   its Ethernet address
  netns=NAME                make it in this network namespace; a path works too
  fd=N                      use the TAP that the inherited descriptor N is attached to;
                            NAME may be empty
  offload=auto|off          offloads; for now auto means off

examples:
  bellpull run tap:bp0,ip=10.99.0.1/24 --app respond --address 10.99.0.2/24
  bellpull run tap:bp0,netns=left tap:bp1,netns=right --app patch --duration 10

It is ready when it says so on standard error. SIGINT or SIGTERM ends it: it drains, removes
what it made, and prints its statistics. Exit status: 0 for that, 1 when something failed, 2
when it was asked for something that cannot be.
)";

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

void add_run_options(CLI::App& command, RunWords& words) {
  command.add_option("PORT", words.ports, "what the NIC is attached to; see below")
      ->type_name("PORT...");
  command
      .add_option("--app", words.app,
                  "respond: answer ARP, ping, neighbour solicitation and UDP echo\n"
                  "patch: join two ports; reflect: send frames back with their\n"
                  "addresses swapped; discard: take frames and do nothing.\n"
                  "Default: respond if there is an --address")
      ->type_name("APP");
  command.add_option("--address", words.addresses, "an address to respond for; repeatable")
      ->type_name("CIDR")
      ->allow_extra_args(false);
  command
      .add_option("--mac", words.mac,
                  "Ethernet address to respond from. Default: one computed from\n"
                  "the first port's name and the first --address")
      ->type_name("MAC");
  command
      .add_option("--mode", words.mode,
                  "interrupt: sleep when there is nothing to do; poll: never\n"
                  "sleep (default interrupt)")
      ->type_name("MODE");
  command.add_option("--style", words.style, "completion style: poll (default poll)")
      ->type_name("STYLE");
  command.add_option("--io", words.io, "how frames are moved: syscall (default syscall)")
      ->type_name("IO");
  command
      .add_option("--engine", words.engine,
                  "driven: in the NIC's loop; thread: on a thread of its own\n"
                  "(default driven)")
      ->type_name("ENGINE");
  command.add_option("--budget", words.budget, "most frames per poll, 1 to 4096 (default 64)")
      ->type_name("FRAMES");
  command.add_option("--duration", words.duration, "end after so long; decimals will do")
      ->type_name("SECONDS");
  command
      .add_option("--format", words.format,
                  "of the statistics: table, json or prometheus (default table)")
      ->type_name("FORMAT");
  command
      .add_option("--stats-file", words.stats_file,
                  "write the statistics there as well; - is standard output\n"
                  "alone (default -)")
      ->type_name("PATH");
  command
      .add_option("--control", words.control,
                  "make a UNIX socket there, where `bellpull set` changes settings\n"
                  "while it runs; for its owner only")
      ->type_name("PATH");
}

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
  std::string probe_format = "table";

  CLI::App app("bellpull COMMAND [options]\n\nA virtual NIC on Linux TAP interfaces.", "bellpull");
  app.formatter(std::make_shared<HelpLayout>());
  app.set_help_flag("-h,--help", "print this help; after a command, that command's");
  app.set_version_flag("--version", "bellpull " + version(), "print the version");
  app.require_subcommand(1);
  CLI::App& run_command =
      *app.add_subcommand("run", "bellpull run PORT... [options]\n\nRun the virtual NIC.");
  run_command.set_help_flag("-h,--help", "print this help");
  run_command.footer(kRunFooter);
  add_run_options(run_command, run_words);
  refuse_empty(run_command);
  CLI::App& set_command = *app.add_subcommand(
      "set",
      "bellpull set PATH [KEY=VALUE...]\n\nList or change the settings of a run while it runs.");
  set_command.set_help_flag("-h,--help", "print this help");
  set_command.footer(kSetFooter);
  add_set_options(set_command, set_words);
  refuse_empty(set_command);
  CLI::App& compare_command = compare::add_command(app, compare_words);
  refuse_empty(compare_command);
  CLI::App& dmatest_command = dmatest::add_command(app, dmatest_words);
  refuse_empty(dmatest_command);
  CLI::App& probe_command = *app.add_subcommand(
      "probe",
      "bellpull probe [options]\n\nSay what this machine allows, and what to do about the rest.");
  probe_command.set_help_flag("-h,--help", "print this help");
  probe_command.footer(kProbeFooter);
  probe_command.add_option("--format", probe_format, "table or json (default table)")
      ->type_name("FORMAT");
  refuse_empty(probe_command);

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
  return run_command.parsed() ? run(run_words) : probe(probe_format);
}

}  // namespace bellpull::tools
