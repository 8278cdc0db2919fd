// SPDX-License-Identifier: BSD-2-Clause
#include "exposition.hpp"

namespace bellpull::tools {

// These three are escaped; the rest is as it is.
std::string label_value(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return '"' + text + '"';
}

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(text_), "# HELP bellpull_{} {}\n# TYPE bellpull_{} {}\n", name,
                 help, name, type);
}

std::string Exposition::port_labels(std::size_t port) const {
  std::string labels = "port=" + label_value(snapshot_.nic.ports[port].name);
  const std::string& netns = snapshot_.ends[port].netns;
  if (!netns.empty()) labels += ",netns=" + label_value(netns);
  return labels;
}

}  // namespace bellpull::tools
