// SPDX-License-Identifier: BSD-2-Clause
// The life of a test:
//   1. the words are understood; memory, engines and channels are made, a worker each
//   2. every worker runs on a thread of its own; this one waits for signals, the end of the
//      duration and them, and shows how far they are (watch)
//   3. added up and printed (report)
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "bellpull/ring/doorbell.hpp"
#include "commands.hpp"
#include "dmatest_report.hpp"
#include "sink.hpp"
#include "stop.hpp"

namespace bellpull::tools {

namespace {

using dmatest::Options;
using dmatest::Worker;
using SteadyClock = std::chrono::steady_clock;

constexpr int kLookEveryMs = 200;
// How much longer than a stuck transfer a worker may be away: what it fills and looks at is large.
constexpr std::chrono::seconds kAway{10};

class Test {
 public:
  explicit Test(const Options& options);

  /// Returns when every worker has ended.
  void run(Stop& stop);
  [[nodiscard]] dmatest::Report report() const;

 private:
  void watch(Stop& stop);
  void give_up_if_away();
  void show_progress() const;

  const Options& options_;
  std::atomic<bool> stop_workers_{false};
  std::atomic<unsigned> running_{0};
  ring::Doorbell one_ended_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  SteadyClock::time_point begin_ = SteadyClock::now();
  SteadyClock::time_point last_beat_ = begin_;
  std::uint64_t beats_ = 0;
  bool interrupted_ = false;
};

Test::Test(const Options& options) : options_(options) {
  if (const ring::SetupStatus status = one_ended_.make(); !status) {
    throw std::system_error(status.number, std::generic_category(),
                            "eventfd for the end of the threads (raise `ulimit -n`?)");
  }
  for (unsigned i = 0; i < options.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(
        options.job, i, dmatest::make_backend(*options.backend), stop_workers_));
  }
}

void Test::run(Stop& stop) {
  begin_ = last_beat_ = SteadyClock::now();
  if (options_.duration) stop.after(*options_.duration);
  running_ = options_.threads;
  try {
    for (const auto& worker : workers_) {
      threads_.emplace_back([this, &worker] {
        worker->run();
        running_.fetch_sub(1);
        one_ended_.ring();
      });
    }
    watch(stop);
  } catch (...) {
    stop_workers_ = true;
    for (std::thread& thread : threads_) thread.join();
    throw;
  }
  for (std::thread& thread : threads_) thread.join();
}

void Test::watch(Stop& stop) {
  while (running_ != 0) {
    stop.wait(one_ended_.fd(), kLookEveryMs);
    one_ended_.hear();
    const bool failed = std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
      return worker->early_failure() != nullptr;
    });
    if (stop.requested() || failed) stop_workers_ = true;
    if (terminal_) show_progress();
    give_up_if_away();
  }
  const auto elapsed = SteadyClock::now() - begin_;
  interrupted_ = stop.requested() && !(options_.duration && elapsed >= *options_.duration);
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

// A back-end that does not return keeps a worker for ever, and then nothing can be taken down.
void Test::give_up_if_away() {
  std::uint64_t beats = running_;
  for (const auto& worker : workers_) beats += worker->beats();
  const auto now = SteadyClock::now();
  if (beats != beats_) last_beat_ = now;
  beats_ = beats;
  if (now - last_beat_ < options_.job.stuck_after + kAway) return;
  std::uint64_t last = 0;
  for (const auto& worker : workers_) last = std::max(last, worker->so_far().transfers);
  std::string why = "no thread comes back from the engine; do it again with: " +
                    command_again(options_, last + options_.job.depth);
  for (const auto& worker : workers_) {
    if (const auto* failure = worker->early_failure()) why = describe(options_, *failure);
  }
  complain(fmt::format("dmatest: {} back-end: it does not return, so nothing can be stopped: {}",
                       options_.words.backend, why));
  std::_Exit(kExitFailure);
}

void Test::show_progress() const {
  dmatest::OperationTotals sum;
  for (const auto& worker : workers_) {
    sum.transfers += worker->so_far().transfers;
    sum.bytes += worker->so_far().bytes;
  }
  const std::chrono::duration<double> elapsed = SteadyClock::now() - begin_;
  fmt::print(stderr, "\rdmatest: {} transfers, {} MiB, {:.0f} s\033[K", sum.transfers,
             sum.bytes >> 20, elapsed.count());
}

dmatest::Report Test::report() const {
  dmatest::Report report{
      .options = options_, .totals = {}, .failures = {}, .interrupted = interrupted_};
  for (const auto& worker : workers_) {
    report.totals.merge(worker->totals());
    if (worker->failure()) report.failures.push_back(*worker->failure());
  }
  return report;
}

}  // namespace

ExitStatus run_dmatest(const dmatest::Words& words) {
  const Options options = dmatest::understand(words);
  Stop stop;
  Test test(options);
  test.run(stop);
  const dmatest::Report report = test.report();
  write_out(options.format == Format::json ? to_json(report) : to_table(report));
  if (report.failures.empty()) return kExitOk;
  complain(describe(options, report.failures.front()));
  return kExitFailure;
}

}  // namespace bellpull::tools
