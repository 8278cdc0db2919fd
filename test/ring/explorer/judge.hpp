// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

#include "explorer/model_access.hpp"
#include "explorer/program.hpp"

namespace bellpull::ring::explorer {

/// Explores one scenario with these orders and habits.
inline Result explore(World& world, const Program& scenario, const Orders& orders,
                      const Habits& habits) {
  ModelAccess::world = &world;
  ModelAccess::orders = orders;
  return world.explore([&] { return scenario.make(world, habits); });
}

/// All scenarios pass in all their executions, with or without the large ones.
inline void all_pass(std::span<const Program> programs, const Habits& habits, bool large) {
  World world;
  std::uint64_t executions = 0;
  for (const Program& scenario : programs) {
    if (scenario.large && !large) continue;
    const Result result = explore(world, scenario, Orders{}, habits);
    CAPTURE(scenario.name);
    CAPTURE(result.message);
    CAPTURE(result.trace);
    CHECK(result.failure == Failure::none);
    CHECK(result.exhausted);
    std::printf("  %-60s %8llu executions, %8llu repeats cut short\n",
                std::string(scenario.name).c_str(),
                static_cast<unsigned long long>(result.executions),
                static_cast<unsigned long long>(result.pruned));
    executions += result.executions;
  }
  std::printf("  %-60s %8llu executions\n", "together",
              static_cast<unsigned long long>(executions));
}

/// Some scenario fails, and the first that does fails in this way, or in the other.
inline void caught(std::span<const Program> programs, const char* mutant, const Orders& orders,
                   const Habits& habits, Failure expected, Failure or_else = Failure::none) {
  World world;
  for (const Program& scenario : programs) {
    const Result result = explore(world, scenario, orders, habits);
    if (result.failure == Failure::none) continue;
    CAPTURE(scenario.name);
    CAPTURE(result.message);
    CAPTURE(result.trace);
    CHECK((result.failure == expected || result.failure == or_else));
    std::printf("  %-40s caught by \"%s\", execution %llu: %s\n", mutant,
                std::string(scenario.name).c_str(),
                static_cast<unsigned long long>(result.executions), result.message.c_str());
    return;
  }
  FAIL("no scenario notices this mutant: ", mutant);
}

inline void caught(std::span<const Program> programs, Site site, std::memory_order order,
                   Failure expected, Failure or_else = Failure::none) {
  REQUIRE(order_of(site) != order);
  Orders orders;
  orders.set(site, order);
  caught(programs, std::string(name_of(site)).c_str(), orders, Habits{}, expected, or_else);
}

}  // namespace bellpull::ring::explorer
