// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/fault_plan.hpp"

#include <array>

#include "bellpull/engine/fault_words.hpp"

namespace bellpull::engine {

namespace {

constexpr std::array<const char*, kFaultKinds> kKindNames{
    "read-error", "write-error", "timeout",    "corrupt",      "stuck",
    "late",       "duplicate",   "garbage-id", "false-success"};

std::string kind_names() {
  std::string names;
  for (const char* const name : kKindNames) names += std::string(names.empty() ? "" : ", ") + name;
  return names;
}

// Reads one rule; what is wrong is left in error().
class RuleReader {
 public:
  FaultRule read(std::string_view text) {
    const std::string_view whole = text;
    for (bool more = true; more && error_.empty();) {
      more = text.find(':') != std::string_view::npos;
      word(take_until(text, ':'));
    }
    if (error_.empty() && !has_kind_) {
      error_ = "fault " + quoted(whole) + " has no kind; add one of " + kind_names();
    }
    return rule_;
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void word(std::string_view text) {
    if (text.find('=') != std::string_view::npos) {
      value(text);
    } else if (!kind(text)) {
      operations(text);
    }
  }

  bool kind(std::string_view text) {
    for (unsigned i = 0; i < kFaultKinds; ++i) {
      if (text != kKindNames[i]) continue;
      if (has_kind_) error_ = "fault kind " + quoted(text) + " is the second one of its rule";
      has_kind_ = true;
      rule_.kind = static_cast<FaultKind>(i);
      return true;
    }
    return false;
  }

  void operations(std::string_view text) {
    std::string_view rest = text;
    OperationSet found;
    do {
      const std::string_view name = take_until(rest, ',');
      bool known = false;
      for (unsigned i = 0; i < kOperations; ++i) {
        const auto operation = static_cast<Operation>(i);
        if (name != name_of(operation)) continue;
        found = found | OperationSet{operation};
        known = true;
      }
      if (!known) {
        error_ = quoted(name) + " is neither an operation nor a kind of fault, which are " +
                 kind_names();
        return;
      }
    } while (!rest.empty());
    rule_.operations = found;
  }

  void value(std::string_view text) {
    std::string_view rest = text;
    const std::string_view key = take_until(rest, '=');
    if (key == "every") {
      error_ = read_number(text, rest, 1, rule_.every);
    } else if (key == "offset") {
      error_ = read_number(text, rest, 0, rule_.offset);
    } else if (key == "chance") {
      error_ = read_number(text, rest, 0, rule_.chance, 1'000'000U);
    } else if (key == "limit") {
      error_ = read_number(text, rest, 0, rule_.limit);
    } else if (key == "segment") {
      error_ = read_number(text, rest, 0, rule_.segment.emplace(), kMaxSegments - 1);
    } else if (key == "reaps") {
      error_ = read_number(text, rest, 0, rule_.reaps);
    } else if (key == "errno") {
      error_ = read_number(text, rest, 1, rule_.error, 4095);
    } else if (key == "side" && (rest == "source" || rest == "destination")) {
      rule_.side = rest == "source" ? Side::source : Side::destination;
    } else if (key == "side") {
      error_ = quoted(text) + ": a side is source or destination";
    } else {
      error_ = quoted(text) +
               ": there is every=, offset=, chance=, limit=, side=, segment=, reaps= and errno=";
    }
  }

  FaultRule rule_;
  bool has_kind_ = false;
  std::string error_;
};

std::string text_of(const FaultRule& rule) {
  const FaultRule usual;
  std::string text;
  if (rule.operations != usual.operations) {
    for (unsigned i = 0; i < kOperations; ++i) {
      const auto operation = static_cast<Operation>(i);
      if (!rule.operations.contains(operation)) continue;
      text += std::string(text.empty() ? "" : ",") + name_of(operation);
    }
    text += ":";
  }
  text += name_of(rule.kind);
  const auto add = [&](const char* key, auto value, auto usually) {
    if (value != usually) text += std::string(":") + key + "=" + std::to_string(value);
  };
  add("every", rule.every, usual.every);
  add("offset", rule.offset, usual.offset);
  add("chance", rule.chance, usual.chance);
  add("limit", rule.limit, usual.limit);
  if (rule.side) text += *rule.side == Side::source ? ":side=source" : ":side=destination";
  if (rule.segment) text += ":segment=" + std::to_string(*rule.segment);
  add("reaps", rule.reaps, usual.reaps);
  add("errno", rule.error, usual.error);
  return text;
}

}  // namespace

const char* name_of(FaultKind kind) noexcept {
  const auto index = static_cast<unsigned>(kind);
  return index < kFaultKinds ? kKindNames[index] : "unknown";
}

ParsedFault parse_fault(std::string_view text) {
  ParsedFault parsed;
  while (!text.empty()) {
    const std::string_view part = take_until(text, ';');
    if (part.starts_with("seed=")) {
      if (read_number(part, part.substr(5), 0, parsed.plan.seed).empty()) continue;
      return {{}, quoted(part) + ": a seed is a number from 0 to 18446744073709551615"};
    }
    RuleReader reader;
    parsed.plan.rules.push_back(reader.read(part));
    if (!reader.error().empty()) return {{}, reader.error()};
  }
  return parsed;
}

std::string to_text(const FaultPlan& plan) {
  std::string text;
  if (plan.seed != FaultPlan{}.seed) text = "seed=" + std::to_string(plan.seed);
  for (const FaultRule& rule : plan.rules) text += (text.empty() ? "" : ";") + text_of(rule);
  return text;
}

}  // namespace bellpull::engine
