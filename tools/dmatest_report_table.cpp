// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <iterator>

#include "dmatest_report.hpp"

namespace bellpull::tools::dmatest {

namespace {

void add_head(std::string& text, const Report& report) {
  const Words& words = report.options.words;
  fmt::format_to(std::back_inserter(text),
                 "dmatest: {} back-end, engine {}, layout {}, threads {}, depth {}, seed {}\n"
                 "transfers of {} to {} bytes in up to {} segments\n",
                 words.backend, words.engine, words.layout, report.options.threads,
                 report.options.job.depth, report.options.job.seed, report.options.job.shape.least,
                 report.options.job.shape.most, report.options.job.shape.segments);
}

void add_operations(std::string& text, const Report& report) {
  constexpr const char* kRow = "  {:<12} {:>12} {:>16}\n";
  const auto out = std::back_inserter(text);
  fmt::format_to(out, fmt::runtime(kRow), "operation", "transfers", "bytes");
  for (const engine::Operation operation : report.options.job.shape.operations) {
    const OperationTotals& one = report.totals.operations[static_cast<std::size_t>(operation)];
    fmt::format_to(out, fmt::runtime(kRow), name_of(operation), one.transfers, one.bytes);
  }
  const OperationTotals all = report.totals.all();
  fmt::format_to(out, fmt::runtime(kRow), "all", all.transfers, all.bytes);
}

void add_faults(std::string& text, const Report& report) {
  if (report.options.job.faults.rules.empty()) return;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "faults put in, {}:", to_text(report.options.job.faults));
  for (unsigned i = 0; i < engine::kFaultKinds; ++i) {
    if (report.totals.faults[i] == 0) continue;
    fmt::format_to(out, " {} {}", name_of(static_cast<engine::FaultKind>(i)),
                   report.totals.faults[i]);
  }
  fmt::format_to(out, "; transfers that failed as planned: {}\n", report.totals.failed_as_planned);
}

void add_times(std::string& text, const Report& report) {
  constexpr double kMega = 1e6;
  const auto out = std::back_inserter(text);
  fmt::format_to(out,
                 "in {:.3f} s: {:.0f} transfers/s, {:.1f} MB/s, verification included ({:.3f} s, "
                 "all threads)\n",
                 report.seconds(), report.transfers_per_second(), report.bytes_per_second() / kMega,
                 report.verify_seconds());
  fmt::format_to(out, "back-ends at work for {:.3f} s (all channels): {:.1f} MB/s meanwhile\n",
                 report.work_seconds(), report.bytes_per_work_second() / kMega);
}

void add_quantiles(std::string& text, std::string_view title,
                   const netdrv::LatencyHistogram& histogram) {
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{}: count {}", title, histogram.count());
  for (const Quantile& quantile : kQuantiles) {
    fmt::format_to(out, ", {} {}", quantile.name, histogram.quantile(quantile.share));
  }
  fmt::format_to(out, ", max {}, sum {}\n", histogram.max(), histogram.sum());
}

void add_bands(std::string& text, const netdrv::LatencyHistogram& histogram) {
  for (const netdrv::LatencyHistogram::Band& band : histogram.bands()) {
    fmt::format_to(std::back_inserter(text), "  up to {:>12} ns {:>12}\n", band.up_to, band.count);
  }
}

void add_failure(std::string& text, const Report& report, const Failure& failure) {
  text += "failure: " + describe(report.options, failure) + '\n';
  for (const Plan& plan : failure.transfers) text += "  " + describe(plan) + '\n';
}

}  // namespace

std::string to_table(const Report& report) {
  std::string text;
  add_head(text, report);
  add_operations(text, report);
  add_faults(text, report);
  add_times(text, report);
  add_quantiles(text, "latency, submit to poll, ns", report.totals.latency_ns);
  add_bands(text, report.totals.latency_ns);
  add_quantiles(text, "idle gap of the back-end, ns", report.totals.idle_gap_ns);
  add_bands(text, report.totals.idle_gap_ns);
  for (const Failure& failure : report.failures) add_failure(text, report, failure);
  text += fmt::format("{}{}; digest of the transfers {:016x}\n", report.verdict(),
                      report.interrupted ? ", interrupted" : "", report.totals.digest);
  return text;
}

}  // namespace bellpull::tools::dmatest
