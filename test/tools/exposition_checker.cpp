// SPDX-License-Identifier: BSD-2-Clause
#include <cctype>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

#include "statistics_checker.hpp"

namespace bellpull::test {

namespace {

// Reads a line from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool skip(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  // [a-zA-Z_][a-zA-Z0-9_]*, empty if there is none.
  std::string name() {
    std::size_t length = 0;
    while (length < rest_.size() && is_name(rest_[length], length == 0)) ++length;
    return take(length);
  }

  // A label's value between its quotes, which were not read yet.
  bool quoted() {
    if (!skip("\"")) return false;
    while (!rest_.empty()) {
      if (skip("\"")) return true;
      if (skip("\\\\") || skip("\\\"") || skip("\\n")) continue;
      if (rest_.front() == '\\') return false;
      rest_.remove_prefix(1);
    }
    return false;
  }

  std::string take(std::size_t length) {
    std::string taken(rest_.substr(0, length));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  static bool is_name(char c, bool first) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '_' || (first ? std::isalpha(byte) : std::isalnum(byte)) != 0;
  }

  std::string_view rest_;
};

struct Family {
  bool help = false;
  std::string type;
  bool closed = false;
};

class Checker {
 public:
  std::string check(const std::string& line) {
    Reader reader(line);
    if (reader.skip("# HELP ")) return comment(true, reader);
    if (reader.skip("# TYPE ")) return comment(false, reader);
    return sample(line);
  }

 private:
  std::string comment(bool is_help, Reader& reader) {
    const std::string name = reader.name();
    if (name.empty() || !reader.skip(" ") || reader.rest().empty()) return "half a comment";
    if (name != open_ && !open_.empty()) families_[open_].closed = true;
    open_ = name;
    Family& family = families_[name];
    if (family.closed) return "the family comes in two pieces";
    if (is_help) {
      if (family.help) return "HELP twice";
      family.help = true;
      return {};
    }
    if (!family.type.empty()) return "TYPE twice";
    family.type = reader.rest();
    if (family.type != "counter" && family.type != "gauge") return "a type that nobody uses here";
    const bool total = name.ends_with("_total");
    return total == (family.type == "counter") ? "" : "_total and counter do not agree";
  }

  std::string sample(const std::string& line) {
    Reader reader(line);
    const std::string name = reader.name();
    const Family& family = families_[name];
    if (name.empty() || name != open_ || !family.help || family.type.empty()) {
      return "no sample of a family with HELP and TYPE before it";
    }
    if (reader.skip("{")) {
      std::string fault = labels(reader);
      if (!fault.empty()) return fault;
    }
    const std::string_view key =
        std::string_view(line).substr(0, line.size() - reader.rest().size());
    if (!samples_.emplace(key).second) return "the same sample twice";
    return reader.skip(" ") ? value(std::string(reader.rest())) : "no value";
  }

  static std::string labels(Reader& reader) {
    std::set<std::string> names;
    do {
      const std::string name = reader.name();
      if (name.empty() || !reader.skip("=") || !reader.quoted()) return "a label is malformed";
      if (!names.insert(name).second) return "a label twice";
    } while (reader.skip(","));
    return reader.skip("}") ? "" : "the labels do not end";
  }

  static std::string value(const std::string& text) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0') return "the value is no number";
    return number >= 0 ? "" : "the value is negative";
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
    if (std::string fault = checker.check(line); !fault.empty()) {
      return fault.append(": ").append(line);
    }
  }
  return {};
}

}  // namespace bellpull::test
