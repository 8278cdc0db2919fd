// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "probe.hpp"
#include "sink.hpp"

namespace bellpull::tools {

namespace {

constexpr std::array kFormats = {Word{"table"}, Word{"json"}};

std::string as_table(const std::vector<Finding>& findings, const TapFindings& taps) {
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.name.size());
  std::string text;
  auto out = std::back_inserter(text);
  for (const Finding& finding : findings) {
    fmt::format_to(out, "{}  {:<{}}  {}\n", finding.ok ? "ok" : "no", finding.name, width,
                   finding.detail);
    if (finding.ok) continue;
    fmt::format_to(out, "    {:<{}}  needed for: {}\n", "", width, finding.needed_for);
    fmt::format_to(out, "    {:<{}}  remedy: {}\n", "", width, finding.remedy);
  }
  text += !taps.can_run        ? "`bellpull run` cannot work here: see tap\n"
          : taps.only_unshared ? "`bellpull run` can work here, inside `unshare -Urn`\n"
                               : "`bellpull run` can work here\n";
  return text;
}

std::string as_json(const std::vector<Finding>& findings, const TapFindings& taps) {
  nlohmann::ordered_json object;
  object["version"] = version();
  object["can_run"] = taps.can_run;
  object["only_unshared"] = taps.only_unshared;
  object["checks"] = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    object["checks"].push_back({{"name", finding.name},
                                {"ok", finding.ok},
                                {"needed_for", finding.needed_for},
                                {"detail", finding.detail},
                                {"remedy", finding.remedy}});
  }
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace

ExitStatus probe(const std::string& format) {
  const Format chosen = parse_format(format, kFormats);
  const TapFindings taps = look_at_taps();
  std::vector<Finding> findings = look_at_machine();
  findings.insert(findings.end(), taps.findings.begin(), taps.findings.end());
  write_out(chosen == Format::json ? as_json(findings, taps) : as_table(findings, taps));
  return taps.can_run ? kExitOk : kExitFailure;
}

}  // namespace bellpull::tools
