// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/fault_plan.hpp"

namespace bellpull::engine {

/// What a fault back-end did. Any thread reads it.
struct FaultCounters {
  Counter transfers;                       ///< taken, whether hit or not
  std::array<Counter, kFaultKinds> faults; /**< that came to pass, by FaultKind; a compare that ends
                                                before the place of its fault has none */
  /// Those of one kind.
  [[nodiscard]] std::uint64_t of(FaultKind kind) const noexcept {
    return faults[static_cast<unsigned>(kind)].value();
  }
};

/// A back-end that does what `inner` does, and goes wrong as planned. Capabilities, wait source and
/// what pause(), resume() and stop() mean are those of `inner`; its window is no larger than the
/// one that `inner` has now, at most 1024. Nothing is allocated after this.
///
/// What fails half-way is given to `inner` cut off at the place of the fault, so that no byte
/// behind it moves; what fails before its first byte, or is stuck or times out, never reaches
/// `inner`, and cancel() can always stop it. What is late can not be cancelled: it has ended.
/// Faults of a kind that breaks the contract of a back-end (`stuck`, `duplicate`, `garbage_id`,
/// `corrupt`, `false_success`) are for tests of who has to bear them. `counters` outlives the
/// back-end. Throws std::invalid_argument for a rule that hits every 0th and for no `inner`.
[[nodiscard]] std::unique_ptr<Backend> make_fault_backend(std::unique_ptr<Backend> inner,
                                                          const FaultPlan& plan,
                                                          FaultCounters& counters);

}  // namespace bellpull::engine
