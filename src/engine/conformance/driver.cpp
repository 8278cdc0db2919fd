// SPDX-License-Identifier: BSD-2-Clause
#include "driver.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace bellpull::engine::conformance {

namespace {

constexpr std::uint64_t kCanary = 0xC0FFEE00C0FFEE01u;
constexpr std::size_t kCanaries = 4;
// After all has ended: long enough for one who says it again later.
constexpr unsigned kQuietReaps = 200;
// A device with a thread of its own needs time, not calls.
constexpr unsigned kQuickReaps = 1000;
constexpr std::chrono::microseconds kPatientSleep{20};

}  // namespace

Driver::Driver(Lab& lab, std::unique_ptr<Backend> backend, bool failures_expected)
    : lab_(lab),
      backend_(std::move(backend)),
      failures_expected_(failures_expected),
      idle_window_(backend_->window()) {}

Driver::~Driver() {
  backend_->stop();
}

std::size_t Driver::start(std::span<const std::unique_ptr<Transfer>> offered) {
  std::vector<Op> ops;
  for (const auto& transfer : offered) ops.push_back(transfer->op);
  const unsigned room = backend_->window();
  const unsigned taken = backend_->start(ops);
  if (taken > std::min<std::size_t>(room, ops.size())) {
    lab_.findings.fail(check::kWindow, lab_.in("start() took " + std::to_string(taken) + " of " +
                                               std::to_string(ops.size()) + " with a window of " +
                                               std::to_string(room)));
  }
  const std::size_t count = std::min<std::size_t>(taken, ops.size());
  for (const auto& transfer : offered.first(count)) {
    transfer->state = Transfer::State::started;
    known_[transfer->op.id] = transfer.get();
    under_way_.push_back(transfer.get());
  }
  if (count != 0 && backend_->window() > room) {
    lab_.findings.fail(check::kWindow,
                       lab_.in("the window grew from " + std::to_string(room) + " by start()"));
  }
  return count;
}

unsigned Driver::reap(std::size_t room) {
  done_.assign(room + kCanaries, Done{.id = kCanary, .bytes = kCanary});
  const Reaped reaped = backend_->reap(std::span(done_).first(room));
  bool within = reaped.count <= room;
  for (const Done& canary : std::span(done_).last(kCanaries)) {
    within = within && canary.id == kCanary && canary.bytes == kCanary;
  }
  if (!within) {
    lab_.findings.fail(check::kSpan,
                       lab_.in("reap() of a span of " + std::to_string(room) + " filled more, or " +
                               "reported " + std::to_string(reaped.count)));
  }
  const std::size_t count = std::min<std::size_t>(reaped.count, room);
  for (std::size_t i = 0; i < count; ++i) take(done_[i], i + 1 == count);
  return static_cast<unsigned>(count);
}

void Driver::take(const Done& done, bool last_of_call) {
  const auto found = known_.find(done.id);
  if (found == known_.end()) {
    const auto gone = gone_.find(done.id);
    if (gone != gone_.end()) {
      lab_.findings.fail(check::kOnce, lab_.in("reported again, after it had ended or had been "
                                               "stopped: " +
                                               gone->second));
    } else {
      lab_.findings.fail(check::kUnasked,
                         lab_.in("reported id " + std::to_string(done.id) + ", which nobody has"));
    }
    return;
  }
  Transfer& transfer = *found->second;
  if (transfer.state == Transfer::State::cancelled) {
    lab_.findings.fail(check::kCancel,
                       lab_.in("cancel() returned true, but reported: " + describe(transfer)));
    return;
  }
  if (transfer.state == Transfer::State::ended) {
    lab_.findings.fail(check::kOnce, lab_.in("reported again: " + describe(transfer)));
    return;
  }
  transfer.state = Transfer::State::ended;
  transfer.error = done.error;
  transfer.done_bytes = done.bytes;
  std::erase(under_way_, &transfer);
  if (on_done) {
    on_done(transfer, done);
  } else if (done.error != 0) {
    judge_failure(transfer, done, last_of_call);
  } else {
    judge(transfer, done);
  }
}

bool Driver::finish(std::size_t room) {
  unsigned fruitless = 0;
  while (!under_way_.empty()) {
    const bool reported = reap(room) != 0;
    if (reported || watch_progress()) {
      fruitless = 0;
    } else if (++fruitless > lab_.options.patience) {
      never_completes();
      return false;
    } else if (fruitless > kQuickReaps) {
      std::this_thread::sleep_for(kPatientSleep);
    } else if (fruitless % 64 == 0) {
      std::this_thread::yield();
    }
    if (!reported && lab_.subject.go_on) lab_.subject.go_on();
    if (go_on) go_on();
  }
  return true;
}

bool Driver::run(const Transfers& transfers, std::size_t at_a_time, std::size_t room) {
  for (std::size_t next = 0; next < transfers.size();) {
    const std::size_t most = std::min(at_a_time, transfers.size() - next);
    const std::size_t taken = start(std::span(transfers).subspan(next, most));
    next += taken;
    if (taken == 0 && under_way_.empty()) {
      lab_.findings.fail(check::kWindow, lab_.in("holds nothing and takes nothing; the window is " +
                                                 std::to_string(backend_->window()) + ": " +
                                                 describe(*transfers[next])));
      return false;
    }
    // Half of the time with others still under way, as an engine does it.
    if (next == transfers.size() || under_way_.size() >= at_a_time || taken == 0) {
      if (!finish(room)) return false;
    } else {
      reap(room);
    }
  }
  return finish(room);
}

void Driver::settle() {
  for (unsigned i = 0; i < kQuietReaps; ++i) reap(8);
  if (const std::byte* const at = lab_.arena.first_difference()) {
    const std::byte* const image = lab_.arena.image_of(at);
    std::string message = "a byte that is in no destination was changed from " +
                          std::to_string(std::to_integer<int>(*image)) + " to " +
                          std::to_string(std::to_integer<int>(*at));
    for (const auto& [id, transfer] : known_) {
      for (const auto* list : {&transfer->source, &transfer->destination}) {
        for (const Segment& segment : *list) {
          if (at < segment.data - 64 || at >= segment.data + segment.length + 64) continue;
          message += ", " + std::to_string(at - segment.data) +
                     " bytes from the begin of segment " + std::to_string(&segment - list->data()) +
                     " of a " + (list == &transfer->source ? "source: " : "destination: ") +
                     describe(*transfer);
        }
      }
    }
    lab_.findings.fail(check::kElsewhere, lab_.in(message));
    lab_.arena.accept_all();
  }
  if (backend_->window() != idle_window_) {
    lab_.findings.fail(check::kWindow, lab_.in("with nothing under way the window is " +
                                               std::to_string(backend_->window()) + ", at first " +
                                               std::to_string(idle_window_)));
  }
  for (const auto& [id, transfer] : known_) gone_[id] = describe(*transfer);
  known_.clear();
}

bool Driver::cancel(Transfer& transfer) {
  if (!backend_->cancel(transfer.op.id)) return false;
  transfer.state = Transfer::State::cancelled;
  std::erase(under_way_, &transfer);
  lab_.arena.accept(transfer.destination);
  return true;
}

void Driver::forget() {
  for (const auto& [id, transfer] : known_) gone_[id] = describe(*transfer);
  known_.clear();
  under_way_.clear();
}

void Driver::never_completes() {
  lab_.findings.fail(check::kCompletes,
                     lab_.in("not reported within " + std::to_string(lab_.options.patience) +
                             " reaps without progress: " + describe(*under_way_.front()) +
                             ", one of " + std::to_string(under_way_.size()) + " under way"));
  lab_.findings.give_up();
}

}  // namespace bellpull::engine::conformance
