// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>

#include "checks.hpp"

namespace bellpull::engine::conformance {

namespace {

constexpr std::size_t kBatch = 40;

// Batches of one operation, or of all; false when a transfer never completed.
bool rounds(Lab& lab, std::optional<Operation> operation, std::size_t at_a_time) {
  Transfers transfers;
  Driver driver(lab, lab.subject.make());
  for (unsigned i = 0; i < lab.options.rounds; ++i) {
    transfers = lab.make(operation, 1 + below(lab.random, kBatch));
    if (!driver.run(transfers, at_a_time, 1 + below(lab.random, 16))) return false;
    driver.settle();
  }
  return true;
}

// The same with segments of 0 bytes: whatever goes wrong is that one check's.
void empty_segments(Lab& lab) {
  if (!lab.options.empty_segments || lab.capabilities.max_segments < 2) {
    lab.findings.leave_out(check::kEmpty,
                           lab.options.empty_segments ? "one segment at most" : "switched off");
    return;
  }
  Report separate;
  Options options = lab.options;
  options.rounds = std::max(options.rounds / 4, 1u);
  options.max_length = std::min(options.max_length, 1u << 16);
  Lab inner(lab.subject, options, lab.capabilities, separate,
            std::size_t{4} * options.max_length + (4u << 20));
  inner.maker.allow_empty(true);
  (void)rounds(inner, std::nullopt, 16);
  for (const Check& check : separate.checks) {
    if (check.verdict == Verdict::failed) {
      lab.findings.fail(check::kEmpty, check.name + ": " + check.message);
    }
  }
  lab.findings.pass(check::kEmpty);
}

}  // namespace

void check_outcomes(Lab& lab) {
  for (const Operation operation : lab.operations()) {
    for (const std::size_t at_a_time : {std::size_t{1}, kBatch}) {
      if (lab.findings.hopeless() || !rounds(lab, operation, at_a_time)) return;
    }
    lab.findings.pass(outcome_of(operation));
  }
  if (!rounds(lab, std::nullopt, kBatch)) return;
  for (const char* const name :
       {check::kCompletes, check::kOnce, check::kNoFailure, check::kBytes, check::kElsewhere}) {
    lab.findings.pass(name);
  }
  empty_segments(lab);
}

void check_progress(Lab& lab) {
  if (lab.findings.hopeless()) return;
  for (const Operation operation : lab.operations()) {
    if (operation == Operation::nop) continue;
    const Transfers transfers = lab.make(operation, 2, lab.maker.max_length());
    Driver driver(lab, lab.subject.make());
    if (!driver.run(transfers, 2, 1)) return;
    driver.settle();
  }
  lab.findings.pass(check::kProgress);
}

void check_failures(Lab& lab) {
  for (const char* const name : {check::kFailures, check::kFailureEnds}) {
    if (!lab.subject.make_failing) lab.findings.leave_out(name, "the subject has no make_failing");
  }
  if (!lab.subject.make_failing || lab.findings.hopeless()) return;
  unsigned failures = 0, transfers_made = 0;
  for (const Operation operation : lab.operations()) {
    Transfers transfers;
    Driver driver(lab, lab.subject.make_failing(), true);
    for (unsigned i = 0; i < lab.options.rounds / 4 + 1; ++i) {
      transfers = lab.make(operation, kBatch);
      if (!driver.run(transfers, kBatch, 8)) return;
      driver.settle();
      transfers_made += static_cast<unsigned>(transfers.size());
    }
    failures += driver.failures();
  }
  if (failures == 0) {
    lab.findings.fail(check::kFailures, lab.in("of " + std::to_string(transfers_made) +
                                               " transfers of make_failing none failed"));
  }
  lab.findings.pass(check::kFailures);
  lab.findings.pass(check::kFailureEnds);
}

}  // namespace bellpull::engine::conformance
