// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/frame_fault.hpp"

#include <cstring>

#include "bellpull/engine/fault_words.hpp"

namespace bellpull::netdrv {

namespace {

using engine::quoted;
using engine::read_number;
using engine::take_until;

constexpr const char* kKinds =
    "errno=NAME, short, truncate, drop, duplicate, corrupt, reorder or delay=MICROSECONDS";
constexpr std::int32_t kMostErrno = 4095;  // MAX_ERRNO of the kernel

// 0: nobody's name.
std::int32_t errno_named(std::string_view name) {
  constexpr std::int32_t kLastNamed = 200;
  for (std::int32_t error = 1; error < kLastNamed; ++error) {
    const char* const known = ::strerrorname_np(error);
    if (known != nullptr && name == known) return error;
  }
  return 0;
}

// Reads one rule; what is wrong is left in error().
class FrameRuleReader {
 public:
  FrameFaultRule read(std::string_view text) {
    const std::string_view whole = text;
    for (bool more = true; more && error_.empty();) {
      more = text.find(':') != std::string_view::npos;
      word(take_until(text, ':'));
    }
    if (!error_.empty()) return rule_;
    if (!has_kind_) {
      error_ = "fault " + quoted(whole) + " has no kind; add one of " + kKinds;
    } else if (has_direction_ && rule_.kind == FrameFaultKind::short_read && !rule_.rx) {
      error_ = "fault " + quoted(whole) + ": a write is never short; use rx, or tx:truncate";
    }
    return rule_;
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void word(std::string_view text) {
    std::string_view value = text;
    const std::string_view key = take_until(value, '=');
    const bool has_value = text.find('=') != std::string_view::npos;
    if (kind(text, key, value, has_value) || (has_value && turn(text, key, value)) ||
        (!has_value && condition(text))) {
      return;
    }
    error_ = quoted(text) + ": there is " + kKinds +
             ", and rx, tx, gso, every=, offset=, chance= and limit=";
  }

  bool condition(std::string_view text) {
    if (text == "gso") {
      rule_.gso = true;
    } else if (text == "rx" || text == "tx") {
      if (!has_direction_) rule_.rx = rule_.tx = false;
      has_direction_ = true;
      (text == "rx" ? rule_.rx : rule_.tx) = true;
    } else {
      return false;
    }
    return true;
  }

  bool kind(std::string_view text, std::string_view key, std::string_view value, bool has_value) {
    for (std::size_t i = 0; i < kFrameFaultKinds; ++i) {
      const auto found = static_cast<FrameFaultKind>(i);
      if (key != name_of(found)) continue;
      if (has_kind_) error_ = "fault kind " + quoted(text) + " is the second one of its rule";
      has_kind_ = true;
      rule_.kind = found;
      if (error_.empty()) parameter(text, value, has_value);
      return true;
    }
    return false;
  }

  void parameter(std::string_view text, std::string_view value, bool has_value) {
    switch (rule_.kind) {
      case FrameFaultKind::error:
        rule_.error = errno_named(value);
        if (rule_.error != 0 || read_number(text, value, 1, rule_.error, kMostErrno).empty())
          return;
        error_ = quoted(text) + ": choose a name such as EINVAL, or a number from 1 to 4095";
        return;
      case FrameFaultKind::corrupt:
        rule_.header = value == "header";
        if (has_value && !rule_.header) {
          error_ = quoted(text) + ": use corrupt, of any bit, or corrupt=header";
        }
        return;
      case FrameFaultKind::reorder:
        if (has_value) error_ = read_number(text, value, 1, rule_.frames, kMaxReorder);
        return;
      case FrameFaultKind::delay:
        error_ = read_number(text, value, 1, rule_.delay_us, kMaxFrameDelay);
        return;
      default:
        if (has_value)
          error_ = quoted(text) + ": " + std::string(name_of(rule_.kind)) + " has no value";
    }
  }

  bool turn(std::string_view text, std::string_view key, std::string_view value) {
    constexpr std::uint32_t kAlways = 1'000'000;
    engine::FaultTurn& turn = rule_.turn;
    if (key == "every") {
      error_ = read_number(text, value, 1, turn.every);
    } else if (key == "offset") {
      error_ = read_number(text, value, 0, turn.offset);
    } else if (key == "chance") {
      error_ = read_number(text, value, 0, turn.chance, kAlways);
    } else if (key == "limit") {
      error_ = read_number(text, value, 0, turn.limit);
    } else {
      return false;
    }
    return true;
  }

  FrameFaultRule rule_;
  bool has_kind_ = false;
  bool has_direction_ = false;
  std::string error_;
};

std::string text_of(const FrameFaultRule& rule) {
  std::string text;
  if (!rule.tx) text = "rx:";
  if (!rule.rx) text = "tx:";
  text += name_of(rule.kind);
  if (rule.kind == FrameFaultKind::error) {
    const char* const name = ::strerrorname_np(rule.error);
    text += "=" + (name != nullptr ? std::string(name) : std::to_string(rule.error));
  }
  if (rule.header) text += "=header";
  if (rule.frames != 1) text += "=" + std::to_string(rule.frames);
  if (rule.delay_us != 0) text += "=" + std::to_string(rule.delay_us);
  if (rule.gso) text += ":gso";
  const auto add = [&](const char* key, std::uint64_t value, std::uint64_t usually) {
    if (value != usually) text += std::string(":") + key + "=" + std::to_string(value);
  };
  const engine::FaultTurn usual;
  add("every", rule.turn.every, usual.every);
  add("offset", rule.turn.offset, usual.offset);
  add("chance", rule.turn.chance, usual.chance);
  add("limit", rule.turn.limit, usual.limit);
  return text;
}

}  // namespace

ParsedFrameFaults parse_frame_faults(std::string_view text) {
  ParsedFrameFaults parsed;
  while (!text.empty()) {
    const std::string_view part = take_until(text, ';');
    if (part.starts_with("seed=")) {
      if (read_number(part, part.substr(5), 0, parsed.plan.seed).empty()) continue;
      return {{}, quoted(part) + ": a seed is a number from 0 to 18446744073709551615"};
    }
    FrameRuleReader reader;
    parsed.plan.rules.push_back(reader.read(part));
    if (!reader.error().empty()) return {{}, reader.error()};
  }
  return parsed;
}

std::string to_text(const FrameFaultPlan& plan) {
  std::string text;
  if (plan.seed != FrameFaultPlan{}.seed) text = "seed=" + std::to_string(plan.seed);
  for (const FrameFaultRule& rule : plan.rules) {
    if (!text.empty()) text += ';';
    text += text_of(rule);
  }
  return text;
}

}  // namespace bellpull::netdrv
