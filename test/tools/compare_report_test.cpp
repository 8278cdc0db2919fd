// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "sample_comparison.hpp"

using namespace bellpull;
using namespace bellpull::tools::compare;
using nlohmann::json;

namespace {

bool has(const std::string& text, std::string_view part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("compare: the table has a line per style, and its ratios to poll") {
  CHECK(to_table(test::sample_comparison()) ==
        "compare: simulated ports, engine thread, cores two, work 1000 ns, size 60, budget 64, "
        "seed 1\n"
        "A <CPU> & more, Linux 6.1.0 x86_64, bellpull 0.1.0 by g++ 12.2.0\n"
        "capacity 400000 frames/s; 6 repetitions of 0.5 s in random order\n"
        "\n"
        "mode interrupt, load 0.5 (200000 frames/s)\n"
        "  style           frames/s  share  loop ns  eng ns  sys ns  p50 us  p99 us  p99.9 us  "
        "bells  calls  burst  missed  dropped\n"
        "  push               82500  0.206     1212   12122     242    10.1   251.9    1000.0  "
        "0.250   0.50     64    58.7      0.0\n"
        "  poll              165000  0.412      606    6061     121    10.1   251.9    1000.0  "
        "0.250   0.50     64    17.5      0.0\n"
        "  poll (control)    165000  0.412      606    6061     121    10.1   251.9    1000.0  "
        "0.250   0.50     64    17.5      0.0\n"
        "  to poll                       frames/s           CPU per frame                     p99\n"
        "  push            0.500 [0.500, 0.500]    2.000 [2.000, 2.000]    1.000 [1.000, 1.000] =\n"
        "  poll (control)  1.000 [0.988, 1.012] =  1.000 [0.988, 1.013] =  1.000 [1.000, 1.000] =\n"
        "\n"
        "Medians. ns: of processor time per frame, in the loop's thread, in the engine's, and of "
        "both in the\n"
        "kernel; us: from when a frame was due to its hand-over; bells, calls (between driver and "
        "engine): per\n"
        "frame; burst: most frames in one hand-over; missed (for want of a buffer), dropped (after "
        "receiving):\n"
        "percent of the frames offered. Ratios to poll are taken within a repetition; [95 % "
        "interval], from 6 of\n"
        "them on; = no difference: it holds 1.\n");
}

TEST_CASE("compare: a ratio is taken within a repetition") {
  const auto scenes = scenes_of(test::sample_comparison());
  REQUIRE(scenes.size() == 1);
  REQUIRE(scenes[0].summaries.size() == 3);
  const Summary& push = scenes[0].summaries[0];
  CHECK(push.contender == Contender{.style = netdrv::Style::push});
  REQUIRE(push.ratio(Quantity::goodput));
  CHECK(push.ratio(Quantity::goodput)->median == doctest::Approx(0.5));
  REQUIRE(push.ratio(Quantity::goodput)->interval);
  // Between repetitions both differ by 6 %, but not the ratio.
  CHECK(push.ratio(Quantity::goodput)->interval->low == doctest::Approx(0.5));
  CHECK(push.ratio(Quantity::goodput)->interval->high == doctest::Approx(0.5));
  CHECK(push.ratio(Quantity::goodput)->differs_from(1));
  CHECK_FALSE(push.ratio(Quantity::p50));
  CHECK_FALSE(scenes[0].summaries[1].ratio(Quantity::goodput));
  REQUIRE(scenes[0].summaries[2].ratio(Quantity::goodput));
  CHECK_FALSE(scenes[0].summaries[2].ratio(Quantity::goodput)->differs_from(1));
}

TEST_CASE("compare: what the machine disturbed is marked and counts for nothing") {
  Results results = test::sample_comparison();
  const Summary before = scenes_of(results)[0].summaries[0];
  for (Measurement& one : results.measurements) {
    if (one.repetition != 2 || one.point.contender.style != netdrv::Style::push) continue;
    one.outcome.late = one.outcome.scheduled / 50;
    one.outcome.frames *= 100;
  }
  const Summary after = scenes_of(results)[0].summaries[0];
  CHECK(after.valid == 5);
  CHECK(after.invalid == 1);
  CHECK(after.value(Quantity::goodput)->median < 2 * before.value(Quantity::goodput)->median);
  CHECK(after.ratio(Quantity::goodput)->median == doctest::Approx(0.5));
  CHECK_FALSE(after.ratio(Quantity::goodput)->interval);  // five pairs are too few
  const std::string table = to_table(results);
  CHECK(has(table, "  1 invalid\n"));
  CHECK(has(table, "1 of 18 measurements are invalid"));
  for (Measurement& one : results.measurements) one.outcome.late = one.outcome.scheduled;
  const Summary none = scenes_of(results)[0].summaries[0];
  CHECK(none.valid == 0);
  CHECK_FALSE(none.value(Quantity::goodput));
  CHECK_FALSE(none.ratio(Quantity::goodput));
  CHECK(has(to_table(results), "  invalid\n"));
}

TEST_CASE("compare: a measurement without frames has no figures per frame") {
  const Measurement one = test::sample_measurement(0, {kBase, netdrv::Mode::poll, 1}, 0);
  CHECK(metric(Quantity::goodput).value(one) == 0.0);
  for (const Quantity quantity :
       {Quantity::cpu, Quantity::p50, Quantity::p999, Quantity::notifies, Quantity::border_calls}) {
    CHECK_FALSE(metric(quantity).value(one));
  }
  CHECK(metric(Quantity::missed).value(one) == 1.0);
}

TEST_CASE("compare: without a thread of the engine its time is not below nothing") {
  Measurement one = test::sample_measurement(0, {kBase, netdrv::Mode::poll, 1}, 50'000);
  one.outcome.engine_cpu = -0.001;
  CHECK(metric(Quantity::engine_cpu).value(one) == 0.0);
  CHECK(*metric(Quantity::cpu).value(one) == doctest::Approx(1000));
}

TEST_CASE("compare: a report that was ended early says so") {
  Results results = test::sample_comparison();
  CHECK_FALSE(has(to_table(results), "partial"));
  CHECK_FALSE(json::parse(to_json(results))["partial"].get<bool>());
  results.measurements.pop_back();
  CHECK(has(to_table(results), "\npartial: 17 of 18 measurements\n"));
  CHECK(json::parse(to_json(results))["partial"].get<bool>());
  results.measurements.clear();
  results.capacities.clear();
  CHECK(has(to_table(results), "\npartial: 0 of 18 measurements\n"));
  CHECK_FALSE(has(to_table(results), "mode interrupt"));
  const json empty = json::parse(to_json(results));
  CHECK(empty["measurements"].empty());
  CHECK(empty["capacity_per_second"]["median"] == 0);
}

TEST_CASE("compare: the JSON has the summary and every measurement") {
  const Results results = test::sample_comparison();
  const std::string text = to_json(results);
  CHECK(text.find('\n') == text.size() - 1);
  const json report = json::parse(text);
  CHECK(report["version"] == "0.1.0");
  CHECK(report["machine"]["processor"] == "A <CPU> & more");
  CHECK(report["options"]["styles"] == json({"push", "poll"}));
  CHECK(report["options"]["seed"] == 1);
  CHECK(report["planned"] == 18);
  CHECK(report["measured"] == 18);
  CHECK(report["capacity_per_second"]["median"] == 400'000);
  CHECK(report["capacity_per_second"]["each"].size() == 3);
  REQUIRE(report["scenes"].size() == 1);
  const json& scene = report["scenes"][0];
  CHECK(scene["offered_per_second"] == 200'000);
  REQUIRE(scene["styles"].size() == 3);
  CHECK(scene["styles"][2]["style"] == "poll (control)");
  CHECK(scene["styles"][0]["frames_per_second"]["median"] == 82'500);
  CHECK(scene["styles"][0]["ratio_to_poll"]["frames_per_second"]["differs"] == true);
  CHECK(scene["styles"][2]["ratio_to_poll"]["frames_per_second"]["differs"] == false);
  CHECK_FALSE(scene["styles"][1].contains("ratio_to_poll"));
  for (const Metric& metric : metrics()) {
    CHECK(scene["styles"][0][std::string(metric.name)]["median"].is_number());
  }
  REQUIRE(report["measurements"].size() == results.measurements.size());
  for (std::size_t i = 0; i < results.measurements.size(); ++i) {
    const Measurement& one = results.measurements[i];
    const json& raw = report["measurements"][i];
    CHECK(raw["repetition"] == one.repetition);
    CHECK(raw["style"] == one.point.contender.name());
    CHECK(raw["frames"] == one.outcome.frames);
    CHECK(raw["latency_ns"]["count"] == one.latency.count);
    CHECK(raw["valid"] == true);
  }
}

TEST_CASE("compare: frames that nobody can account for are in table and JSON") {
  Results results = test::sample_comparison();
  CHECK_FALSE(has(to_table(results), "unexplained"));
  results.measurements.front().outcome.unexplained = -2;
  results.measurements.back().outcome.unexplained = 3;
  CHECK(has(to_table(results), "5 frames are unexplained"));
  CHECK(json::parse(to_json(results))["measurements"].front()["unexplained"] == -2);
}

TEST_CASE("compare: a comparison on TAPs says so, and that the sender was late") {
  Results results = test::sample_comparison();
  results.options.ports = Ports::tap;
  results.options.engine = engine::Placement::driven;
  results.measurements.front().outcome.late = 2000;
  const std::string table = to_table(results);
  CHECK(has(table, "compare: from TAP to TAP, engine driven, NIC and sender on a core each, work"));
  CHECK(has(table, "more than 1 % of the frames were sent over 1 ms late"));
  CHECK(json::parse(to_json(results))["options"]["ports"] == "tap");
}
