// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bellpull/ring/mpsc_ring.hpp"
#include "explorer/value_scenario.hpp"

namespace bellpull::ring::explorer {

/// Producer k (threads 1 and 2) puts in k * 100, k * 100 + 1, ...; thread 3 consumes.
class MpscScenario : public ValueScenario {
 public:
  using ValueScenario::ValueScenario;

  [[nodiscard]] unsigned threads() const override { return 3; }
  void set_up() override {
    ValueScenario::set_up();
    expect(ring_.make(shape_.capacity, 2) == SetupError::none, "the ring is not made");
    for (unsigned i = 0; i < 2; ++i) {
      expect(producers_[i].attach(ring_.memory(), i) == SetupError::none, "no producer");
    }
  }
  void run(unsigned thread) override { thread == 3 ? consume() : produce(thread - 1); }
  void check() override {
    while (take(shape_.capacity + 1) != 0) {
    }
    expect(taken_ == put_, "values are missing");
    expect(data_bell_.rung <= data_arms_, "a bell rang that nobody had armed");
  }

 protected:
  using Producer = MpscProducer<Cell, Trusted, ModelAccess>;

  virtual void produce(unsigned producer) = 0;
  virtual void consume() = 0;

  /// Puts a batch in; how many, and whether the consumer has to be told.
  std::pair<unsigned, bool> put(unsigned producer, bool tested, unsigned cancelled = 0) {
    auto batch =
        producers_[producer].reserve(std::min(shape_.batch, shape_.values - put_[producer]));
    const unsigned count = batch.size() < cancelled ? 0 : batch.size() - cancelled;
    for (unsigned i = 0; i < count; ++i) batch.emplace(producer * 100 + put_[producer] + i);
    put_[producer] += count;
    if (tested) return {count, batch.commit_and_test()};
    batch.commit();
    return {count, false};
  }

  unsigned take(unsigned most) {
    return ring_.consumer().poll(most, [&](const Cell& cell) {
      const std::uint64_t value = cell.get();
      const std::uint64_t producer = value / 100;
      if (producer > 1) return expect(false, "a value is not what was put in");
      expect(value % 100 == taken_[producer]++, "a producer's values are out of order");
    });
  }
  [[nodiscard]] bool all_taken() const {
    return taken_[0] == shape_.values && taken_[1] == shape_.values;
  }

  MpscRing<Cell, ModelAccess> ring_;
  std::array<Producer, 2> producers_;
  std::array<unsigned, 2> put_{};
  std::array<unsigned, 2> taken_{};
};

class ManyLook final : public MpscScenario {
 public:
  using MpscScenario::MpscScenario;

 private:
  void produce(unsigned producer) override {
    for (unsigned i = 0; i < 2 && put_[producer] < shape_.values; ++i) put(producer, false);
  }
  void consume() override {
    for (unsigned i = 0; i < 3 && !all_taken(); ++i) take(shape_.batch);
  }
};

/// The first producer cancels the last slot of each of its batches.
class OneCancels final : public MpscScenario {
 public:
  using MpscScenario::MpscScenario;

 private:
  void produce(unsigned producer) override { put(producer, false, producer == 0 ? 1 : 0); }
  void consume() override {
    for (unsigned i = 0; i < 2; ++i) take(shape_.capacity);
  }
};

class ManyAndSleep final : public MpscScenario {
 public:
  using MpscScenario::MpscScenario;

 private:
  void produce(unsigned producer) override {
    while (put_[producer] < shape_.values) {
      const auto [count, asks] = put(producer, true);
      if (asks) world_.ring(data_bell_);
      if (count == 0) return;
    }
  }
  void consume() override {
    for (;;) {
      while (take(shape_.batch) != 0) {
      }
      if (all_taken() || !consumer_sleeps(ring_.consumer())) return;
    }
  }
};

/// Halves that do not trust each other find nothing to object to.
class NobodyLies final : public ValueScenario {
 public:
  using ValueScenario::ValueScenario;

  [[nodiscard]] unsigned threads() const override { return 3; }
  void set_up() override {
    ValueScenario::set_up();
    expect(storage_.make(ValueRing::mpsc, shape_of<std::uint64_t>(shape_.capacity, 2)) ==
                   SetupError::none &&
               consumer_.attach(storage_.memory()) == SetupError::none,
           "the ring is not made");
    for (unsigned i = 0; i < 2; ++i) {
      expect(producers_[i].attach(storage_.memory(), i) == SetupError::none, "no producer");
    }
  }
  void run(unsigned thread) override {
    if (thread == 3) {
      std::uint64_t value = 0;
      for (unsigned i = 0; i < 2; ++i) static_cast<void>(consumer_.pop(value));
      return;
    }
    const unsigned pushes = thread == 1 ? 2 : 1;
    for (unsigned i = 0; i < pushes; ++i) producers_[thread - 1].push(std::uint64_t{i});
  }
  void check() override {
    expect(producers_[0].counters().peer_faults == 0 && producers_[1].counters().peer_faults == 0 &&
               consumer_.counters().peer_faults == 0,
           "an honest peer is taken for a liar");
  }

 private:
  RingStorage storage_;
  std::array<MpscProducer<std::uint64_t, Untrusted, CountingAccess>, 2> producers_;
  MpscConsumer<std::uint64_t, Untrusted, CountingAccess> consumer_;
};

/// The first producer dies: after its claim, or, if `kNotedOnly`, between noting and claiming. The
/// other goes on. Whoever survives, loses nothing.
template <bool kNotedOnly>
class OneDies final : public MpscScenario {
 public:
  using MpscScenario::MpscScenario;

  void check() override {
    // The other one lives no more either, so that nothing is contended.
    expect(ring_.consumer().recover(0) != Recovery::contended, "contended with nobody");
    MpscScenario::check();
  }

 private:
  void produce(unsigned producer) override {
    if (producer == 1) {
      for (unsigned i = 0; i < shape_.values; ++i) put(1, false);
      return;
    }
    if constexpr (kNotedOnly) {
      ModelAccess::store<Site::claim_note>(ring_.memory().notes[0].value, detail::note_of(0, 1));
    } else {
      // Never destroyed: that is what dying means here.
      new (&never_destroyed_) Reservation<Producer>(producers_[0].reserve(1));
    }
    world_.ring(death_);
  }
  void consume() override {
    if (!world_.wait(death_)) return;
    static_cast<void>(ring_.consumer().recover(0));
    take(shape_.capacity);
  }

  Bell death_;
  alignas(Reservation<Producer>)
      std::array<std::byte, sizeof(Reservation<Producer>)> never_destroyed_{};
};

}  // namespace bellpull::ring::explorer
