// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "sample_snapshot.hpp"
#include "statistics_checker.hpp"

using namespace bellpull;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

}  // namespace

TEST_CASE("the Prometheus text is valid, also for two ports of one name") {
  CHECK(test::fault_in_exposition(to_prometheus(test::sample_snapshot())) == "");
}

TEST_CASE("the checker of the Prometheus text finds what is wrong") {
  const std::string head = "# HELP a_total x\n# TYPE a_total counter\n";
  CHECK(test::fault_in_exposition(head + "a_total{b=\"c\"} 1\n") == "");
  for (const char* wrong : {"", "a_total 1\n", "# TYPE a_total counter\na_total 1\n"}) {
    CAPTURE(wrong);
    CHECK(test::fault_in_exposition(wrong) != "");
  }
  for (const char* wrong :
       {"a_total 1", "a_total x\n", "a_total -1\n", "a_total{b=c} 1\n", "a_total{b=\"c} 1\n",
        "a_total{b=\"c\\d\"} 1\n", "a_total{b=\"c\",b=\"d\"} 1\n", "a_total{b=\"c\";d=\"e\"} 1\n",
        "a_total 1\na_total 1\n", "b_total 1\n", "1a 1\n", "\n", "# HELP a_total y\n",
        "# HELP b x\n# TYPE b gauge\nb 1\na_total 1\n", "# HELP b x\n# TYPE b counter\nb 1\n"}) {
    CAPTURE(wrong);
    CHECK(test::fault_in_exposition(head + wrong) != "");
  }
}

TEST_CASE("the checker of the Prometheus text finds what is wrong with a histogram") {
  const std::string head = "# HELP a x\n# TYPE a histogram\n";
  const std::string good =
      "a_bucket{b=\"c\",le=\"0.5\"} 1\na_bucket{b=\"c\",le=\"+Inf\"} 2\n"
      "a_sum{b=\"c\"} 3\na_count{b=\"c\"} 2\n";
  CHECK(test::fault_in_exposition(head + good) == "");
  CHECK(test::fault_in_exposition(head + "a_bucket{le=\"+Inf\"} 0\na_sum 0\na_count 0\n") == "");
  for (const char* wrong :
       {"a{b=\"c\"} 1\n", "a_total 1\n", "a_bucket 1\n", "a_bucket{le=\"1\",b=\"c\"} 3\n",
        "a_bucket{b=\"c\",le=\"x\"} 3\n", "a_bucket{b=\"c\",le=\"0.6\"} 3\n",
        "a_bucket{le=\"1\"} 1\n", "a_sum 1\n", "a_sum{le=\"1\"} 1\n",
        "a_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 3\n",
        "a_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n"}) {
    CAPTURE(wrong);
    CHECK(test::fault_in_exposition(head + good + wrong) != "");
  }
}

TEST_CASE("the latency is a histogram in the Prometheus text, in seconds") {
  const std::string text = to_prometheus(test::sample_snapshot());
  const std::string name = "bellpull_latency_seconds";
  const std::string labels = "{port=\"bp0\",queue=\"0\"";
  CHECK(has_line(text, "# TYPE " + name + " histogram"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"1.27e-07\"} 90"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"5.11e-07\"} 90"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"1.023e-06\"} 98"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"4.095e-06\"} 99"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"17.179869183\"} 99"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"+Inf\"} 100"));
  CHECK(has_line(text, name + "_sum" + labels + "} 100.000010774"));
  CHECK(has_line(text, name + "_count" + labels + "} 100"));
  CHECK(text.find(name + "_count{port=\"bp0\",netns") == std::string::npos);
}

TEST_CASE("the Prometheus text of queues that do not measure latency has no word of it") {
  tools::Snapshot snapshot = test::sample_snapshot();
  snapshot.nic.ports[0].queues[0].latency.reset();
  CHECK(to_prometheus(snapshot).find("latency") == std::string::npos);
}

TEST_CASE("every counter of a queue is in the Prometheus text with its own value") {
  const tools::Snapshot snapshot = test::sample_snapshot();
  const std::string text = to_prometheus(snapshot);
  for (const tools::QueueField& field : tools::queue_fields()) {
    CAPTURE(field.name);
    CHECK(has_line(text, fmt::format("bellpull_{}{}{{port=\"bp0\",queue=\"0\"}} {}", field.name,
                                     field.counts ? "_total" : "",
                                     snapshot.nic.ports[0].queues[0].*field.value)));
  }
  CHECK(has_line(text, "bellpull_rx_dropped_total{port=\"bp0\",queue=\"0\",reason=\"runt\"} 3"));
  CHECK(
      has_line(text, "bellpull_tx_dropped_total{port=\"bp0\",queue=\"0\",reason=\"ring_full\"} 5"));
  CHECK(has_line(text, "bellpull_polls_total{port=\"bp0\",netns=\"left\",queue=\"0\"} 0"));
}

TEST_CASE("the rounds by their work are a histogram in the Prometheus text") {
  const std::string text = to_prometheus(test::sample_snapshot());
  const std::string name = "bellpull_work_per_poll";
  const std::string labels = "{port=\"bp0\",queue=\"0\"";
  CHECK(has_line(text, "# TYPE " + name + " histogram"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"0\"} 1"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"3\"} 1"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"7\"} 3"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"4095\"} 3"));
  CHECK(has_line(text, name + "_bucket" + labels + ",le=\"4096\"} 4"));
  CHECK(has_line(text, name + "_count" + labels + "} 4"));
}

TEST_CASE("every counter of a simulated NIC is in the Prometheus text") {
  tools::Snapshot snapshot = test::sample_snapshot();
  const std::string text = to_prometheus(snapshot);
  for (const tools::SimField& field : tools::sim_fields()) {
    CAPTURE(field.name);
    CHECK(has_line(
        text, fmt::format("bellpull_sim_{}{}{{port=\"sim0\"}} {}", field.name,
                          field.counts ? "_total" : "", (*snapshot.ends[2].sim).*field.value)));
  }
  snapshot.ends[2].sim.reset();
  CHECK(to_prometheus(snapshot).find("bellpull_sim_") == std::string::npos);
}

TEST_CASE("F25: what became of the interface of a TAP is in the Prometheus text") {
  tools::Snapshot snapshot = test::sample_snapshot();
  const std::string text = to_prometheus(snapshot);
  const std::string left = "{port=\"bp0\",netns=\"left\"} ";
  CHECK(has_line(text, "bellpull_tap_lost_total" + left + "401"));
  CHECK(has_line(text, "bellpull_tap_regained_total" + left + "400"));
  CHECK(has_line(text, "bellpull_tap_host_rx_overflow_total" + left + "402"));
  CHECK(has_line(text, "bellpull_tap_lost_total{port=\"bp0\"} 0"));
  CHECK(text.find("bellpull_tap_host_rx_overflow_total{port=\"bp0\"} ") == std::string::npos);
  for (tools::PortEnd& end : snapshot.ends) end.tap.reset();
  CHECK(to_prometheus(snapshot).find("bellpull_tap_") == std::string::npos);
}

TEST_CASE("every counter of a capture is in the Prometheus text") {
  tools::Snapshot snapshot = test::sample_snapshot();
  const std::string text = to_prometheus(snapshot);
  CHECK(has_line(text, "bellpull_capture_captured_total{port=\"bp0\"} 301"));
  CHECK(has_line(text, "bellpull_capture_missed_total{port=\"bp0\"} 302"));
  CHECK(has_line(text, "bellpull_capture_filtered_total{port=\"bp0\"} 303"));
  CHECK(has_line(text, "bellpull_capture_written_bytes_total 304"));
  snapshot.capture_bytes.reset();
  CHECK(to_prometheus(snapshot).find("bellpull_capture_") == std::string::npos);
}

TEST_CASE("a port that lost its interface is not up in the Prometheus text") {
  const std::string text = to_prometheus(test::sample_snapshot());
  CHECK(has_line(text, "bellpull_port_up{port=\"bp0\"} 1"));
  CHECK(has_line(text, "bellpull_port_up{port=\"bp0\",netns=\"left\"} 0"));
}

TEST_CASE("every offload of every port is in the Prometheus text, on or off") {
  const std::string text = to_prometheus(test::sample_snapshot());
  const std::string name = "bellpull_offload";
  CHECK(has_line(text, name + R"({port="bp0",direction="rx",feature="uso"} 1)"));
  CHECK(has_line(text, name + R"({port="bp0",direction="rx",feature="tso4"} 0)"));
  CHECK(has_line(text, name + R"({port="bp0",direction="tx",feature="csum"} 1)"));
  CHECK(has_line(text, name + R"({port="bp0",direction="tx",feature="uso"} 0)"));
  CHECK(has_line(text, name + R"({port="bp0",netns="left",direction="tx",feature="tso6"} 1)"));
  CHECK(has_line(text, name + R"({port="sim0",direction="rx",feature="csum"} 0)"));
}

TEST_CASE("quotes, backslashes and line ends in a label's value are escaped") {
  tools::Snapshot snapshot = test::sample_snapshot();
  snapshot.nic.ports[0].name = "a\"b\\c\nd";
  const std::string text = to_prometheus(snapshot);
  CHECK(test::fault_in_exposition(text) == "");
  CHECK(has_line(text, R"(bellpull_port_up{port="a\"b\\c\nd"} 1)"));
}
