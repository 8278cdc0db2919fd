// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>

#include "findings.hpp"

namespace bellpull::engine::conformance {

namespace {

constexpr Operation kMemory[] = {Operation::nop,    Operation::copy,        Operation::fill,
                                 Operation::crc32c, Operation::copy_crc32c, Operation::compare};

const char* word_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed    ";
    case Verdict::failed:
      return "FAILED    ";
    default:
      return "left out  ";
  }
}

}  // namespace

std::string outcome_of(Operation operation) {
  return std::string("outcome of ") + name_of(operation);
}

Findings::Findings(Report& report) : report_(report) {
  using namespace check;
  for (const char* const name : {kCapabilities, kWindow, kUnasked, kHeldBack, kCompletes, kOnce,
                                 kSpan, kNoFailure, kBytes}) {
    report.checks.push_back({name, Verdict::left_out, {}});
  }
  for (const Operation operation : kMemory) {
    report.checks.push_back({outcome_of(operation), Verdict::left_out, "not declared"});
  }
  for (const char* const name : {kEmpty, kElsewhere, kProgress, kCancel, kStop, kRestart, kPause,
                                 kFailures, kFailureEnds, kStream}) {
    report.checks.push_back({name, Verdict::left_out, {}});
  }
}

void Findings::set(std::string_view name, Verdict verdict, const std::string& message) {
  for (Check& check : report_.checks) {
    if (check.name != name || check.verdict == Verdict::failed) continue;
    if (verdict == Verdict::left_out && check.verdict == Verdict::passed) continue;
    check.verdict = verdict;
    check.message = message;
  }
}

bool Report::passed() const noexcept {
  return std::none_of(checks.begin(), checks.end(),
                      [](const Check& check) { return check.verdict == Verdict::failed; });
}

const Check* Report::find(std::string_view name) const noexcept {
  const auto found = std::find_if(checks.begin(), checks.end(),
                                  [&](const Check& check) { return check.name == name; });
  return found == checks.end() ? nullptr : &*found;
}

std::string Report::text() const {
  std::string text = std::string("conformance of a back-end that ") +
                     (streams ? "streams" : "works on memory") + ", seed " + std::to_string(seed) +
                     "\n";
  for (const Check& check : checks) {
    text += word_for(check.verdict) + check.name;
    if (!check.message.empty()) text += ": " + check.message;
    text += "\n";
  }
  return text;
}

}  // namespace bellpull::engine::conformance
