// SPDX-License-Identifier: BSD-2-Clause
#include "worker.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "clock.hpp"

namespace bellpull::tools::dmatest {

namespace {

constexpr std::uint32_t kMostSlots = 32768;
constexpr unsigned kRunLimit = 64;
// Of what is in flight at most one in so many is looked at before others are submitted, so that
// the engine has something to do meanwhile.
constexpr unsigned kPollShare = 4;
constexpr int kLookEveryMs = 50;

// Enough for all that is in flight where the ring can be so large, and otherwise the ring is full
// at times, which has to go well too.
[[nodiscard]] std::uint32_t ring_size(const Job& job) noexcept {
  return std::min<std::uint32_t>(kMostSlots, std::bit_ceil(job.depth * 2 * job.shape.segments));
}

void ring_bell(void* bell) noexcept {
  static_cast<ring::Doorbell*>(bell)->ring();
}

[[nodiscard]] ring::Doorbell make_bell() {
  ring::Doorbell bell;
  if (const ring::SetupStatus status = bell.make(); !status) {
    throw std::system_error(status.number, std::generic_category(),
                            "eventfd for the bell of a channel (raise `ulimit -n`?)");
  }
  return bell;
}

}  // namespace

OperationTotals Totals::all() const noexcept {
  OperationTotals sum;
  for (const OperationTotals& one : operations) {
    sum.transfers += one.transfers;
    sum.bytes += one.bytes;
  }
  return sum;
}

void Totals::merge(const Totals& other) noexcept {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    operations[i].transfers += other.operations[i].transfers;
    operations[i].bytes += other.operations[i].bytes;
  }
  latency_ns.merge(other.latency_ns);
  idle_gap_ns.merge(other.idle_gap_ns);
  work_ns += other.work_ns;
  verify_ns += other.verify_ns;
  run_ns = std::max(run_ns, other.run_ns);
  digest += other.digest;
  failed_as_planned += other.failed_as_planned;
  for (std::size_t i = 0; i < faults.size(); ++i) faults[i] += other.faults[i];
}

Worker::Worker(const Job& job, unsigned thread, std::unique_ptr<engine::Backend> backend,
               const std::atomic<bool>& stop)
    : job_(job),
      thread_(thread),
      stop_(stop),
      faults_(job.faults, thread),
      done_(std::max(1U, job.depth / kPollShare)),
      bell_(make_bell()),
      engine_({.placement = job.placement}) {
  slots_.reserve(job.depth);
  for (unsigned i = 0; i < job.depth; ++i) slots_.emplace_back(job.shape, job.verify);
  channel_ = engine_.open_operations(
      {.size = ring_size(job), .notify = {&ring_bell, &bell_}, .layout = job.layout},
      make_timed(faults_.around(std::move(backend)), timing_));
}

Worker::~Worker() = default;

void Worker::run() noexcept {
  const std::uint64_t begin = now_ns();
  last_progress_ns_ = begin;
  try {
    loop();
  } catch (const std::exception& error) {
    failure_ = without_transfer(FailureKind::failed, error.what());
  }
  totals_.run_ns = now_ns() - begin;
  ended_.store(true, std::memory_order_release);  // pairs with the acquire in early_failure()
  channel_->stop();
  if (!failure_) judge_reports();
  totals_.idle_gap_ns.merge(timing_.idle_gap_ns);
  totals_.work_ns = timing_.work_ns;
  for (unsigned i = 0; i < engine::kFaultKinds; ++i) {
    totals_.faults[i] = faults_.of(static_cast<engine::FaultKind>(i));
  }
}

void Worker::loop() {
  for (;;) {
    beats_.add(1);
    keep_in_flight();
    if (in_flight() == 0) return;
    engine_.run(kRunLimit);
    if (collect() == 0) wait();
    if (failure_ || is_stuck()) return;
  }
}

// Memory is filled before anything is submitted, so that it is no part of a latency.
void Worker::keep_in_flight() {
  while (prepared_ - finished_ < slots_.size() && prepared_ < job_.iterations &&
         !stop_.load(std::memory_order_relaxed)) {
    prepare_next();
  }
  const std::uint64_t before = submitted_;
  while (submitted_ != prepared_ && post_next()) {
  }
  if (submitted_ == before) return;
  channel_->issue();
  timing_.issued.add(submitted_ - before);
  last_progress_ns_ = now_ns();
}

void Worker::prepare_next() {
  beats_.add(1);
  Transfer& transfer = slot(prepared_);
  const std::uint64_t begin = now_ns();
  make_plan(job_.shape, job_.seed, thread_, prepared_, transfer.plan());
  transfer.prepare();
  if (job_.verify) totals_.verify_ns += now_ns() - begin;
  ++prepared_;
}

// False when the ring has no room for it now.
bool Worker::post_next() {
  Transfer& transfer = slot(submitted_);
  const engine::OperationRequest request = transfer.request();
  transfer.submitted_ns = now_ns();
  const engine::PrepareError error = channel_->post({&request, 1});
  if (error.kind == engine::PrepareError::Kind::would_block && in_flight() != 0) return false;
  if (error.kind == engine::PrepareError::Kind::none) {
    ++submitted_;
    return true;
  }
  failure_ = {.kind = FailureKind::failed,
              .thread = thread_,
              .what = "prepare refused it: " + std::string(describe(error.reason)),
              .fault = {},
              .transfers = {transfer.plan()}};
  return false;
}

unsigned Worker::collect() {
  const unsigned count = channel_->poll(done_);
  if (count == 0) return 0;
  const std::uint64_t now = now_ns();
  for (unsigned i = 0; i < count && finish(done_[i], now); ++i) {
  }
  last_progress_ns_ = now_ns();
  return count;
}

bool Worker::finish(const engine::OperationCompletion& completion, std::uint64_t now) {
  beats_.add(1);
  // They end in the order in which they were submitted.
  Transfer& transfer = slot(finished_);
  const std::uint64_t begin = now_ns();
  const bool planned =
      completion.status == engine::Status::failed && faults_.expects(completion.error);
  std::optional<Failure> failure =
      planned ? transfer.check_failed(completion) : transfer.check(completion);
  if (job_.verify) totals_.verify_ns += now_ns() - begin;
  if (failure) {
    failure_ = std::move(failure);
    return false;
  }
  if (planned) {
    ++totals_.failed_as_planned;
    ++finished_;
    return true;
  }
  OperationTotals& totals = totals_.operations[static_cast<std::size_t>(transfer.plan().operation)];
  ++totals.transfers;
  totals.bytes += completion.bytes;
  totals_.latency_ns.add(now - transfer.submitted_ns);
  totals_.digest += digest_of(transfer.plan());
  transfers_.add(1);
  bytes_.add(completion.bytes);
  ++finished_;
  return true;
}

// Driven, it is this thread that has to go on.
void Worker::wait() {
  if (job_.placement == engine::Placement::driven) {
    engine_.retry_blocked();
    if (!engine_.runnable()) ::sched_yield();
  } else if (channel_->arm() == engine::Armed::armed) {
    static_cast<void>(bell_.wait(kLookEveryMs));
  }
}

bool Worker::is_stuck() {
  if (in_flight() == 0) return false;
  const auto limit = static_cast<std::uint64_t>(job_.stuck_after.count());
  const std::uint64_t idle = now_ns() - last_progress_ns_;
  if (idle < limit) return false;
  failure_ = {.kind = FailureKind::stuck,
              .thread = thread_,
              .what = "no transfer ended for " + std::to_string(idle / 1'000'000) + " ms, " +
                      std::to_string(in_flight()) + " are out",
              .fault = {},
              .transfers = {}};
  for (std::uint64_t i = finished_; i != submitted_; ++i) {
    failure_->transfers.push_back(slot(i).plan());
  }
  return true;
}

void Worker::judge_reports() {
  const std::uint64_t bad = channel_->stats().bad_done;
  if (bad > faults_.bad_reports()) {
    failure_ = without_transfer(FailureKind::mismatch,
                                "the back-end made " + std::to_string(bad) +
                                    " reports of transfers that it did not have, of which " +
                                    std::to_string(faults_.bad_reports()) + " were put in");
  } else if (totals_.failed_as_planned != faults_.failing()) {
    failure_ =
        without_transfer(FailureKind::mismatch,
                         std::to_string(faults_.failing()) + " transfers were made to fail, and " +
                             std::to_string(totals_.failed_as_planned) + " failed so");
  }
}

Failure Worker::without_transfer(FailureKind kind, std::string what) const {
  return {.kind = kind, .thread = thread_, .what = std::move(what), .fault = {}, .transfers = {}};
}

}  // namespace bellpull::tools::dmatest
