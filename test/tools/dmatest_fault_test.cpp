// SPDX-License-Identifier: BSD-2-Clause
// Faults put into a good back-end: what it has to report is expected and no more than that is
// forgiven, what it hides is found.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "bellpull/engine/fault_backend.hpp"
#include "dmatest_rig.hpp"

namespace bellpull::test {
namespace {

using engine::FaultKind;
using tools::dmatest::FailureKind;
using tools::dmatest::Report;
using tools::dmatest::Words;

[[nodiscard]] Report run_with(const DmatestSetting& setting, const std::string& plan) {
  Words words = dmatest_words(setting);
  words.fault = plan;
  words.timeout = "0.3";
  words.threads = "2";
  return run_workers(understand(words));
}

[[nodiscard]] std::uint64_t faults(const Report& report, FaultKind kind) {
  return report.totals.faults[static_cast<unsigned>(kind)];
}

TEST_CASE(
    "check 22: transfers that are made to fail do so, having done what they say and no more") {
  for (const DmatestSetting& setting : kDmatestSettings) {
    for (const auto& each :
         {std::pair{"every=7:read-error:errno=5", FaultKind::read_error},
          std::pair{"copy,fill:every=3:offset=2:write-error:segment=1", FaultKind::write_error},
          std::pair{"chance=100000:timeout;seed=9", FaultKind::timeout}}) {
      const char* const plan = each.first;
      const FaultKind kind = each.second;
      CAPTURE(setting.engine);
      CAPTURE(setting.layout);
      CAPTURE(plan);
      const Report report = run_with(setting, plan);
      CHECK(report.failures.empty());
      CHECK(report.verdict() == "verified");
      CHECK(faults(report, kind) > 100);
      CHECK(report.totals.failed_as_planned == faults(report, kind));
      CHECK(report.totals.all().transfers == 3000 - faults(report, kind));
    }
  }
}

TEST_CASE(
    "check 22, check 23: what comes late is in order, and what nobody should report is refused") {
  for (const DmatestSetting& setting : kDmatestSettings) {
    CAPTURE(setting.engine);
    CAPTURE(setting.layout);
    const Report report = run_with(setting, "every=20:late;every=7:duplicate;every=9:garbage-id");
    CHECK(report.failures.empty());
    CHECK(faults(report, FaultKind::late) > 100);
    CHECK(faults(report, FaultKind::duplicate) > 100);
    CHECK(faults(report, FaultKind::garbage_id) > 100);
    CHECK(report.totals.all().transfers == 3000);
  }
}

TEST_CASE("check 22: changed bytes, false success and what never ends are found") {
  for (const auto& each : {std::pair{"copy:every=100:corrupt", FailureKind::mismatch},
                           std::pair{"crc32c:every=100:corrupt", FailureKind::mismatch},
                           std::pair{"fill:every=50:false-success", FailureKind::mismatch},
                           std::pair{"offset=200:limit=1:stuck", FailureKind::stuck}}) {
    const char* const plan = each.first;
    const FailureKind kind = each.second;
    CAPTURE(plan);
    const Report report = run_with({"thread", "split"}, plan);
    REQUIRE_FALSE(report.failures.empty());
    CHECK(report.failures.front().kind == kind);
    CHECK(
        describe(report.options, report.failures.front()).find(" --fault '" + std::string(plan)) !=
        std::string::npos);
  }
}

TEST_CASE("an error that was not put in is a failure, and so is one too many") {
  Words words = dmatest_words({"driven", "split"});
  words.fault = "limit=1:read-error:errno=6";
  const auto options = understand(words);
  static engine::FaultCounters counters;
  const auto run_over = [&](const char* plan) {
    std::vector<std::unique_ptr<engine::Backend>> backends;
    backends.push_back(engine::make_fault_backend(make_backend(*options.backend),
                                                  engine::parse_fault(plan).plan, counters));
    return run_workers(options, std::move(backends));
  };
  const Report other = run_over("every=100:write-error:errno=5");
  REQUIRE(other.failures.size() == 1);
  CHECK(other.failures.front().kind == FailureKind::failed);
  const Report more = run_over("every=100:read-error:errno=6");
  REQUIRE(more.failures.size() == 1);
  CHECK(more.failures.front().what.find("1 transfers were made to fail, and") == 0);
}

}  // namespace
}  // namespace bellpull::test
