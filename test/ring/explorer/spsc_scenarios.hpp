// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "bellpull/ring/spsc_ring.hpp"
#include "explorer/value_scenario.hpp"

namespace bellpull::ring::explorer {

/// One producer, thread 1, and one consumer.
class SpscScenario : public ValueScenario {
 public:
  using ValueScenario::ValueScenario;

  [[nodiscard]] unsigned threads() const override { return 2; }
  void set_up() override {
    ValueScenario::set_up();
    expect(ring_.make(shape_.capacity) == SetupError::none, "the ring is not made");
  }
  void run(unsigned thread) override { thread == 1 ? produce() : consume(); }
  void check() override {
    while (take(shape_.capacity + 1) != 0) {
    }
    expect(taken_ == put_, "values are missing");
    expect(data_bell_.rung <= data_arms_, "a bell rang that nobody had armed");
    expect(space_bell_.rung <= space_arms_, "a bell for room rang that nobody had armed");
  }

 protected:
  virtual void produce() = 0;
  virtual void consume() = 0;

  /// Puts a batch in; how many, and whether the consumer has to be told.
  std::pair<unsigned, bool> put(bool tested) {
    auto batch = ring_.producer().reserve(std::min(shape_.batch, shape_.values - put_));
    const unsigned count = batch.size();
    for (unsigned i = 0; i < count; ++i) batch.emplace(put_ + i + 1000ULL);
    put_ += count;
    if (count == 0) return {0, false};
    if (tested) return {count, batch.commit_and_test()};
    batch.commit();
    return {count, false};
  }

  /// Takes up to `most` values out without giving the slots back.
  unsigned look(unsigned most) {
    const Runs<Cell> values = ring_.consumer().peek(most);
    values.for_each([&](const Cell& cell) {
      expect(cell.get() == taken_++ + 1000ULL, "a value is not what was put in");
    });
    return static_cast<unsigned>(values.size());
  }
  unsigned take(unsigned most) {
    const unsigned count = look(most);
    ring_.consumer().release(count);
    return count;
  }

  SpscRing<Cell, ModelAccess> ring_;
  unsigned put_ = 0;
  unsigned taken_ = 0;
};

class BothLook final : public SpscScenario {
 public:
  using SpscScenario::SpscScenario;

 private:
  static constexpr unsigned kLooks = 4;
  void produce() override {
    for (unsigned i = 0; i < kLooks && put_ < shape_.values; ++i) put(false);
  }
  void consume() override {
    for (unsigned i = 0; i < kLooks && taken_ < shape_.values; ++i) take(shape_.batch);
  }
};

class ConsumerSleeps final : public SpscScenario {
 public:
  using SpscScenario::SpscScenario;

 private:
  void produce() override {
    while (put_ < shape_.values) {
      if (put(true).second) world_.ring(data_bell_);
    }
  }
  void consume() override {
    for (;;) {
      while (take(shape_.batch) != 0) {
      }
      if (taken_ == shape_.values || !consumer_sleeps(ring_.consumer())) return;
    }
  }
};

/// The ring is full from the start and the producer sleeps until there is room.
class ProducerSleeps final : public SpscScenario {
 public:
  using SpscScenario::SpscScenario;

  void set_up() override {
    SpscScenario::set_up();
    while (put(false).first != 0) {
    }
  }

 private:
  void produce() override {
    while (put_ < shape_.values) {
      if (put(false).first == 0 && !producer_sleeps(ring_.producer())) return;
    }
  }
  void consume() override {
    // Not to its end: what comes later is found by check().
    while (taken_ < shape_.values) {
      const unsigned count = look(shape_.batch);
      if (count == 0) return;
      if (ring_.consumer().release_and_test(count)) world_.ring(space_bell_);
    }
  }
};

class BothSleepOnValues final : public SpscScenario {
 public:
  using SpscScenario::SpscScenario;

 private:
  void produce() override {
    while (put_ < shape_.values) {
      const auto [count, asks] = put(true);
      if (asks) world_.ring(data_bell_);
      if (count == 0 && !producer_sleeps(ring_.producer())) return;
    }
  }
  void consume() override {
    while (taken_ < shape_.values) {
      const unsigned count = look(shape_.batch);
      if (count != 0) {
        if (ring_.consumer().release_and_test(count)) world_.ring(space_bell_);
      } else if (!consumer_sleeps(ring_.consumer())) {
        return;
      }
    }
  }
};

}  // namespace bellpull::ring::explorer
