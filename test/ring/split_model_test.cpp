// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "queue_memory.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

/// A queue as a list of what should be where, and random operations on both.
class Model {
 public:
  Model(std::uint32_t size, std::uint64_t seed) : pair_(size), random_(seed) {}

  void step() {
    switch (random_() % 8) {
      case 0:
      case 1:
        return reserve();
      case 2:
        return settle_reserved();
      case 3:
        return publish_available();
      case 4:
        return take();
      case 5:
        return complete();
      case 6:
        return publish_used();
      default:
        return poll();
    }
  }

  void finish() {
    while (!reserved_.empty()) settle_reserved();
    publish_available();
    while (!available_.empty()) take();
    while (!taken_.empty()) complete();
    publish_used();
    while (!used_.empty()) poll();
    check();
    REQUIRE(pair_.driver.free_descriptors() == pair_.driver.size());
    REQUIRE(pair_.driver.bad_used() == 0);
  }

  [[nodiscard]] std::uint64_t round_trips() const { return round_trips_; }

 private:
  struct Expected {
    std::uint16_t head = 0;
    std::uint64_t token = 0;
    std::vector<Segment> segments;
    std::size_t readable = 0;
    std::uint32_t written = 0;
  };

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  void reserve() {
    Expected chain;
    chain.token = random_();
    chain.segments.resize(below(std::min<std::size_t>(pair_.driver.size() + 1, 9)));
    for (Segment& segment : chain.segments) {
      segment = {random_(), static_cast<std::uint32_t>(random_())};
    }
    chain.readable = below(chain.segments.size() + 1);
    const std::span<const Segment> all(chain.segments);
    chain.head =
        pair_.driver.reserve(all.first(chain.readable), all.subspan(chain.readable), chain.token);
    const bool fits = !all.empty() && all.size() <= pair_.driver.size() - held_;
    REQUIRE((chain.head != kNoHead) == fits);
    if (fits) {
      held_ += static_cast<std::uint32_t>(all.size());
      reserved_.push_back(std::move(chain));
    }
    check();
  }

  void settle_reserved() {
    if (reserved_.empty()) return;
    const auto chosen = reserved_.begin() + static_cast<std::ptrdiff_t>(below(reserved_.size()));
    if (random_() % 4 == 0) {
      pair_.driver.cancel(chosen->head);
      held_ -= static_cast<std::uint32_t>(chosen->segments.size());
    } else {
      pair_.driver.offer(chosen->head);
      offered_.push_back(std::move(*chosen));
    }
    reserved_.erase(chosen);
    check();
  }

  void publish_available() {
    pair_.driver.publish();
    std::ranges::move(offered_, std::back_inserter(available_));
    offered_.clear();
    check();
  }

  void take() {
    REQUIRE(pair_.device.refresh() == available_.size());
    if (available_.empty()) return;
    Expected expected = std::move(available_.front());
    available_.pop_front();
    std::size_t at = 0;
    bool same = true;
    const Chain chain =
        pair_.device.take(pair_.device.size(), [&](const Segment& segment, bool writable) {
          same = same && at < expected.segments.size() &&
                 segment.address == expected.segments[at].address &&
                 segment.length == expected.segments[at].length &&
                 writable == (at >= expected.readable);
          ++at;
        });
    REQUIRE(same);
    REQUIRE(chain.well_formed);
    REQUIRE(chain.head == expected.head);
    REQUIRE(chain.segments == expected.segments.size());
    taken_.push_back(std::move(expected));
    check();
  }

  void complete() {
    if (taken_.empty()) return;
    const auto chosen = taken_.begin() + static_cast<std::ptrdiff_t>(below(taken_.size()));
    chosen->written = static_cast<std::uint32_t>(random_());
    pair_.device.complete(chosen->head, chosen->written);
    completed_.push_back(std::move(*chosen));
    taken_.erase(chosen);
    check();
  }

  void publish_used() {
    pair_.device.publish();
    std::ranges::move(completed_, std::back_inserter(used_));
    completed_.clear();
    check();
  }

  void poll() {
    const std::size_t limit = below(6);
    const std::size_t expected = std::min(limit, used_.size());
    const unsigned count = pair_.driver.poll(static_cast<unsigned>(limit), [&](const Used& used) {
      // No REQUIRE, which throws: poll() is noexcept.
      if (used_.empty()) {
        FAIL_CHECK("a completion that nobody expected");
        return;
      }
      CHECK(used.token == used_.front().token);
      CHECK(used.head == used_.front().head);
      CHECK(used.length == used_.front().written);
      held_ -= static_cast<std::uint32_t>(used_.front().segments.size());
      used_.pop_front();
      ++round_trips_;
    });
    REQUIRE(count == expected);
    check();
  }

  void check() {
    REQUIRE(pair_.driver.free_descriptors() == pair_.driver.size() - held_);
    REQUIRE(pair_.device.in_flight() == taken_.size());
  }

  Pair pair_;
  std::mt19937_64 random_;
  std::uint32_t held_ = 0;
  std::uint64_t round_trips_ = 0;
  std::vector<Expected> reserved_;
  std::vector<Expected> offered_;
  std::deque<Expected> available_;
  std::vector<Expected> taken_;
  std::vector<Expected> completed_;
  std::deque<Expected> used_;
};

TEST_CASE("descriptors, tokens, segments and lengths agree with a model over long random runs") {
  const std::uint64_t seed = announce_seed("random run", 1);
  for (const std::uint32_t size : {1U, 2U, 4U, 8U, 64U, 256U}) {
    CAPTURE(size);
    CAPTURE(seed);
    Model model(size, seed + size);
    for (unsigned i = 0; i < 400000; ++i) model.step();
    model.finish();
    CHECK(model.round_trips() > 5000);
  }
}

}  // namespace
}  // namespace bellpull::ring::test
