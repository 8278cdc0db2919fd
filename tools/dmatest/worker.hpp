// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/latency_histogram.hpp"
#include "bellpull/ring/doorbell.hpp"
#include "failure.hpp"
#include "plan.hpp"
#include "planned_faults.hpp"
#include "timed_backend.hpp"
#include "transfer.hpp"

namespace bellpull::tools::dmatest {

/// Iterations without an end.
inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

/// What every worker of a test does.
struct Job {
  Shape shape;                                              ///< of the transfers
  engine::Placement placement = engine::Placement::driven;  ///< of the engine
  engine::QueueLayout layout = engine::QueueLayout::split;  ///< of the ring
  unsigned depth = 16;                                      ///< transfers in flight at most
  std::uint64_t iterations = kUnlimited;                    ///< transfers after which it is over
  std::uint64_t seed = 1;                                   ///< of all that is random
  bool verify = true;                                       ///< false: only measure
  engine::FaultPlan faults{};                           ///< put into the back-end; no rules: none
  std::chrono::nanoseconds stuck_after{5'000'000'000};  ///< without any completion
};

/// What one operation came to.
struct OperationTotals {
  std::uint64_t transfers = 0;  ///< that ended and were in order
  std::uint64_t bytes = 0;      ///< as the completions say
};

/// What a worker, or all of them, came to.
struct Totals {
  std::array<OperationTotals, engine::kOperations> operations{};  ///< by operation
  netdrv::LatencyHistogram latency_ns;   ///< from submit to the poll() that pulled the completion
  netdrv::LatencyHistogram idle_gap_ns;  ///< see Timing
  std::uint64_t work_ns = 0;             ///< see Timing
  std::uint64_t verify_ns = 0;           ///< filling memory and looking at it
  std::uint64_t run_ns = 0;  ///< from the first transfer to the last; of several: the longest
  std::uint64_t digest = 0;  ///< sum over the plans, see digest_of()
  std::uint64_t failed_as_planned = 0;  ///< transfers that were made to fail, and did
  std::array<std::uint64_t, engine::kFaultKinds> faults{};  ///< that came to pass, by FaultKind

  /// Of all operations.
  [[nodiscard]] OperationTotals all() const noexcept;
  /// Adds another worker's.
  void merge(const Totals& other) noexcept;
};

/// One client with a channel and an engine of its own, which keeps transfers in flight and looks at
/// what comes back. Made and destroyed on one thread; run() may be on another.
class Worker {
 public:
  /// Throws what Engine and its channels throw, and std::bad_alloc.
  Worker(const Job& job, unsigned thread, std::unique_ptr<engine::Backend> backend,
         const std::atomic<bool>& stop);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// Until all iterations are done, or `stop` is set and nothing is in flight, or something is
  /// wrong; then stops the channel. Once.
  void run() noexcept;

  /// Transfers and bytes so far. Any thread.
  [[nodiscard]] OperationTotals so_far() const noexcept {
    return {transfers_.value(), bytes_.value()};
  }

  /// Steps so far, of any kind: while it stands still, the thread is in somebody else's hands. Any
  /// thread.
  [[nodiscard]] std::uint64_t beats() const noexcept { return beats_.value(); }

  /// What ended it, if that was a failure; known before the channel is stopped, which a back-end
  /// that hangs may never allow. Null until then. Any thread.
  [[nodiscard]] const Failure* early_failure() const noexcept {
    // pairs with the release in run()
    return ended_.load(std::memory_order_acquire) && failure_ ? &*failure_ : nullptr;
  }

  /// After run(): what it came to, and what went wrong, if anything.
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }
  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }

 private:
  void loop();
  void keep_in_flight();
  void prepare_next();
  [[nodiscard]] bool post_next();
  unsigned collect();
  [[nodiscard]] bool finish(const engine::OperationCompletion& completion, std::uint64_t now);
  void wait();
  [[nodiscard]] bool is_stuck();
  void judge_reports();
  [[nodiscard]] Failure without_transfer(FailureKind kind, std::string what) const;
  [[nodiscard]] Transfer& slot(std::uint64_t iteration) noexcept {
    return slots_[iteration % slots_.size()];
  }
  [[nodiscard]] std::uint64_t in_flight() const noexcept { return submitted_ - finished_; }

  const Job& job_;
  const unsigned thread_;
  const std::atomic<bool>& stop_;
  PlannedFaults faults_;
  Timing timing_;
  std::vector<Transfer> slots_;
  std::vector<engine::OperationCompletion> done_;
  ring::Doorbell bell_;
  engine::Engine engine_;
  std::unique_ptr<engine::OperationChannel> channel_;
  std::uint64_t prepared_ = 0;  // iterations of which memory is filled
  std::uint64_t submitted_ = 0;
  std::uint64_t finished_ = 0;
  std::uint64_t last_progress_ns_ = 0;
  engine::Counter transfers_;
  engine::Counter bytes_;
  engine::Counter beats_;
  std::atomic<bool> ended_{false};
  Totals totals_;
  std::optional<Failure> failure_;
};

}  // namespace bellpull::tools::dmatest
