// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "queue_pair.hpp"

namespace bellpull::ring::test {

/// A queue as lists of what should be where, and random operations on both: chains of any shape,
/// cancelled and offered in any order that is allowed, completed in any order, and both halves
/// replaced by others in the middle of it.
template <class K>
class Model {
 public:
  Model(std::uint32_t size, const Features& features, std::uint64_t seed)
      : pair_(size, features), random_(seed) {
    REQUIRE(pair_.attach() == SetupError::none);
  }

  void step() {
    switch (below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return reserve();
      case 4:
      case 5:
      case 6:
        return settle_reserved();
      case 7:
      case 8:
        return publish_available();
      case 9:
      case 10:
      case 11:
        return take();
      case 12:
      case 13:
      case 14:
        return complete();
      case 15:
      case 16:
        return publish_used();
      case 17:
        return hand_driver_over();
      case 18:
        return hand_device_over();
      default:
        return poll();
    }
  }

  void finish() {
    while (!reserved_.empty()) settle_reserved();
    publish_available();
    while (!available_.empty()) take();
    while (std::ranges::count(taken_, false, &Expected::completed) != 0) complete();
    publish_used();
    while (!used_.empty()) poll();
    check();
    REQUIRE(pair_.driver.free_descriptors() == pair_.driver.size());
    REQUIRE(pair_.driver.counters().lengths_clamped == 0);
  }

  [[nodiscard]] std::uint64_t round_trips() const { return round_trips_; }
  [[nodiscard]] std::uint64_t hand_overs() const { return hand_overs_; }

 private:
  struct Expected {
    Chain chain;  // once taken
    std::uint64_t token = 0;
    std::vector<Segment> segments;
    std::size_t readable = 0;
    std::uint16_t head = 0;
    std::uint32_t descriptors = 0;
    std::uint32_t writable_bytes = 0;
    std::uint32_t written = 0;
    bool completed = false;
    bool in_flight_at_hand_over = false;
  };

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  [[nodiscard]] bool in_order() const { return pair_.features.in_order; }

  void reserve() {
    Expected chain;
    chain.token = random_();
    chain.segments.resize(below(std::min<std::size_t>(pair_.driver.size() + 2, 12)));
    chain.readable = below(chain.segments.size() + 1);
    for (std::size_t i = 0; i < chain.segments.size(); ++i) {
      const std::size_t at = below(4096);
      chain.segments[i] = pair_.segment(at, below(4096 - at));
      if (i >= chain.readable) chain.writable_bytes += chain.segments[i].length;
    }
    const bool table = chain.segments.size() > 1 && chain.segments.size() <= pair_.each;
    chain.descriptors = table ? 1 : static_cast<std::uint32_t>(chain.segments.size());
    const std::span<const Segment> all(chain.segments);
    chain.head =
        pair_.driver.reserve(all.first(chain.readable), all.subspan(chain.readable), chain.token);
    const bool fits = !all.empty() && chain.descriptors <= pair_.driver.size() - held_;
    REQUIRE((chain.head != kNoHead) == fits);
    if (fits) {
      held_ += chain.descriptors;
      reserved_.push_back(std::move(chain));
    }
    check();
  }

  void settle_reserved() {
    if (reserved_.empty()) return;
    const bool cancels = below(4) == 0;
    std::size_t chosen = below(reserved_.size());
    if (in_order()) chosen = cancels ? reserved_.size() - 1 : 0;
    const auto at = reserved_.begin() + static_cast<std::ptrdiff_t>(chosen);
    if (cancels) {
      REQUIRE(pair_.driver.cancel(at->head));
      held_ -= at->descriptors;
    } else {
      REQUIRE(pair_.driver.offer(at->head));
      offered_.push_back(std::move(*at));
    }
    reserved_.erase(at);
    check();
  }

  void publish_available() {
    pair_.driver.publish();
    move_all(offered_, available_);
    check();
  }

  void take() {
    Chain chain;
    std::vector<Chain> chains(1 + below(3));
    std::uint32_t count = 0;
    if (chains.size() == 1) {
      count = pair_.device.take(pair_.pieces, chain) ? 1 : 0;
      chains[0] = chain;
    } else {
      Budget budget;
      static_cast<void>(pair_.device.take(budget, pair_.pieces, chains, count));
    }
    REQUIRE(count == std::min(chains.size(), available_.size()));
    for (std::uint32_t i = 0; i < count; ++i) {
      Expected expected = std::move(available_.front());
      available_.pop_front();
      expected.chain = chains[i];
      check_pieces(expected);
      taken_.push_back(std::move(expected));
    }
    check();
  }

  void check_pieces(const Expected& expected) {
    REQUIRE(expected.chain.head == expected.head);
    REQUIRE(expected.chain.descriptors == expected.descriptors);
    REQUIRE(expected.chain.writable_bytes == expected.writable_bytes);
    std::uint32_t at = 0;
    unsigned wrong = 0;
    const Piece* const pieces = pair_.pieces.data() + expected.chain.first;
    for (std::size_t i = 0; i < expected.segments.size(); ++i) {
      if (expected.segments[i].length == 0) continue;  // nothing to touch
      const Piece& piece = pieces[at];
      wrong += piece.data != pair_.arena.data() + (expected.segments[i].address - pair_.address(0));
      wrong += piece.length != expected.segments[i].length;
      wrong += (at < expected.chain.readable) != (i < expected.readable);
      ++at;
    }
    REQUIRE(wrong == 0);
    REQUIRE(at == expected.chain.readable + expected.chain.writable);
  }

  void complete() {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < taken_.size(); ++i) {
      if (!taken_[i].completed) open.push_back(i);
    }
    if (open.empty()) return;
    const auto at = taken_.begin() + static_cast<std::ptrdiff_t>(open[below(open.size())]);
    const bool full = below(2) == 0;  // only full ones can be skipped by an in-order batch
    at->written = full ? at->writable_bytes
                       : static_cast<std::uint32_t>(below(std::size_t{at->writable_bytes} + 1));
    pair_.complete(at->chain, at->written);
    at->completed = true;
    if (!in_order()) {
      completed_.push_back(std::move(*at));
      taken_.erase(at);
    }
    check();
  }

  void publish_used() {
    pair_.device.publish();
    show_used();
    check();
  }

  void show_used() {
    while (in_order() && !taken_.empty() && taken_.front().completed) {
      completed_.push_back(std::move(taken_.front()));
      taken_.pop_front();
    }
    move_all(completed_, used_);
  }

  void poll() {
    const unsigned limit = static_cast<unsigned>(1 + below(5));
    unsigned wrong = 0;
    const unsigned back = pair_.driver.poll(limit, [&](const Used& used) {
      if (used_.empty()) return void(++wrong);
      const Expected& expected = used_.front();
      wrong += used.token != expected.token || used.head != expected.head ||
               used.length != expected.written;
      held_ -= expected.descriptors;
      used_.pop_front();
    });
    REQUIRE(wrong == 0);
    REQUIRE((back == limit || used_.empty()));
    round_trips_ += back;
    check();
  }

  void hand_driver_over() {
    const DriverState state = pair_.driver.stop();
    move_all(offered_, available_);  // stop() publishes
    REQUIRE_FALSE(pair_.driver.attached());
    std::vector<DriverSlot> saved(pair_.driver_slots);
    std::ranges::fill(pair_.driver_slots, DriverSlot{.token = 0xdead});
    saved.swap(pair_.driver_slots);
    REQUIRE(pair_.attach_driver(&state) == SetupError::none);
    ++hand_overs_;
    check();
  }

  void hand_device_over() {
    std::vector<InFlight> in_flight;
    pair_.device.in_flight([&](const InFlight& chain) { in_flight.push_back(chain); });
    if (!K::Trust::kChecks && !in_order()) {  // then the caller alone knows
      REQUIRE(in_flight.empty());
      for (const Expected& expected : taken_) {
        in_flight.push_back({.head = expected.head, .descriptors = expected.chain.descriptors});
      }
    }
    const DeviceState state = pair_.device.stop();  // publishes
    show_used();
    // What a prefix of completed chains was, is used now; the rest goes over.
    std::erase_if(in_flight, [this](const InFlight& chain) {
      return std::ranges::none_of(taken_,
                                  [&](const Expected& held) { return held.head == chain.head; });
    });
    REQUIRE(in_flight.size() == taken_.size());
    std::ranges::fill(pair_.device_slots, DeviceSlot{});
    REQUIRE(pair_.attach_device(&state, in_flight) == SetupError::none);
    for (Expected& expected : taken_) {
      const auto same = std::ranges::find(in_flight, expected.head, &InFlight::head);
      expected.chain = pair_.device.resumed(*same);
    }
    ++hand_overs_;
    check();
  }

  void check() {
    const auto open = std::ranges::count(taken_, false, &Expected::completed);
    REQUIRE(pair_.driver.free_descriptors() == pair_.driver.size() - held_);
    REQUIRE(pair_.device.in_flight() == static_cast<std::size_t>(open));
    REQUIRE(pair_.driver.in_flight() ==
            offered_.size() + available_.size() + taken_.size() + completed_.size() + used_.size());
    REQUIRE(pair_.driver.fault() == QueueFault::none);
    REQUIRE(pair_.device.fault() == QueueFault::none);
  }

  static void move_all(std::deque<Expected>& from, std::deque<Expected>& to) {
    std::ranges::move(from, std::back_inserter(to));
    from.clear();
  }

  Pair<K> pair_;
  std::mt19937_64 random_;
  std::deque<Expected> reserved_, offered_, available_, taken_, completed_, used_;
  std::uint32_t held_ = 0;
  std::uint64_t round_trips_ = 0;
  std::uint64_t hand_overs_ = 0;
};

}  // namespace bellpull::ring::test
