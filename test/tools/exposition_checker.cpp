// SPDX-License-Identifier: BSD-2-Clause
#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "statistics_checker.hpp"

namespace bellpull::test {

namespace {

const std::regex kComment(R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+))");
const std::regex kSample(R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+))");
const std::regex kLabel(R"re(([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)")re");

struct Family {
  bool help = false;
  std::string type;
  bool closed = false;
};

class Checker {
 public:
  std::string check(const std::string& line) {
    std::smatch match;
    if (std::regex_match(line, match, kComment)) return comment(match[1], match[2], match[3]);
    if (std::regex_match(line, match, kSample)) return sample(match[1], match[3], match[4]);
    return "neither comment nor sample";
  }

 private:
  std::string comment(const std::string& kind, const std::string& name, const std::string& rest) {
    if (name != open_ && !open_.empty()) families_[open_].closed = true;
    open_ = name;
    Family& family = families_[name];
    if (family.closed) return "the family comes in two pieces";
    if (kind == "HELP") {
      if (family.help) return "HELP twice";
      family.help = true;
      return {};
    }
    if (!family.type.empty()) return "TYPE twice";
    family.type = rest;
    if (rest != "counter" && rest != "gauge") return "a type that nobody uses here";
    return (rest == "counter") == name.ends_with("_total") ? "" : "_total and counter do not agree";
  }

  std::string sample(const std::string& name, const std::string& labels, const std::string& value) {
    const Family& family = families_[name];
    if (name != open_ || !family.help || family.type.empty())
      return "HELP and TYPE are not before it";
    std::string fault = check_labels(labels);
    if (!fault.empty()) return fault;
    if (!samples_.insert(name + '{' + labels + '}').second) return "the same sample twice";
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (*end != '\0') return "the value is no number";
    return number >= 0 ? "" : "the value is negative";
  }

  static std::string check_labels(std::string labels) {
    std::set<std::string> names;
    while (!labels.empty()) {
      std::smatch match;
      if (!std::regex_search(labels, match, kLabel, std::regex_constants::match_continuous)) {
        return "a label is malformed";
      }
      if (!names.insert(match[1]).second) return "a label twice";
      labels = match.suffix();
      if (labels.empty()) return {};
      if (labels.front() != ',') return "no comma between labels";
      labels.erase(0, 1);
    }
    return {};
  }

  std::string open_;
  std::map<std::string, Family> families_;
  std::set<std::string> samples_;
};

}  // namespace

std::string fault_in_exposition(const std::string& text) {
  if (text.empty()) return "it is empty";
  if (!text.ends_with('\n')) return "the last line does not end";
  Checker checker;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (std::string fault = checker.check(line); !fault.empty())
      return fault.append(": ").append(line);
  }
  return {};
}

}  // namespace bellpull::test
