// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <string>

#include "generate/report.hpp"
#include "statistics_checker.hpp"

using namespace bellpull;
using namespace bellpull::tools::generate;
using tools::Format;

namespace {

Report sample() {
  Report report;
  report.title = "received from bp0";
  report.labels = {{"interface", "b\"p\\0"}};
  report.figures = {{"received", "Frames", std::uint64_t{7}}, {"seconds", "Time", 0.25, false}};
  report.flows = {{3, FlowCounts{7, 2, 1, 0}}, {4, FlowCounts{1, 0, 0, 0}}};
  report.latency.add(1000, 7);
  return report;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("generate: the table has all figures, the flows and the latency") {
  const std::string text = render(sample(), Format::table, true);
  CHECK(has(text, "received from bp0\n"));
  CHECK(has(text, "7  Frames\n"));
  CHECK(has(text, "0.250  Time\n"));
  CHECK(has(text, "2  Flows of which frames arrived; 1 with losses"));
  CHECK(has(text, "count 7, p50 1"));
}

TEST_CASE("generate: JSON is one line with every flow") {
  const std::string text = render(sample(), Format::json, true);
  CHECK(text.find('\n') + 1 == text.size());
  CHECK(has(text, R"("interface":"b\"p\\0","received":7,"seconds":0.25,)"));
  CHECK(has(text, R"("flows":[{"flow":3,"received":7,"lost":2,"reordered":1,"duplicated":0},)"));
  CHECK(has(text, R"("latency_ns":{"count":7,)"));
}

TEST_CASE("generate: a sender has no flows and no latency") {
  for (const Format format : {Format::table, Format::json, Format::prometheus}) {
    const std::string text = render(sample(), format, false);
    CHECK_FALSE(has(text, "lows"));
    CHECK_FALSE(has(text, "latency"));
  }
}

TEST_CASE("generate: Prometheus takes it") {
  const std::string text = render(sample(), Format::prometheus, true);
  CHECK(test::fault_in_exposition(text) == "");
  CHECK(has(text, "bellpull_generate_received_total{interface=\"b\\\"p\\\\0\"} 7\n"));
  CHECK(has(text, "bellpull_generate_seconds{interface=\"b\\\"p\\\\0\"} 0.250\n"));
}
