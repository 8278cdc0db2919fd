// SPDX-License-Identifier: BSD-2-Clause
#include "help.hpp"

#include <fmt/format.h>

#include <string_view>

namespace bellpull::tools {

namespace {

constexpr std::size_t kTextColumn = 28;

// The text may have several lines; all but the first are indented to the text column.
std::string entry(const std::string& term, std::string_view text) {
  std::string lines = "  " + term;
  bool fits = lines.size() + 2 <= kTextColumn;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (!fits) lines += '\n';
    const std::size_t used = fits ? lines.size() : 0;
    lines += std::string(kTextColumn - used, ' ');
    lines += text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    fits = false;
  }
  return lines + '\n';
}

std::string term_of(const CLI::Option& option) {
  std::string type = option.get_type_name();
  if (!option.nonpositional()) return type;
  std::string names;
  for (const std::string& name : option.get_snames()) names += '-' + name + ", ";
  for (const std::string& name : option.get_lnames()) names += "--" + name;
  return names + (type.empty() ? "" : ' ' + type);
}

}  // namespace

std::string HelpLayout::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  std::string text = "usage: " + app->get_description() + "\n\n";
  const auto commands = app->get_subcommands({});
  for (const CLI::App* command : commands) {
    const std::string about = command->get_description();
    text += entry(command->get_name(), about.substr(about.rfind('\n') + 1));
  }
  if (!commands.empty()) text += '\n';
  for (const CLI::Option* option : app->get_options()) {
    text += entry(term_of(*option), option->get_description());
  }
  const std::string footer = app->get_footer();
  return footer.empty() ? text : text + '\n' + footer;
}

CLI::App& new_command(CLI::App& app, const char* name, const char* usage, const char* footer) {
  CLI::App& command = *app.add_subcommand(name, usage);
  command.set_help_flag("-h,--help", "print this help");
  command.footer(footer);
  return command;
}

}  // namespace bellpull::tools
