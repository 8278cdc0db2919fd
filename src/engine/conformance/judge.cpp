// SPDX-License-Identifier: BSD-2-Clause
// What a back-end says of a transfer, against what is true.
#include <algorithm>

#include "driver.hpp"

namespace bellpull::engine::conformance {

namespace {

std::uint64_t sum_of(std::span<const Segment> list) {
  std::uint64_t sum = 0;
  for (const Segment& segment : list) sum += segment.length;
  return sum;
}

// Whether a segment of the list ends there.
bool ends_at(const std::vector<Segment>& list, std::uint64_t bytes) {
  std::uint64_t sum = 0;
  return std::any_of(list.begin(), list.end(),
                     [&](const Segment& segment) { return (sum += segment.length) == bytes; });
}

std::string hex(std::uint32_t value) {
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(value >> shift) & 15];
  return text;
}

}  // namespace

void Driver::judge(Transfer& transfer, const Done& done) {
  const std::string outcome =
      failures_expected_ ? check::kFailures : outcome_of(transfer.op.operation);
  const auto wrong = [&](const std::string& name, const std::string& what) {
    lab_.findings.fail(name, lab_.in(what + ": " + describe(transfer)));
  };
  if (!transfer.expected.empty()) {
    const std::uint64_t at =
        first_wrong(transfer.destination, transfer.expected, 0, transfer.length);
    if (at != transfer.length) {
      wrong(outcome, "reported as done, but byte " + std::to_string(at) + " is wrong");
    }
    lab_.arena.accept(transfer.destination);
  }
  if (transfer.value && *transfer.value != done.value) {
    wrong(outcome, "checksum " + hex(done.value) + " instead of " + hex(*transfer.value) +
                       " with seed " + hex(transfer.op.seed));
  }
  if (transfer.op.operation == Operation::compare && (done.value != 0) != transfer.differs) {
    wrong(outcome, transfer.differs
                       ? "said to be equal, but byte " + std::to_string(transfer.bytes) + " differs"
                       : "said to differ, but all bytes are equal");
  } else if (done.bytes != transfer.bytes) {
    wrong(check::kBytes, "reported " + std::to_string(done.bytes) + " bytes instead of " +
                             std::to_string(transfer.bytes));
  }
  if (done.bytes < transfer.progress) {
    wrong(check::kProgress, "progress() was " + std::to_string(transfer.progress) +
                                ", but in the end " + std::to_string(done.bytes) + " were done");
  }
}

void Driver::judge_failure(Transfer& transfer, const Done& done, bool last_of_call) {
  ++failures_;
  const auto wrong = [&](const char* name, const std::string& what) {
    lab_.findings.fail(
        name, lab_.in("error " + std::to_string(done.error) + ", " + std::to_string(done.bytes) +
                      " bytes, segment " + std::to_string(done.segment) + ": " + what + ": " +
                      describe(transfer)));
  };
  if (!failures_expected_) {
    wrong(check::kNoFailure, "failed");
    lab_.arena.accept(transfer.destination);
    return;
  }
  if (done.bytes > transfer.length) {
    wrong(check::kFailures, "more than there are");
  } else if (!transfer.expected.empty() &&
             first_wrong(transfer.destination, transfer.expected, 0, done.bytes) != done.bytes) {
    wrong(check::kFailures, "not all of the bytes reported are right");
  }
  const auto& list = done.side == Side::source ? transfer.source : transfer.destination;
  if (transfer.op.operation != Operation::nop && done.segment >= list.size()) {
    wrong(check::kFailures, "there is no such segment");
  } else if (transfer.op.operation != Operation::nop &&
             done.bytes > sum_of(std::span(list).first(done.segment + 1u))) {
    wrong(check::kFailures, "the bytes end behind the segment that failed");
  }
  if (!last_of_call) wrong(check::kFailureEnds, "others were reported behind it in the same call");
  lab_.arena.accept(transfer.destination);
}

bool Driver::watch_progress() {
  bool moved = false;
  for (Transfer* const transfer : under_way_) {
    const std::uint64_t now = backend_->progress(transfer->op.id);
    moved = moved || now > transfer->progress;
    watch(*transfer, now);
  }
  return moved;
}

void Driver::watch(Transfer& transfer, std::uint64_t now) {
  const auto wrong = [&](const std::string& what) {
    lab_.findings.fail(check::kProgress, lab_.in("progress() " + std::to_string(now) + ": " + what +
                                                 ": " + describe(transfer)));
  };
  const std::uint64_t before = transfer.progress;
  transfer.progress = std::max(before, std::min(now, transfer.length));
  if (now < before) return wrong("it was " + std::to_string(before) + " before");
  if (now > transfer.length) return wrong("more than there are");
  if (now == 0) return;
  if (lab_.capabilities.residue == Granularity::descriptor && now != transfer.length) {
    return wrong("finer than declared: nothing or all of it");
  }
  if (lab_.capabilities.residue == Granularity::segment && !ends_at(transfer.source, now) &&
      !ends_at(transfer.destination, now)) {
    return wrong("finer than declared: no segment ends there");
  }
  if (transfer.expected.empty()) return;
  const std::uint64_t at = first_wrong(transfer.destination, transfer.expected, before, now);
  if (at != now) wrong("byte " + std::to_string(at) + " is not there yet");
}

}  // namespace bellpull::engine::conformance
