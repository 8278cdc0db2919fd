// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "explorer/explorer.hpp"

namespace bellpull::ring::explorer {

/// What a mutant does differently besides its memory orders.
struct Habits {
  bool driver_rechecks =
      true;  ///< false: sleeps after arm(), whatever arm() answered; producers too
  bool device_rechecks = true;  ///< the same for the device half, and consumers
  bool bell_orders = true;      ///< false: a bell wakes and orders nothing
};

/// A small program around one queue or value ring, over ModelAccess.
struct Program {
  std::string_view name;
  bool large;  ///< has more than 100,000 executions
  std::function<std::unique_ptr<Scenario>(World&, const Habits&)> make;
};

}  // namespace bellpull::ring::explorer
