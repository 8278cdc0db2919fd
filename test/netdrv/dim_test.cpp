// SPDX-License-Identifier: BSD-2-Clause
// Check 18: on synthetic traces, of which the best profile is known, Dim finds it within so many
// decisions, parks, leaves when things change, rests when there is no best, and forgets when idle.
#include "dim.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>

using namespace bellpull::netdrv;

namespace {

constexpr std::size_t kProfiles = Dim::kDeferralNs.size();

// What a second is like under one profile.
struct Second {
  double packets = 0;
  double events = 0;
  double added_ns = 0;  // per packet
};

using Load = std::array<Second, kProfiles>;

// As many packets under each profile, and the fewer events the more it defers.
constexpr Load kSteady = {
    {{1e5, 1e5, 0}, {1e5, 6e4, 4e3}, {1e5, 14e3, 32e3}, {1e5, 7e3, 64e3}, {1e5, 38e2, 128e3}}};
// Deferral only loses packets.
constexpr Load kFragile = {
    {{9e4, 9e4, 0}, {8e4, 5e4, 0}, {6e4, 1e4, 0}, {4e4, 5e3, 0}, {2e4, 2e3, 0}}};
// The fourth profile moves most.
constexpr Load kPeak = {
    {{4e4, 4e4, 0}, {5e4, 4e4, 0}, {7e4, 1e4, 0}, {9e4, 7e3, 0}, {7e4, 3e3, 0}}};
constexpr std::uint64_t kPatient = 1'000'000;

// A trace: a load that may change, sampled at each event.
struct Trace {
  explicit Trace(std::uint64_t tolerated_ns) : dim(tolerated_ns) {
    dim.sample({.time_ns = static_cast<std::uint64_t>(time)});  // from here on it measures
  }

  // One event under the present profile. Whether it changed.
  bool event(const Load& load, double scale = 1) {
    const Second& second = load[dim.profile()];
    time += 1e9 / second.events;
    packets += second.packets * scale / second.events;
    added += second.packets * scale / second.events * second.added_ns;
    ++events;
    return dim.sample({.time_ns = static_cast<std::uint64_t>(time),
                       .packets = static_cast<std::uint64_t>(packets),
                       .bytes = static_cast<std::uint64_t>(packets * 1000),
                       .events = events,
                       .added_ns = static_cast<std::uint64_t>(added)});
  }
  void decisions(const Load& load, unsigned count, double scale = 1) {
    for (unsigned i = 0; i < count * Dim::kEvents; ++i) event(load, scale);
  }
  // Decisions until it parks on top, or `most`.
  unsigned park(const Load& load, unsigned most) {
    unsigned count = 0;
    while (dim.state() != Dim::State::parking_on_top && count < most) {
      decisions(load, 1);
      ++count;
    }
    return count;
  }

  Dim dim;
  double time = 1e9;
  double packets = 0;
  double added = 0;
  std::uint64_t events = 0;
};

}  // namespace

TEST_CASE("check 18: it begins without deferral and decides after 64 events, not before") {
  Trace trace(kPatient);
  CHECK(trace.dim.deferral_ns() == 0);
  for (unsigned i = 1; i < Dim::kEvents; ++i) CHECK_FALSE(trace.event(kSteady));
  CHECK(trace.event(kSteady));
  CHECK(trace.dim.profile() == 1);
  CHECK(trace.dim.deferral_ns() == 8'000);
}

TEST_CASE("check 18: fewer events for the same packets: it goes to the right end and parks") {
  Trace trace(kPatient);
  CHECK(trace.park(kSteady, 20) <= 6);
  CHECK(trace.dim.state() == Dim::State::parking_on_top);
  CHECK(trace.dim.profile() == 4);
}

TEST_CASE("check 18: the latency term turns it back where packets wait for too long") {
  Trace trace(50'000);
  CHECK(trace.park(kSteady, 20) <= 6);
  CHECK(trace.dim.state() == Dim::State::parking_on_top);
  CHECK(trace.dim.profile() == 2);
  trace.decisions(kSteady, 50);
  CHECK(trace.dim.profile() == 2);  // and stays
}

TEST_CASE("check 18: a peak in the middle is found from the left") {
  Trace trace(kPatient);
  CHECK(trace.park(kPeak, 20) <= 7);
  CHECK(trace.dim.state() == Dim::State::parking_on_top);
  CHECK(trace.dim.profile() == 3);
}

TEST_CASE("check 18: where deferral only hurts it ends without") {
  Trace trace(kPatient);
  CHECK(trace.park(kFragile, 20) <= 4);
  CHECK(trace.dim.profile() == 0);
}

TEST_CASE("check 18: parked, it does not move for what is not significant") {
  Trace trace(kPatient);
  trace.park(kSteady, 20);
  for (unsigned i = 0; i < 50; ++i) {
    trace.decisions(kSteady, 1, i % 2 == 0 ? 1.04 : 0.96);
    CHECK(trace.dim.state() == Dim::State::parking_on_top);
    CHECK(trace.dim.profile() == 4);
  }
}

TEST_CASE("check 18: parked, it leaves on a significant change and finds the new best profile") {
  Trace trace(kPatient);
  trace.park(kSteady, 20);
  REQUIRE(trace.dim.profile() == 4);
  trace.decisions(kFragile, 1);
  CHECK(trace.dim.state() == Dim::State::going_left);
  CHECK(trace.park(kFragile, 20) <= 5);
  CHECK(trace.dim.profile() == 0);
  trace.decisions(kPeak, 1);
  CHECK(trace.dim.state() == Dim::State::going_right);
  CHECK(trace.park(kPeak, 20) <= 7);
  CHECK(trace.dim.profile() == 3);
}

TEST_CASE("check 18: parked, slow change adds up to a significant one") {
  Trace trace(kPatient);
  trace.park(kSteady, 20);
  double scale = 1;
  unsigned count = 0;
  while (trace.dim.state() == Dim::State::parking_on_top && count < 20) {
    scale *= 0.96;
    trace.decisions(kSteady, 1, scale);
    ++count;
  }
  CHECK(count <= 4);
  CHECK(count > 2);
}

TEST_CASE("check 18: with no best to be found it tires, rests, and tries again") {
  Trace trace(kPatient);
  // Whatever it does, things get worse: it turns each time.
  double scale = 1;
  unsigned count = 0;
  while (trace.dim.state() != Dim::State::parking_tired && count < 50) {
    scale *= 0.85;
    trace.decisions(kPeak, 1, scale);
    ++count;
  }
  CHECK(trace.dim.state() == Dim::State::parking_tired);
  CHECK(count <= 2 * kProfiles + 1);
  const std::size_t profile = trace.dim.profile();
  unsigned rest = 0;
  while (trace.dim.state() == Dim::State::parking_tired && rest < 50) {
    CHECK(trace.dim.profile() == profile);
    scale *= rest % 2 == 0 ? 0.5 : 2;  // not even this wakes it
    trace.decisions(kPeak, 1, scale);
    ++rest;
  }
  CHECK(rest == 2 * kProfiles);
  CHECK(trace.dim.profile() != profile);
}

TEST_CASE("check 18: where frames are too few for any deferral to gather two it tries none") {
  Trace trace(kPatient);
  trace.park(kSteady, 20);
  REQUIRE(trace.dim.profile() == 4);
  // A hundredth of them: one per longest deferral and fewer.
  trace.decisions(kSteady, 1, 0.01);
  CHECK(trace.dim.profile() == 0);
  trace.decisions(kSteady, 5, 0.01);
  CHECK(trace.dim.profile() == 0);
}

TEST_CASE("check 18: idle resets it, and what it measured across the gap does not count") {
  Trace trace(kPatient);
  trace.park(kSteady, 20);
  REQUIRE(trace.dim.profile() == 4);
  trace.time += static_cast<double>(Dim::kIdleNs);
  CHECK(trace.event(kSteady));  // the profile changed
  CHECK(trace.dim.profile() == 0);
  CHECK(trace.dim.state() == Dim::State::going_right);
  for (unsigned i = 1; i < Dim::kEvents; ++i) CHECK_FALSE(trace.event(kSteady));
  CHECK(trace.park(kSteady, 20) <= 6);
  CHECK(trace.dim.profile() == 4);
}

TEST_CASE("check 18: many events at one moment divide by no time") {
  Dim dim;
  DimSample sample{.time_ns = 5};
  for (unsigned i = 0; i <= Dim::kEvents; ++i) {
    ++sample.events;
    ++sample.packets;
    dim.sample(sample);
  }
  CHECK(dim.profile() == 1);
}
