// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

#include "explorer/explorer.hpp"

namespace bellpull::netdrv::explorer {

/// What the words below are words of. They have no other way to know.
inline ring::explorer::World* world = nullptr;

/// Stands in the place of std::atomic, over the memory of the explorer. Without a world it is a
/// plain value, the newest.
template <std::unsigned_integral T>
class Modelled {
 public:
  Modelled(T initial, std::string_view name) noexcept
      : initial_(initial), newest_(initial), name_(name) {
    told_.orders = false;  // as notify_all() orders nothing
  }

  T load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
    if (world == nullptr) return newest_;
    if (world->over()) return 0;
    return static_cast<T>(world->load(this, initial_, order, name_));
  }
  void store(T value, std::memory_order order) noexcept {
    change([value](T) { return value; }, order);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return change([value](T) { return value; }, order);
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return change([value](T old) { return static_cast<T>(old + value); }, order);
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return change([value](T old) { return static_cast<T>(old - value); }, order);
  }
  T fetch_and(T value, std::memory_order order) noexcept {
    return change([value](T old) { return old & value; }, order);
  }
  T fetch_or(T value, std::memory_order order) noexcept {
    return change([value](T old) { return old | value; }, order);
  }

  bool compare_exchange_strong(T& expected, T desired, std::memory_order order,
                               std::memory_order = std::memory_order_relaxed) noexcept {
    if (world->over()) return true;
    const auto attempt = [&](std::uint64_t old) -> std::optional<std::uint64_t> {
      if (old != expected) return std::nullopt;
      newest_ = desired;
      return desired;
    };
    const auto old = static_cast<T>(world->update(this, initial_, attempt, order, name_));
    if (old == expected) return true;
    expected = old;
    return false;
  }
  // What fails for no reason only tries again.
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order,
                             std::memory_order failure) noexcept {
    return compare_exchange_strong(expected, desired, order, failure);
  }

  void wait(T old, std::memory_order order) const noexcept {
    while (!world->over() && load(order) == old && world->wait(told_)) {
      // Being woken orders nothing, but nobody is woken to sleep on for the value he was woken
      // from.
      world->update(
          this, initial_, [](std::uint64_t) { return std::nullopt; }, std::memory_order_relaxed,
          name_);
    }
  }
  void notify_all() noexcept { world->ring(told_); }

 private:
  template <class Change>
  T change(const Change& what, std::memory_order order) noexcept {
    if (world->over()) return 0;
    const auto apply = [&](std::uint64_t old) -> std::optional<std::uint64_t> {
      newest_ = what(static_cast<T>(old));
      return newest_;
    };
    return static_cast<T>(world->update(this, initial_, apply, order, name_));
  }

  const T initial_;
  T newest_;
  const std::string_view name_;
  mutable ring::explorer::Bell told_;
};

/// Stands in the place of a plain member: the explorer sees who uses it, and reports a race.
template <class T>
class Plain {
 public:
  Plain(T value) noexcept : value_(value) {}  // NOLINT(google-explicit-constructor)
  Plain(const Plain& other) noexcept : value_(other) {}
  Plain& operator=(T value) noexcept {
    world->write(this);
    value_ = value;
    return *this;
  }
  Plain& operator=(const Plain& other) noexcept { return *this = static_cast<T>(other); }
  Plain& operator--() noexcept { return *this = static_cast<T>(*this) - 1; }
  operator T() const noexcept {  // NOLINT(google-explicit-constructor)
    world->read(this);
    return value_;
  }

 private:
  T value_;
};

}  // namespace bellpull::netdrv::explorer
