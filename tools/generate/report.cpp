// SPDX-License-Identifier: BSD-2-Clause
#include "generate/report.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <nlohmann/json.hpp>

namespace bellpull::tools::generate {

namespace {

using nlohmann::ordered_json;

struct Quantile {
  std::string_view name;
  double share;
};
constexpr std::array kQuantiles = {Quantile{"p50", 0.5}, Quantile{"p99", 0.99},
                                   Quantile{"p99.9", 0.999}};

std::string written(const std::variant<std::uint64_t, double>& value) {
  if (const auto* whole = std::get_if<std::uint64_t>(&value)) return fmt::format("{}", *whole);
  return fmt::format("{:.3f}", std::get<double>(value));
}

std::string to_table(const Report& report, bool receiver) {
  std::string text = report.title + '\n';
  const auto out = std::back_inserter(text);
  for (const Figure& figure : report.figures) {
    fmt::format_to(out, "  {:<20} {:>16}  {}\n", figure.name, written(figure.value), figure.help);
  }
  if (!receiver) return text;
  std::uint64_t damaged = 0;
  for (const auto& flow : report.flows) {
    damaged += (flow.second.lost | flow.second.reordered | flow.second.duplicated) != 0 ? 1 : 0;
  }
  fmt::format_to(out,
                 "  {:<20} {:>16}  Flows of which frames arrived; {} with losses, reordered or "
                 "duplicated frames\n",
                 "flows", report.flows.size(), damaged);
  fmt::format_to(out, "  latency from schedule to arrival, ns: count {}", report.latency.count());
  for (const Quantile& quantile : kQuantiles) {
    fmt::format_to(out, ", {} {}", quantile.name, report.latency.quantile(quantile.share));
  }
  fmt::format_to(out, ", max {}\n", report.latency.max());
  return text;
}

ordered_json flow_object(const std::pair<std::uint16_t, FlowCounts>& flow) {
  return {{"flow", flow.first},
          {"received", flow.second.received},
          {"lost", flow.second.lost},
          {"reordered", flow.second.reordered},
          {"duplicated", flow.second.duplicated}};
}

std::string to_json(const Report& report, bool receiver) {
  ordered_json object;
  object["version"] = version();
  for (const auto& label : report.labels) object[label.first] = label.second;
  for (const Figure& figure : report.figures) {
    std::visit([&](auto value) { object[std::string(figure.name)] = value; }, figure.value);
  }
  if (receiver) {
    object["flows"] = ordered_json::array();
    for (const auto& flow : report.flows) object["flows"].push_back(flow_object(flow));
    ordered_json latency = {{"count", report.latency.count()}};
    for (const Quantile& quantile : kQuantiles) {
      latency[std::string(quantile.name)] = report.latency.quantile(quantile.share);
    }
    latency["max"] = report.latency.max();
    latency["bands"] = ordered_json::array();
    for (const netdrv::LatencyHistogram::Band& band : report.latency.bands()) {
      latency["bands"].push_back({{"up_to", band.up_to}, {"count", band.count}});
    }
    object["latency_ns"] = std::move(latency);
  }
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string in_quotes(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return '"' + text + '"';
}

// Less than each power of two, from 127 ns to 17 s, where the counts are exact.
void add_latency(std::string& text, const Report& report, const std::string& labels) {
  constexpr unsigned kFirstBits = 7;
  constexpr unsigned kLastBits = 34;
  const auto out = std::back_inserter(text);
  const std::string_view name = "bellpull_generate_latency_seconds";
  fmt::format_to(out, "# HELP {} From schedule to arrival\n# TYPE {} histogram\n", name, name);
  const auto bands = report.latency.bands();
  auto band = bands.begin();
  std::uint64_t count = 0;
  for (unsigned bits = kFirstBits; bits <= kLastBits; ++bits) {
    const std::uint64_t bound = (std::uint64_t{1} << bits) - 1;
    for (; band != bands.end() && band->up_to <= bound; ++band) count += band->count;
    fmt::format_to(out, "{}_bucket{{{},le=\"{}\"}} {}\n", name, labels,
                   static_cast<double>(bound) / 1e9, count);
  }
  fmt::format_to(out, "{}_bucket{{{},le=\"+Inf\"}} {}\n", name, labels, report.latency.count());
  fmt::format_to(out, "{}_sum{{{}}} {}\n", name, labels,
                 static_cast<double>(report.latency.sum()) / 1e9);
  fmt::format_to(out, "{}_count{{{}}} {}\n", name, labels, report.latency.count());
}

std::string to_prometheus(const Report& report, bool receiver) {
  std::string labels;
  for (const auto& label : report.labels) {
    labels +=
        fmt::format("{}{}={}", labels.empty() ? "" : ",", label.first, in_quotes(label.second));
  }
  std::string text;
  const auto out = std::back_inserter(text);
  for (const Figure& figure : report.figures) {
    const std::string name =
        fmt::format("bellpull_generate_{}{}", figure.name, figure.counts ? "_total" : "");
    fmt::format_to(out, "# HELP {} {}\n# TYPE {} {}\n{}{{{}}} {}\n", name, figure.help, name,
                   figure.counts ? "counter" : "gauge", name, labels, written(figure.value));
  }
  if (receiver) add_latency(text, report, labels);
  return text;
}

}  // namespace

std::string render(const Report& report, Format format, bool receiver) {
  switch (format) {
    case Format::json:
      return to_json(report, receiver);
    case Format::prometheus:
      return to_prometheus(report, receiver);
    case Format::table:
      break;
  }
  return to_table(report, receiver);
}

}  // namespace bellpull::tools::generate
