// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>

#include "checks.hpp"

namespace bellpull::engine::conformance {

namespace {

constexpr std::size_t kMostHeld = 1100;  // beyond this nobody is filled up
constexpr std::size_t kBeyond = 4;       // offered although there is no room
constexpr std::uint64_t kShort = 64;     // bytes, so that that many have room in the arena

// Offered, but not taken: not a byte of it may have moved.
void nothing_moved(Lab& lab, std::span<const std::unique_ptr<Transfer>> refused) {
  for (const auto& transfer : refused) {
    for (const Segment& segment : transfer->destination) {
      if (std::equal(segment.data, segment.data + segment.length,
                     lab.arena.image_of(segment.data))) {
        continue;
      }
      lab.findings.fail(
          check::kHeldBack,
          lab.in("was offered and not taken, and its destination changed: " + describe(*transfer)));
    }
  }
}

// More than it holds: what it refuses stays as it is until it is offered again.
void fill_up(Lab& lab, Operation operation) {
  lab.phase = std::string("filling the window with ") + name_of(operation);
  Driver probe(lab, lab.subject.make());
  const std::size_t window = probe.idle_window();
  const std::uint64_t unit = lab.capabilities.alignment;
  const std::uint64_t length =
      std::min(std::max(kShort / unit * unit, unit), lab.maker.max_length());
  const Transfers transfers = lab.make(operation, std::min(window, kMostHeld) + kBeyond, length);
  Driver driver(lab, lab.subject.make());
  std::size_t taken = 0;
  while (taken < transfers.size()) {
    const std::size_t now = driver.start(std::span(transfers).subspan(taken));
    if (now == 0) break;
    taken += now;
  }
  const auto refused = std::span(transfers).subspan(taken);
  if (taken == 0) {
    lab.findings.fail(check::kWindow, lab.in("an idle back-end took nothing; its window is " +
                                             std::to_string(window)));
    return;
  }
  (void)driver.backend().window();
  nothing_moved(lab, refused);
  driver.reap(1);
  nothing_moved(lab, refused);
  if (refused.empty()) {
    lab.findings.leave_out(check::kHeldBack, "it takes " + std::to_string(taken) + " and more");
  } else {
    lab.findings.pass(check::kHeldBack);
  }
  if (lab.streams()) return;
  if (!driver.finish(8)) return;
  nothing_moved(lab, refused);
  for (std::size_t next = taken; next < transfers.size();) {
    const std::size_t now = driver.start(std::span(transfers).subspan(next));
    if (now == 0 || !driver.finish(8)) break;
    next += now;
  }
  driver.settle();
}

}  // namespace

void check_window(Lab& lab) {
  Driver driver(lab, lab.subject.make());
  if (driver.idle_window() == 0) {
    lab.findings.fail(check::kWindow, "nothing is under way and the window is 0");
    lab.findings.give_up();
    return;
  }
  if (driver.backend().start({}) != 0) {
    lab.findings.fail(check::kWindow, "start() of nothing took something");
  }
  // Nothing was started: nothing can have ended.
  for (int i = 0; i < 50; ++i) driver.reap(8);
  if (driver.reap(0) != 0 || driver.backend().window() != driver.idle_window()) {
    lab.findings.fail(check::kWindow, "the window changed although nothing was started");
  }
  for (const std::uint64_t id : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    if (!driver.backend().cancel(id)) continue;
    lab.findings.fail(check::kCancel, "cancelled id " + std::to_string(id) + ", which nobody has");
  }
  for (const Operation operation : lab.operations()) {
    if (!lab.findings.hopeless()) fill_up(lab, operation);
  }
  lab.findings.pass(check::kWindow);
  lab.findings.pass(check::kSpan);
  lab.findings.pass(check::kUnasked);
}

}  // namespace bellpull::engine::conformance
