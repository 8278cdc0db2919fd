// SPDX-License-Identifier: BSD-2-Clause
#include "dmatest_report.hpp"

#include <fmt/format.h>

namespace bellpull::tools::dmatest {

namespace {

[[nodiscard]] double seconds_of(std::uint64_t ns) noexcept {
  return static_cast<double>(ns) / 1e9;
}

[[nodiscard]] double rate(std::uint64_t count, double seconds) noexcept {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace

double Report::seconds() const noexcept {
  return seconds_of(totals.run_ns);
}

double Report::work_seconds() const noexcept {
  return seconds_of(totals.work_ns);
}

double Report::verify_seconds() const noexcept {
  return seconds_of(totals.verify_ns);
}

double Report::transfers_per_second() const noexcept {
  return rate(totals.all().transfers, seconds());
}

double Report::bytes_per_second() const noexcept {
  return rate(totals.all().bytes, seconds());
}

double Report::bytes_per_work_second() const noexcept {
  return rate(totals.all().bytes, work_seconds());
}

std::string_view Report::verdict() const noexcept {
  if (!failures.empty()) return name_of(failures.front().kind);
  return options.job.verify ? "verified" : "not verified";
}

std::string describe(const Options& options, const Failure& failure) {
  std::string line =
      fmt::format("dmatest: {} back-end: {}", options.words.backend, describe(failure));
  if (failure.transfers.empty()) {
    return line + fmt::format(" (thread {}, seed {}): the back-end is at fault, or the engine",
                              failure.thread, options.job.seed);
  }
  const Plan& first = failure.transfers.front();
  line +=
      fmt::format("{}: {}, seed of the run {}", failure.transfers.size() > 1 ? ", the oldest" : "",
                  describe(first), options.job.seed);
  const std::uint64_t last = failure.transfers.back().iteration;
  return line + "; do it again with: " + command_again(options, last);
}

}  // namespace bellpull::tools::dmatest
