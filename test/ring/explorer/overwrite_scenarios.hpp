// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/overwrite_ring.hpp"
#include "explorer/value_scenario.hpp"

namespace bellpull::ring::explorer {

/// A consumer that looks while values are overwritten.
class Overwrites final : public ValueScenario {
 public:
  using ValueScenario::ValueScenario;

  [[nodiscard]] unsigned threads() const override { return 2; }
  void set_up() override {
    ValueScenario::set_up();
    expect(
        storage_.make(ValueRing::overwrite, shape_of<Pair>(shape_.capacity)) == SetupError::none &&
            producer_.attach(storage_.memory()) == SetupError::none &&
            consumer_.attach(storage_.memory()) == SetupError::none,
        "the ring is not made");
  }
  void run(unsigned thread) override {
    if (thread == 1) {
      for (unsigned i = 0; i < shape_.values; ++i) {
        producer_.push(Pair{i + 1000ULL, i + 2000ULL}, Overflow::overwrite_oldest);
      }
      return;
    }
    for (unsigned i = 0; i < 2; ++i) take();
  }
  void check() override {
    while (take()) {
    }
    expect(last_ == shape_.values + 999ULL, "the newest value is lost");
    expect(consumer_.counters().peer_faults == 0, "an honest producer is taken for a liar");
  }

 private:
  struct Pair {
    std::uint64_t one;
    std::uint64_t other;
  };

  bool take() {
    Pair pair{};
    if (!consumer_.pop(pair)) return false;
    expect(pair.other == pair.one + 1000, "a value is torn");
    expect(pair.one > last_, "a value came twice or too late");
    last_ = pair.one;
    return true;
  }

  RingStorage storage_;
  OverwriteProducer<Pair, CountingAccess> producer_;
  OverwriteConsumer<Pair, CountingAccess> consumer_;
  std::uint64_t last_ = 0;
};

/// A consumer that sleeps until there is a newer value.
class OverwritesAndSleeps final : public ValueScenario {
 public:
  using ValueScenario::ValueScenario;

  [[nodiscard]] unsigned threads() const override { return 2; }
  void set_up() override {
    ValueScenario::set_up();
    expect(storage_.make(ValueRing::overwrite, shape_of<std::uint64_t>(shape_.capacity)) ==
                   SetupError::none &&
               producer_.attach(storage_.memory()) == SetupError::none &&
               consumer_.attach(storage_.memory()) == SetupError::none,
           "the ring is not made");
  }
  void run(unsigned thread) override { thread == 1 ? produce() : consume(); }

 private:
  void produce() {
    for (std::uint64_t i = 1; i <= shape_.values; ++i) {
      bool asks = false;
      producer_.push_and_test({&i, 1}, Overflow::overwrite_oldest, asks);
      if (asks) world_.ring(data_bell_);
    }
  }
  void consume() {
    std::uint64_t value = 0;
    for (;;) {
      while (consumer_.pop(value)) {
      }
      if (value == shape_.values || !consumer_sleeps(consumer_)) return;
    }
  }

  RingStorage storage_;
  OverwriteProducer<std::uint64_t, ModelAccess> producer_;
  OverwriteConsumer<std::uint64_t, ModelAccess> consumer_;
};

}  // namespace bellpull::ring::explorer
