// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>

#include "bellpull/ring/order.hpp"

namespace bellpull::ring::fuzz {

/// Whoever wants to act between two accesses of the half under test.
class Racer {
 public:
  virtual void step() = 0;

 protected:
  ~Racer() = default;
};

/// Shared memory in which the other side may act before and after each word that the half under
/// test reads: a double fetch sees two values, on one thread and the same in each replay.
struct RacyAccess : NativeAccess {
  static inline Racer* racer = nullptr;

  static void step() noexcept {
    if (racer != nullptr) racer->step();
  }
  template <Site site, class Word>
  [[nodiscard]] static Word load(const Word& word) noexcept {
    step();
    const Word value = NativeAccess::load<site>(word);
    step();
    return value;
  }
  template <class Entry>
  [[nodiscard]] static Entry copy_once(const Entry& entry) noexcept {
    step();
    const Entry copy = NativeAccess::copy_once(entry);
    step();
    return copy;
  }
  static void copy_once(void* to, const void* from, std::size_t bytes) noexcept {
    step();
    NativeAccess::copy_once(to, from, bytes);
    step();
  }
};

}  // namespace bellpull::ring::fuzz
