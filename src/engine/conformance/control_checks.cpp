// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <chrono>
#include <thread>

#include "checks.hpp"

namespace bellpull::engine::conformance {

namespace {

constexpr std::size_t kUnderWay = 12;
constexpr unsigned kWatchedReaps = 64;
// Long enough for a thread or a device that was not told to stop.
constexpr std::chrono::milliseconds kWatch{1};
constexpr std::chrono::microseconds kMoment{10};

// Before it is stopped, cancelled or paused: another number in each of eight rounds.
constexpr unsigned reaps_in(unsigned round) {
  return (3 * round + 1) % 8;
}

// Calls that must not move a byte, on memory that is closed; false when they did.
bool leaves_memory_alone(Lab& lab, const char* name, const std::string& what,
                         const std::function<void()>& calls) {
  lab.arena.accept_all();
  Seal seal(lab.arena);
  calls();
  std::this_thread::sleep_for(kWatch);
  const bool touched = seal.open();
  const bool changed = lab.arena.first_difference() != nullptr;
  lab.arena.accept_all();
  if (touched || changed) {
    lab.findings.fail(
        name, lab.in("client memory was " + std::string(changed ? "changed " : "read ") + what));
  }
  return !touched && !changed;
}

// Starts some and lets them go on for a while.
void begin(Lab& lab, Driver& driver, const Transfers& transfers, unsigned reaps) {
  std::size_t taken = 0;
  while (taken < transfers.size()) {
    const std::size_t now = driver.start(std::span(transfers).subspan(taken));
    if (now == 0) break;
    taken += now;
  }
  for (unsigned i = 0; i < reaps; ++i) {
    if (driver.reap(1) != 0) continue;
    if (lab.subject.go_on) lab.subject.go_on();
    // A thread has to wake up first; the time is another one in each round, as the reaps are.
    std::this_thread::sleep_for(kMoment * reaps);
  }
}

// A short way to see that the back-end works; a stream that waits for its peer need not.
void works_again(Lab& lab, Driver& driver) {
  if (lab.streams()) return;
  const Transfers transfers = lab.make(std::nullopt, 8);
  const bool worked = driver.run(transfers, 8, 4);
  if (worked) driver.settle();
  if (!worked)
    lab.findings.fail(check::kRestart, lab.in("what was started after stop() never ends"));
}

void stop_once(Lab& lab, unsigned reaps) {
  const Transfers transfers = lab.make(std::nullopt, kUnderWay);
  auto driver = std::make_unique<Driver>(lab, lab.subject.make());
  begin(lab, *driver, transfers, reaps);
  driver->backend().stop();
  driver->forget();
  const bool alone = leaves_memory_alone(lab, check::kStop, "after stop()", [&] {
    for (unsigned i = 0; i < kWatchedReaps; ++i) {
      if (driver->reap(4) != 0) {
        lab.findings.fail(check::kStop, lab.in("a transfer was reported after stop()"));
      } else if (lab.subject.go_on) {
        lab.subject.go_on();
      }
    }
  });
  const unsigned window = driver->backend().window();
  if (window != driver->idle_window()) {
    lab.findings.fail(check::kStop,
                      lab.in("after stop() the window is " + std::to_string(window) +
                             ", of an idle back-end " + std::to_string(driver->idle_window())));
    return;
  }
  if (!alone) return;
  works_again(lab, *driver);
  driver->backend().stop();
  leaves_memory_alone(lab, check::kStop, "by its destructor", [&] { driver.reset(); });
}

void cancel_some(Lab& lab, unsigned reaps) {
  const Transfers transfers = lab.make(std::nullopt, kUnderWay);
  Driver driver(lab, lab.subject.make());
  begin(lab, driver, transfers, reaps);
  for (const auto& transfer : transfers) {
    const bool held = transfer->state == Transfer::State::started;
    if (held && below(lab.random, 2) == 0) continue;
    if (driver.cancel(*transfer) && !held) {
      lab.findings.fail(check::kCancel, lab.in("cancel() returned true for one that is not held: " +
                                               describe(*transfer)));
    } else if (held && transfer->state == Transfer::State::cancelled &&
               driver.backend().cancel(transfer->op.id)) {
      lab.findings.fail(check::kCancel,
                        lab.in("cancel() returned true twice: " + describe(*transfer)));
    }
  }
  if (lab.streams()) {
    for (unsigned i = 0; i < kWatchedReaps; ++i) driver.reap(4);
    return;
  }
  if (!driver.finish(4)) return;
  for (unsigned i = 0; i < kWatchedReaps; ++i) driver.reap(4);
  for (const auto& transfer : transfers) {
    if (transfer->state != Transfer::State::cancelled) continue;
    for (const Segment& segment : transfer->destination) {
      if (!std::equal(segment.data, segment.data + segment.length,
                      lab.arena.image_of(segment.data))) {
        lab.findings.fail(check::kCancel, lab.in("cancel() returned true, but bytes still moved: " +
                                                 describe(*transfer)));
        lab.arena.accept(transfer->destination);
      }
    }
  }
  driver.settle();
}

}  // namespace

void check_stop(Lab& lab) {
  for (unsigned i = 0; i < lab.options.rounds; ++i) {
    if (lab.findings.hopeless()) return;
    stop_once(lab, reaps_in(i));
  }
  lab.findings.pass(check::kStop);
  if (!lab.streams()) lab.findings.pass(check::kRestart);
}

void check_cancel(Lab& lab) {
  for (unsigned i = 0; i < lab.options.rounds; ++i) {
    if (lab.findings.hopeless()) return;
    cancel_some(lab, reaps_in(i));
  }
  lab.findings.pass(check::kCancel);
}

void check_pause(Lab& lab) {
  for (unsigned i = 0; i < lab.options.rounds; ++i) {
    if (lab.findings.hopeless()) return;
    const Transfers transfers = lab.make(std::nullopt, kUnderWay);
    Driver driver(lab, lab.subject.make());
    begin(lab, driver, transfers, reaps_in(i));
    driver.backend().pause();
    leaves_memory_alone(lab, check::kPause, "after pause()", [&] {
      for (const auto& transfer : transfers) (void)driver.backend().progress(transfer->op.id);
      if (lab.subject.go_on) lab.subject.go_on();
    });
    driver.backend().resume();
    if (!driver.finish(4)) return;
    // What the window left over was never started.
    driver.settle();
  }
  lab.findings.pass(check::kPause);
}

}  // namespace bellpull::engine::conformance
