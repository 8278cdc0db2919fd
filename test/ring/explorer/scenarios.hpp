// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "explorer/explorer.hpp"

namespace bellpull::ring::explorer {

/// What a mutant does differently besides its memory orders.
struct Habits {
  bool driver_rechecks = true;  ///< false: sleeps after arm(), whatever arm() answered
  bool device_rechecks = true;  ///< the same for the device half
  bool bell_orders = true;      ///< false: a bell wakes and orders nothing
};

/// A small program around one queue: Driver and Device over ModelAccess.
struct QueueProgram {
  std::string_view name;
  bool large;  ///< has more than 100,000 executions
  std::function<std::unique_ptr<Scenario>(World&, const Habits&)> make;
};

/// All of them, the large ones last.
[[nodiscard]] std::span<const QueueProgram> split_programs();
/// See split_programs().
[[nodiscard]] std::span<const QueueProgram> packed_programs();

}  // namespace bellpull::ring::explorer
