// SPDX-License-Identifier: BSD-2-Clause
#include "dim.hpp"

namespace bellpull::netdrv {

namespace {

// Steps of one search after which it has seen every profile twice.
constexpr unsigned kTired = 2 * Dim::kDeferralNs.size();

constexpr bool significant(double now, double before) noexcept {
  const double difference = now > before ? now - before : before - now;
  return difference * 10 > before;
}

}  // namespace

Dim::Rates Dim::rates(const DimSample& from, const DimSample& to) noexcept {
  // Events at the same moment are as if a nanosecond lay between.
  const double seconds =
      to.time_ns == from.time_ns ? 1e-9 : static_cast<double>(to.time_ns - from.time_ns) * 1e-9;
  const auto packets = static_cast<double>(to.packets - from.packets);
  const auto added = static_cast<double>(to.added_ns - from.added_ns);
  return {.bytes = static_cast<double>(to.bytes - from.bytes) / seconds,
          .packets = packets / seconds,
          .added_ns = packets == 0 ? 0 : added / packets,
          .events = static_cast<double>(to.events - from.events) / seconds};
}

Dim::Verdict Dim::compare(const Rates& now) const noexcept {
  if (significant(now.bytes, before_.bytes)) {
    return now.bytes > before_.bytes ? Verdict::better : Verdict::worse;
  }
  if (significant(now.packets, before_.packets)) {
    return now.packets > before_.packets ? Verdict::better : Verdict::worse;
  }
  const auto tolerated = static_cast<double>(tolerated_ns_);
  if ((now.added_ns > tolerated || before_.added_ns > tolerated) &&
      significant(now.added_ns, before_.added_ns)) {
    return now.added_ns < before_.added_ns ? Verdict::better : Verdict::worse;
  }
  if (significant(now.events, before_.events)) {
    return now.events < before_.events ? Verdict::better : Verdict::worse;
  }
  return Verdict::same;
}

bool Dim::sample(const DimSample& now) noexcept {
  const std::size_t was = profile_;
  const bool idle = measuring_ && now.time_ns - last_ns_ >= kIdleNs;
  last_ns_ = now.time_ns;
  if (idle || !measuring_) {
    begin(now);
    return profile_ != was;
  }
  if (now.events - start_.events < kEvents) return false;
  const Rates since = rates(start_, now);
  // So few that no deferral would find two of them: each trial of one would cost a timer for
  // nothing.
  if (since.packets * static_cast<double>(kDeferralNs.back()) < 1e9) {
    begin(now);
  } else {
    decide(since);
    start_ = now;
  }
  return profile_ != was;
}

void Dim::begin(const DimSample& now) noexcept {
  const std::uint64_t last = last_ns_;
  *this = Dim(tolerated_ns_);
  last_ns_ = last;
  measuring_ = true;
  start_ = now;
}

void Dim::decide(const Rates& now) noexcept {
  switch (state_) {
    case State::going_right:
    case State::going_left:
      climb(now);
      break;
    case State::parking_on_top:
      // What it was like when it parked stays the measure, so that slow change adds up.
      if (compare(now) == Verdict::same) return;
      leave_parking();
      break;
    case State::parking_tired:
      if (--tired_ == 0) leave_parking();
      break;
  }
  before_ = now;
}

void Dim::climb(const Rates& now) noexcept {
  // The first step of all has nothing to be compared with and goes on.
  if (begun_ && compare(now) != Verdict::better) turn();
  begun_ = true;
  // Two steps there, one back: the top lies between two that are worse.
  if (last_leg_ > 1 && leg_ == 1) return park(State::parking_on_top);
  step();
}

void Dim::turn() noexcept {
  state_ = state_ == State::going_right ? State::going_left : State::going_right;
  last_leg_ = leg_;
  leg_ = 0;
}

void Dim::step() noexcept {
  const bool right = state_ == State::going_right;
  if (tired_ == kTired) return park(State::parking_tired);
  if (profile_ == (right ? kDeferralNs.size() - 1 : 0)) return park(State::parking_on_top);
  right ? ++profile_ : --profile_;
  ++leg_;
  ++tired_;
}

void Dim::park(State where) noexcept {
  state_ = where;
  leg_ = last_leg_ = 0;
  if (where == State::parking_on_top) tired_ = 0;
}

void Dim::leave_parking() noexcept {
  state_ = profile_ == 0 ? State::going_right : State::going_left;
  tired_ = 0;
  step();
}

}  // namespace bellpull::netdrv
