// SPDX-License-Identifier: BSD-2-Clause
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "bellpull/ring/mpsc_ring.hpp"
#include "bellpull/ring/overwrite_ring.hpp"
#include "bellpull/ring/spsc_ring.hpp"
#include "explorer/model_access.hpp"
#include "explorer/scenarios.hpp"

namespace bellpull::ring::explorer {
namespace {

/// How a scenario is sized.
struct Shape {
  std::uint32_t capacity = 2;
  unsigned values = 2;  ///< that pass in all; of each producer where there are several
  unsigned batch = 1;   ///< most values per publish and per release
};

/// With the counters, which tell what a half took for a lie of its peer.
struct CountingAccess : ModelAccess {
  static constexpr bool kCounters = true;
};

/// A value whose making, reading and end the model sees.
class Cell {
 public:
  explicit Cell(std::uint64_t value) noexcept : value_(value) { ModelAccess::world->write(this); }
  Cell(const Cell& other) noexcept : Cell(other.get()) {}
  Cell(Cell&& other) noexcept : Cell(other.get()) {}
  Cell& operator=(const Cell&) = delete;
  Cell& operator=(Cell&&) = delete;
  ~Cell() { ModelAccess::world->write(this); }

  [[nodiscard]] std::uint64_t get() const noexcept {
    ModelAccess::world->read(this);
    return value_;
  }

 private:
  std::uint64_t value_;
};

/// What all scenarios share: the bells, and who rechecks.
class ValueScenario : public Scenario {
 public:
  ValueScenario(World& world, const Habits& habits, const Shape& shape)
      : shape_(shape), world_(world), habits_(habits) {}

  void set_up() override { data_bell_.orders = space_bell_.orders = habits_.bell_orders; }

 protected:
  void expect(bool holds, const char* what) {
    if (!holds) world_.fail(Failure::wrong, what);
  }

  /// Arms and sleeps unless there is something. False when the thread must end.
  template <class Consumer>
  [[nodiscard]] bool consumer_sleeps(Consumer& consumer) {
    ++data_arms_;
    if (consumer.arm() && habits_.device_rechecks) return true;
    return world_.wait(data_bell_);
  }
  template <class Producer>
  [[nodiscard]] bool producer_sleeps(Producer& producer) {
    ++space_arms_;
    if (producer.arm() && habits_.driver_rechecks) return true;
    return world_.wait(space_bell_);
  }

  Shape shape_;
  World& world_;
  Habits habits_;
  Bell data_bell_;
  Bell space_bell_;
  unsigned data_arms_ = 0;
  unsigned space_arms_ = 0;
};

// --- one producer ---------------------------------------------------------------------------

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

// --- several producers ----------------------------------------------------------------------

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

// --- overwriting ----------------------------------------------------------------------------

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

template <class Kind>
Program program(std::string_view name, const Shape& shape, bool large = false) {
  return {name, large, [shape](World& world, const Habits& habits) {
            return std::make_unique<Kind>(world, habits, shape);
          }};
}

}  // namespace

std::span<const Program> value_programs() {
  static const std::array programs = {
      program<BothLook>("both look, three values through two slots", {.capacity = 2, .values = 3}),
      program<BothLook>("both look, batches", {.capacity = 2, .values = 4, .batch = 2}),
      program<BothLook>("both look, a capacity that is no power of two",
                        {.capacity = 3, .values = 5, .batch = 2}),
      program<ConsumerSleeps>("the consumer sleeps, two values", {.capacity = 4, .values = 2}),
      program<ConsumerSleeps>("the consumer sleeps, four values in two batches",
                              {.capacity = 4, .values = 4, .batch = 2}),
      program<ProducerSleeps>("the producer sleeps, two slots", {.capacity = 2, .values = 4}),
      program<ProducerSleeps>("the producer sleeps, one slot", {.capacity = 1, .values = 2}),
      program<BothSleepOnValues>("both sleep, two values through one slot",
                                 {.capacity = 1, .values = 2}),
      program<ManyLook>("two producers, two slots", {.capacity = 2, .values = 1}),
      program<ManyLook>("two producers, one slot", {.capacity = 1, .values = 1}),
      program<ManyLook>("two producers, batches", {.capacity = 4, .values = 2, .batch = 2}),
      program<OneCancels>("two producers, one cancels a slot",
                          {.capacity = 4, .values = 2, .batch = 2}),
      program<ManyAndSleep>("two producers, the consumer sleeps", {.capacity = 2, .values = 1}),
      program<OneDies<false>>("a producer dies with a claim", {.capacity = 2, .values = 1}),
      program<OneDies<true>>("a producer dies before its claim", {.capacity = 2, .values = 1}),
      program<OneDies<true>>("a producer dies before its claim, the other goes on",
                             {.capacity = 2, .values = 2}),
      program<NobodyLies>("two producers, nobody is taken for a liar", {.capacity = 1}),
      program<Overwrites>("one slot is overwritten", {.capacity = 1, .values = 3}),
      program<Overwrites>("two slots are overwritten", {.capacity = 2, .values = 3}),
      program<OverwritesAndSleeps>("overwritten, and the consumer sleeps",
                                   {.capacity = 1, .values = 2}),
  };
  return programs;
}

}  // namespace bellpull::ring::explorer
