// SPDX-License-Identifier: BSD-2-Clause
// Each back-end here does one thing wrong once; the tool has to find it and say which transfer it
// was.
#include <doctest/doctest.h>

#include <string>

#include "broken_backend.hpp"
#include "dmatest_rig.hpp"

namespace bellpull::test {
namespace {

using tools::dmatest::Failure;
using tools::dmatest::FailureKind;
using tools::dmatest::Report;

struct Case {
  Breakage breakage;
  FailureKind kind;
  const char* place;  // that the description names
};

constexpr Case kCases[] = {
    {Breakage::drops_last_byte, FailureKind::mismatch, "mismatch: destination"},
    {Breakage::corrupts_byte, FailureKind::mismatch, "mismatch: destination"},
    {Breakage::writes_past_end, FailureKind::mismatch, "mismatch: guard behind segment"},
    {Breakage::writes_before_begin, FailureKind::mismatch, "mismatch: guard "},
    {Breakage::forgets_segment, FailureKind::mismatch, "mismatch: destination"},
    {Breakage::shifts_by_32, FailureKind::mismatch, "mismatch: destination"},
    {Breakage::changes_source, FailureKind::mismatch, "mismatch: source, which is only read"},
    {Breakage::wrong_checksum, FailureKind::mismatch, "mismatch: checksum"},
    {Breakage::says_equal, FailureKind::mismatch, "mismatch: verdict of compare"},
    {Breakage::says_differs, FailureKind::mismatch, "mismatch: verdict of compare"},
    {Breakage::wrong_difference, FailureKind::mismatch, "offset of the first difference"},
    {Breakage::says_fewer_bytes, FailureKind::failed, "failed: ended as failed"},
    {Breakage::fails, FailureKind::failed, "Input/output error"},
    {Breakage::reports_twice, FailureKind::mismatch, "reports of transfers that it did not have"},
    {Breakage::never_completes, FailureKind::stuck, "stuck: no transfer ended for"},
};

struct Outcome {
  Report report;
  BreakageLog log;
};

[[nodiscard]] Outcome run_broken(const DmatestSetting& setting, Breakage breakage,
                                 bool verify = true) {
  tools::dmatest::Words words = dmatest_words(setting);
  if (breakage == Breakage::never_completes) words.timeout = "0.5";
  words.no_verify = !verify;
  Outcome outcome;
  std::vector<std::unique_ptr<engine::Backend>> backends;
  backends.push_back(std::make_unique<BrokenBackend>(breakage, outcome.log));
  outcome.report = run_workers(understand(words), std::move(backends));
  return outcome;
}

[[nodiscard]] bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE(
    "checks 2 and 22: every breakage is found, and the transfer is named, or all that are out") {
  for (const DmatestSetting& setting : kDmatestSettings) {
    for (const Case& expected : kCases) {
      CAPTURE(setting.engine);
      CAPTURE(setting.layout);
      CAPTURE(expected.place);
      const auto [report, log] = run_broken(setting, expected.breakage);
      REQUIRE(log.broken);
      REQUIRE(report.failures.size() == 1);
      const Failure& failure = report.failures.front();
      const std::string text = describe(report.options, failure);
      CAPTURE(text);
      CHECK(failure.kind == expected.kind);
      CHECK(report.verdict() == name_of(expected.kind));
      CHECK(contains(text, expected.place));
      CHECK(text.find('\n') == std::string::npos);
      if (expected.breakage == Breakage::reports_twice) continue;
      REQUIRE(!failure.transfers.empty());
      CHECK(failure.transfers.front().iteration == *log.broken);
      CHECK(report.totals.all().transfers == *log.broken);
      CHECK(contains(text, "thread 0, iteration " + std::to_string(*log.broken) + ", " +
                               name_of(failure.transfers.front().operation) + " of "));
      CHECK(contains(text, "seed of the run 42"));
      CHECK(contains(text, "do it again with: bellpull dmatest --backend copy"));
      if (expected.kind == FailureKind::stuck) {
        CHECK(failure.transfers.size() == report.options.job.depth);
      } else {
        CHECK(failure.transfers.size() == 1);
      }
      for (std::size_t i = 0; i < failure.transfers.size(); ++i) {
        CHECK(failure.transfers[i].iteration == *log.broken + i);
      }
      CHECK(contains(to_table(report), text));
      CHECK(contains(to_table(report), describe(failure.transfers.front())));
    }
  }
}

TEST_CASE("the first wrong byte is given as it is and as it has to be") {
  const auto [report, log] = run_broken({"driven", "split"}, Breakage::corrupts_byte);
  REQUIRE(report.failures.size() == 1);
  REQUIRE(report.failures.front().fault);
  const auto& fault = *report.failures.front().fault;
  CHECK((fault.expected ^ fault.seen) == 1);
  CHECK(fault.offset < report.failures.front().transfers.front().length);
}

TEST_CASE("without verification failures are found all the same, and wrong bytes are not") {
  for (const Breakage breakage :
       {Breakage::fails, Breakage::says_fewer_bytes, Breakage::never_completes}) {
    CHECK(run_broken({"driven", "split"}, breakage, false).report.failures.size() == 1);
  }
  const Outcome blind = run_broken({"driven", "split"}, Breakage::wrong_checksum, false);
  CHECK(blind.log.broken);
  CHECK(blind.report.failures.empty());
  CHECK(blind.report.verdict() == "not verified");
}

}  // namespace
}  // namespace bellpull::test
