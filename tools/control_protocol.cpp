// SPDX-License-Identifier: BSD-2-Clause
#include "control_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "error.hpp"

namespace bellpull::tools {

namespace {

constexpr std::string_view kList = "list";
constexpr std::string_view kSet = "set";
constexpr std::string_view kOk = "ok";
constexpr std::string_view kUsage = "usage";
constexpr std::string_view kFailure = "failure";

// Takes off what is before `end`, and it; all if it is not there.
std::string_view take(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

std::string said(std::string_view word, std::string_view text) {
  return fmt::format("{}\n{}", word, text);
}

std::string list(const SettingTable& settings) {
  std::string rows;
  for (const Setting& setting : settings.all()) {
    rows +=
        fmt::format("{}\t{}\t{}\t{}\n", setting.name, setting.value(), setting.range, setting.help);
  }
  return rows;
}

std::string do_as_asked(std::string_view request, const SettingTable& settings) {
  const std::string_view verb = take(request, '\n');
  if (verb == kList && request.empty()) return list(settings);
  if (verb != kSet || request.empty()) {
    throw UsageError(
        "the request is neither 'list' nor 'set' with a KEY=VALUE on each line: use `bellpull set` "
        "of the same version");
  }
  std::vector<std::string_view> assignments;
  while (!request.empty()) assignments.push_back(take(request, '\n'));
  settings.change(assignments);
  return {};
}

}  // namespace

std::string request_for(std::span<const std::string> assignments) {
  std::string request(assignments.empty() ? kList : kSet);
  for (const std::string& assignment : assignments) request += '\n' + assignment;
  return request;
}

std::string answer_to(std::string_view request, const SettingTable& settings) {
  try {
    return said(kOk, do_as_asked(request, settings));
  } catch (const UsageError& error) {
    return said(kUsage, error.what());
  } catch (const std::exception& error) {
    return said(kFailure, error.what());
  }
}

std::string answer_to_oversize(std::size_t bytes) {
  return said(kUsage, fmt::format("the request has {} bytes and {} are the most: set less at once",
                                  bytes, kMostRequest));
}

std::vector<SettingRow> understand_answer(std::string_view answer) {
  const std::string_view word = take(answer, '\n');
  if (word == kUsage) throw UsageError(std::string(answer));
  if (word == kFailure) throw std::runtime_error(std::string(answer));
  if (word != kOk) {
    throw std::runtime_error(fmt::format(
        "the answer begins with '{}': there is no `bellpull run` of the same version", word));
  }
  std::vector<SettingRow> rows;
  while (!answer.empty()) {
    std::string_view line = take(answer, '\n');
    SettingRow& row = rows.emplace_back();
    for (std::string* field : {&row.name, &row.value, &row.range, &row.help}) {
      *field = take(line, '\t');
    }
  }
  return rows;
}

}  // namespace bellpull::tools
