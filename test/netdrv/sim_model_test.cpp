// SPDX-License-Identifier: BSD-2-Clause
// Which arrival meets which buffer, against a model that takes one arrival after the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "bellpull/netdrv/sim_schedule.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "sim_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using test::ReceiveRig;

namespace {

class Model {
 public:
  Model(const SimOptions& options, std::uint64_t begin) : schedule_(options), begin_(begin) {}

  void post(std::uint64_t id) { empty_.push_back({id, false}); }

  // Returns (id, number) of what is reported.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> reap(std::uint64_t now, std::size_t room) {
    if (room != 0) look(now);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> reported;
    while (reported.size() < room && !full_.empty()) {
      reported.push_back(full_.front());
      full_.pop_front();
    }
    return reported;
  }

  std::uint64_t scheduled = 0;
  std::uint64_t missed = 0;
  std::uint64_t missed_later = 0;  // of these, more than 10 us after the first that nobody saw
  std::uint64_t lateness = 0;

 private:
  struct Empty {
    std::uint64_t id;
    bool old;
  };

  void look(std::uint64_t now) {
    std::vector<std::uint64_t> come;
    while (schedule_.time_of(scheduled) <= now - begin_) come.push_back(scheduled++);
    std::size_t old = 0;
    while (old < empty_.size() && empty_[old].old) ++old;
    if (!come.empty() && old != 0) {
      lateness = std::max(lateness, now - begin_ - schedule_.time_of(come.front()));
    }
    std::size_t left = come.size();
    for (const std::uint64_t number : come) {
      const std::size_t fresh = empty_.size() - old;
      if (old != 0) {
        catch_one(number);
        --old;
      } else if (left <= fresh) {
        catch_one(number);
      } else {
        ++missed;
        if (schedule_.time_of(number) > schedule_.time_of(come[0]) + 10'000) ++missed_later;
      }
      --left;
    }
    for (Empty& empty : empty_) empty.old = true;
  }

  void catch_one(std::uint64_t number) {
    full_.emplace_back(empty_.front().id, number);
    empty_.pop_front();
  }

  const SimSchedule schedule_;
  const std::uint64_t begin_;
  std::deque<Empty> empty_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> full_;
};

TEST_CASE("random posts and reaps end as the rules say, arrival by arrival") {
  std::mt19937_64 random(ring::test::announce_seed("receive model", 1));
  const int runs = BELLPULL_TEST_SANITIZED ? 60 : 300;
  for (int run = 0; run < runs; ++run) {
    CAPTURE(run);
    SimOptions options;
    options.rate = 1e6;
    options.ring = 1 + static_cast<unsigned>(random() % 64);
    options.arrivals = static_cast<Arrivals>(run % 4);
    options.burst = 1 + static_cast<unsigned>(random() % 90);
    options.seed = random();
    const std::uint64_t begin = random() >> (1 + random() % 40);
    ReceiveRig rig(options);
    Model model(options, begin);
    rig.nic->begin(begin);
    std::uint64_t now = begin;
    for (int step = 0; step < 300; ++step) {
      CAPTURE(step);
      const unsigned posted = rig.post(static_cast<unsigned>(random() % 40));
      for (unsigned i = posted; i > 0; --i) model.post(rig.next_id - i);
      now += (random() % 60'000) >> (random() % 8);
      const std::size_t room = random() % 3 == 0 ? 1000 : random() % 12;
      rig.clock.time = now;
      std::vector<engine::Done> done(room);
      const engine::Reaped reaped = rig.backend->reap(done);
      const auto expected = model.reap(now, room);
      REQUIRE(reaped.count == expected.size());
      REQUIRE(reaped.would_block == (expected.size() < room));
      for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(done[i].id == expected[i].first);
      if (!expected.empty()) {
        const auto whole = rig.shared.gather(done[expected.size() - 1].bytes);
        const FrameReading last = read_timed_frame(std::span(whole).subspan(kVnetHeader));
        REQUIRE(last.said.sequence == expected.back().second);
      }
      const SimCounters counters = rig.nic->counters();
      REQUIRE(counters.scheduled == model.scheduled);
      REQUIRE(counters.missed_no_buffer + counters.missed_generator == model.missed);
      REQUIRE(counters.missed_generator <= model.missed_later);
      REQUIRE(counters.largest_lateness_ns == model.lateness);
    }
    const SimCounters before = rig.nic->counters();
    rig.backend->stop();
    const SimCounters after = rig.nic->counters();
    CHECK(before.scheduled == after.scheduled);
    CHECK(after.scheduled == after.delivered + after.missed_no_buffer + after.missed_generator);
  }
}

}  // namespace
