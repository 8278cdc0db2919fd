// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "pinning.hpp"
#include "thread_cpu.hpp"
#include "value_element.hpp"
#include "value_round_trip.hpp"

namespace bellpull::bench {

constexpr unsigned kProducerCore = 0;
constexpr unsigned kConsumerCore = 1;

/// One point of the grid.
struct Point {
  unsigned capacity = 0;
  unsigned burst = 1;
  unsigned producers = 1;
};

/// How long, and how undisturbed.
struct Manner {
  double warm_up_s = 0.01;
  double measured_s = 0.05;
  double core_share = 0.96;  ///< that each core's threads must have had of it
  double like = 1.5;         ///< how far apart the two round trips may be
  unsigned attempts = 3;
};

struct Sample {
  std::uint64_t count = 0;  ///< elements, or round trips
  double seconds = 0;
  double core_share = 0;
  double round_trip_before = 0;
  double round_trip_after = 0;
};

/// What everybody does whose ring is full or empty.
inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

/// Calls `step` for about that long; what it returned together, and the seconds.
template <class Step>
Sample run_for(double enough, Step&& step) {
  // So many calls between two looks at the clock that these cost nothing.
  constexpr unsigned kCalls = 1024;
  Sample sample;
  const auto begin = std::chrono::steady_clock::now();
  do {
    for (unsigned i = 0; i < kCalls; ++i) sample.count += step();
    sample.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  } while (sample.seconds < enough);
  return sample;
}

/// Warms up and measures `step` on this thread, which is the consumer core's only one, beside the
/// threads of the producer core.
template <class Step>
Sample measure(const Manner& manner, std::vector<std::thread>& others, Step&& step) {
  run_for(manner.warm_up_s, step);
  const ThreadCpu here(pthread_self());
  std::vector<ThreadCpu> there;
  for (std::thread& other : others) there.emplace_back(other.native_handle());
  Sample sample = run_for(manner.measured_s, step);
  double used = 0;
  for (const ThreadCpu& cpu : there) used += cpu.seconds();
  sample.core_share = std::min(here.seconds(), used) / sample.seconds;
  return sample;
}

inline void require_right(bool right) {
  if (!right) throw std::runtime_error("elements came out wrong, twice, or out of order");
}

/// Elements through a ring, from one or several producers on a core to a consumer on the other.
template <class Ring, bool kManyProducers>
Sample stream(const Point& point, const Manner& manner) {
  const auto ring = std::make_unique<Ring>(point.capacity, point.burst, point.producers);
  std::atomic<bool> stop{false};
  std::vector<std::thread> producers;
  for (unsigned number = 0; number < point.producers; ++number) {
    producers.emplace_back([&, number] {
      pin_to(kProducerCore);
      Source<typename Ring::Value> source(number);
      while (!stop.load(std::memory_order_relaxed)) {
        if (ring->put(number, point.burst, source) == 0) pause();
      }
    });
  }
  Sink<typename Ring::Value, kManyProducers> sink;
  const Sample sample = measure(manner, producers, [&] {
    const unsigned count = ring->get(point.burst, sink);
    if (count == 0) pause();
    return count;
  });
  stop.store(true, std::memory_order_relaxed);
  for (std::thread& producer : producers) producer.join();
  require_right(sink.right());
  return sample;
}

/// One element through a ring and, answered by the other core, one back through a second.
template <class Ring>
Sample ping_pong(const Point& point, const Manner& manner) {
  using Value = typename Ring::Value;
  const auto there = std::make_unique<Ring>(point.capacity, 1, 1);
  const auto back = std::make_unique<Ring>(point.capacity, 1, 1);
  std::atomic<bool> stop{false};
  bool right_there = true;
  std::vector<std::thread> partner;
  partner.emplace_back([&] {
    pin_to(kProducerCore);
    Source<Value> source;
    Sink<Value, false> sink;
    while (!stop.load(std::memory_order_relaxed)) {
      if (there->get(1, sink) == 0) {
        pause();
      } else {
        back->put(0, 1, source);
      }
    }
    right_there = sink.right();
  });
  Source<Value> source;
  Sink<Value, false> sink;
  const Sample sample = measure(manner, partner, [&] {
    there->put(0, 1, source);
    while (back->get(1, sink) == 0) pause();
    return 1U;
  });
  stop.store(true, std::memory_order_relaxed);
  partner.front().join();
  require_right(sink.right() && right_there);
  return sample;
}

/// `take` between two round trips; again while others or the machine disturb it.
template <class Take>
Sample undisturbed(const Manner& manner, Take&& take) {
  pin_to(kConsumerCore);
  Sample sample;
  for (unsigned attempt = 0; attempt < manner.attempts; ++attempt) {
    const double before = round_trip_ns(kProducerCore);
    sample = take();
    sample.round_trip_before = before;
    sample.round_trip_after = round_trip_ns(kProducerCore);
    const auto [least, most] = std::minmax(before, sample.round_trip_after);
    if (sample.core_share >= manner.core_share && most <= manner.like * least) break;
  }
  return sample;
}

}  // namespace bellpull::bench
