// SPDX-License-Identifier: BSD-2-Clause
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

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

// One histogram: samples of a family that differ in nothing but the bound of a bucket.
struct Series {
  double bound = -std::numeric_limits<double>::infinity();
  double below = 0;
  std::optional<double> sum;
  std::optional<double> count;
};

// The samples of a family of histograms.
class HistogramChecker {
 public:
  // `labels` is what is between the braces. The bound of a bucket has to be the last of them.
  std::string check(std::string_view suffix, std::string labels, double value) {
    if (suffix == "_bucket") return bucket(std::move(labels), value);
    if (labels.find("le=\"") != std::string::npos) return "le belongs to a bucket";
    Series& series = series_[labels];
    (suffix == "_sum" ? series.sum : series.count) = value;
    return {};
  }

  [[nodiscard]] std::string end() const {
    for (const auto& entry : series_) {
      const Series& series = entry.second;
      if (!std::isinf(series.bound)) return "a histogram without a bucket for all";
      if (!series.sum || !series.count) return "a histogram without sum or count";
      if (series.below != *series.count) return "a histogram whose buckets are not its count";
    }
    return {};
  }

 private:
  std::string bucket(std::string labels, double value) {
    const std::size_t at = labels.rfind("le=\"");
    if (at == std::string::npos) return "a bucket without le";
    char* end = nullptr;
    const double bound = std::strtod(labels.c_str() + at + 4, &end);
    if (std::string_view(end) != "\"") return "le is no number or not the last label";
    labels.erase(at == 0 ? 0 : at - 1);
    Series& series = series_[labels];
    if (bound <= series.bound) return "buckets that do not rise";
    if (value < series.below) return "counts of buckets that fall";
    series.bound = bound;
    series.below = value;
    return {};
  }

  std::map<std::string, Series> series_;
};

struct Family {
  bool help = false;
  std::string type;
  bool closed = false;
  HistogramChecker histogram;
};

class Checker {
 public:
  std::string check(const std::string& line) {
    Reader reader(line);
    if (reader.skip("# HELP ")) return comment(true, reader);
    if (reader.skip("# TYPE ")) return comment(false, reader);
    return sample(line);
  }

  [[nodiscard]] std::string end() const {
    for (const auto& entry : families_) {
      if (std::string fault = entry.second.histogram.end(); !fault.empty()) return fault;
    }
    return {};
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
    if (family.type != "counter" && family.type != "gauge" && family.type != "histogram") {
      return "a type that nobody uses here";
    }
    const bool total = name.ends_with("_total");
    return total == (family.type == "counter") ? "" : "_total and counter do not agree";
  }

  std::string sample(const std::string& line) {
    Reader reader(line);
    const std::string name = reader.name();
    Family& family = families_[open_];
    if (name.empty() || !name.starts_with(open_) || !family.help ||
        !is_part(family.type, name.substr(open_.size()))) {
      return "no sample of a family with HELP and TYPE before it";
    }
    std::string between;
    if (reader.skip("{")) {
      const std::string_view rest = reader.rest();
      std::string fault = labels(reader);
      if (!fault.empty()) return fault;
      between = rest.substr(0, rest.size() - reader.rest().size() - 1);
    }
    const std::string_view key =
        std::string_view(line).substr(0, line.size() - reader.rest().size());
    if (!samples_.emplace(key).second) return "the same sample twice";
    if (!reader.skip(" ")) return "no value";
    const std::string number(reader.rest());
    std::string fault = value(number);
    if (!fault.empty() || family.type != "histogram") return fault;
    return family.histogram.check(name.substr(open_.size()), between, std::stod(number));
  }

  // What the name of a sample has behind that of its family.
  static bool is_part(std::string_view type, std::string_view suffix) {
    if (type != "histogram") return !type.empty() && suffix.empty();
    return suffix == "_bucket" || suffix == "_sum" || suffix == "_count";
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
  return checker.end();
}

}  // namespace bellpull::test
