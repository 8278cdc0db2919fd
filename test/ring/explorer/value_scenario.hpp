// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "explorer/model_access.hpp"
#include "explorer/scenarios.hpp"

namespace bellpull::ring::explorer {

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

}  // namespace bellpull::ring::explorer
