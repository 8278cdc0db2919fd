// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "dmatest_rig.hpp"
#include "statistics_checker.hpp"

namespace bellpull::test {
namespace {

using nlohmann::json;
using tools::dmatest::Report;
using tools::dmatest::Words;

TEST_CASE("check 1: every operation verifies in every placement and layout, the same transfers") {
  std::string digest;
  for (const DmatestSetting& setting : kDmatestSettings) {
    CAPTURE(setting.engine);
    CAPTURE(setting.layout);
    Words words = dmatest_words(setting);
    words.threads = "2";
    const Report report = run_workers(understand(words));
    const std::string text = to_json(report);
    CAPTURE(text);
    CHECK(report.verdict() == "verified");
    CHECK(fault_in_dmatest(text) == "");
    const json object = json::parse(text);
    CHECK(object["transfers"] == 3000);
    CHECK(object["failures"].empty());
    CHECK(object["operations"].size() == 6);
    for (const json& one : object["operations"]) CHECK(one["transfers"] > 300);
    if (digest.empty()) digest = object["digest"];
    CHECK(object["digest"] == digest);
  }
}

TEST_CASE("each operation alone, with any segments, depth and size") {
  for (const char* ops : {"nop", "copy", "fill", "crc32c", "copy_crc32c", "compare"}) {
    for (const char* segments : {"1", "64"}) {
      for (const char* depth : {"1", "300"}) {
        CAPTURE(ops);
        CAPTURE(segments);
        CAPTURE(depth);
        Words words = dmatest_words({"thread", "packed"});
        words.ops = ops;
        words.segments = segments;
        words.depth = depth;
        words.size = "300";
        words.iterations = "400";
        const Report report = run_workers(understand(words));
        CHECK(report.failures.empty());
        CHECK(report.totals.all().transfers == 400);
        const bool fixed = words.ops != "nop" && words.ops != "compare";
        if (fixed) CHECK(report.totals.all().bytes == 400 * 300);
      }
    }
  }
}

TEST_CASE("another seed does other transfers, the depth makes no difference") {
  const auto digest_for = [](const char* seed, const char* depth) {
    Words words = dmatest_words({"driven", "split"});
    words.iterations = "200";
    words.seed = seed;
    words.depth = depth;
    return run_workers(understand(words)).totals.digest;
  };
  CHECK(digest_for("1", "1") == digest_for("1", "64"));
  CHECK(digest_for("1", "16") != digest_for("2", "16"));
}

TEST_CASE("a ring that cannot hold all that should be in flight is no failure") {
  Words words = dmatest_words({"thread", "split"});
  words.segments = "64";
  words.depth = "1500";
  words.size = "1-2k";
  words.iterations = "4000";
  const Report report = run_workers(understand(words));
  CHECK(report.failures.empty());
  CHECK(report.totals.all().transfers == 4000);
}

TEST_CASE("without verification nothing is filled, and the whole of every comparison is run") {
  Words words = dmatest_words({"driven", "split"});
  words.no_verify = true;
  words.ops = "compare";
  words.size = "100";
  const Report report = run_workers(understand(words));
  CHECK(report.verdict() == "not verified");
  CHECK(report.totals.all().bytes == 1500 * 100);
  CHECK(report.totals.verify_ns == 0);
}

TEST_CASE("an idle gap needs a transfer that is waiting") {
  Words words = dmatest_words({"driven", "split"});
  words.depth = "1";
  CHECK(run_workers(understand(words)).totals.idle_gap_ns.count() == 0);
  words.depth = "64";
  CHECK(run_workers(understand(words)).totals.idle_gap_ns.count() > 700);
}

TEST_CASE("the table has the numbers of the JSON") {
  const Report report = run_workers(understand(dmatest_words({"driven", "split"})));
  const std::string table = to_table(report);
  const json object = json::parse(to_json(report));
  for (const json& value : {object["transfers"], object["bytes"], object["latency_ns"]["p99.9"],
                            object["latency_ns"]["sum"], object["idle_gap_ns"]["count"],
                            object["idle_gap_ns"]["max"], object["operations"]["fill"]["bytes"]}) {
    CAPTURE(value.dump());
    CHECK(table.find(value.dump()) != std::string::npos);
  }
  CHECK(table.find(object["digest"].get<std::string>()) != std::string::npos);
}

}  // namespace
}  // namespace bellpull::test
