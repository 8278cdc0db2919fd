// SPDX-License-Identifier: BSD-2-Clause
// Every execution of small programs around the shipped Napi: no event is forgotten, never two poll
// at once, nobody polls what is disabled, no timer is lost. And with any one of many mistakes in
// it, or around it, some execution goes wrong.
#include "explorer/explorer.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "napi_explorer/scenario.hpp"
#include "sanitizers.hpp"

namespace bellpull::netdrv::explorer {
namespace {

using ring::explorer::Failure;
using ring::explorer::Result;
using ring::explorer::World;

Result explore(World& in, const Program& program, const Subject& subject, const Habits& habits) {
  world = &in;
  return in.explore([&] {
    return std::make_unique<NapiScenario>(in, subject.make, habits, program.shape, program.code);
  });
}

void caught(std::string_view name, std::string_view why, const Subject& subject,
            const Habits& habits) {
  World world;
  std::uint64_t executions = 0;
  for (const Program& program : programs()) {
    const Result result = explore(world, program, subject, habits);
    executions += result.executions;
    if (result.failure == Failure::none) continue;
    std::printf("  %-24s caught by \"%s\", execution %llu: %s\n", std::string(name).c_str(),
                std::string(program.name).c_str(), static_cast<unsigned long long>(executions),
                result.message.c_str());
    return;
  }
  CAPTURE(why);
  FAIL_CHECK("no program notices this mutant: ", name);
}

TEST_CASE("the shipped Napi loses no event and no timer, and has one owner, in every execution") {
  World world;
  std::uint64_t executions = 0;
  for (const Program& program : programs()) {
    // They take minutes under a sanitizer, which has nothing to add to a model.
    if (program.large && BELLPULL_TEST_SANITIZED != 0) continue;
    const Result result = explore(world, program, shipped(), {});
    CAPTURE(program.name);
    CAPTURE(result.message);
    CAPTURE(result.trace);
    CHECK(result.failure == Failure::none);
    CHECK(result.exhausted);
    std::printf("  %-40s %8llu executions, %8llu repeats cut short\n",
                std::string(program.name).c_str(),
                static_cast<unsigned long long>(result.executions),
                static_cast<unsigned long long>(result.pruned));
    executions += result.executions;
  }
  std::printf("  %-40s %8llu executions\n", "together",
              static_cast<unsigned long long>(executions));
}

TEST_CASE("mutants: each mistake in the machine is caught by some program") {
  for (const Subject& mutant : mutants()) caught(mutant.name, mutant.why, mutant, {});
}

TEST_CASE("mutants: each mistake around the machine is caught by some program") {
  caught("does not wait", "R11: does not wait for the owner", shipped(),
         {.waits_for_disable = false});
  caught("does not schedule", "R11: does not look for what came while it was disabled", shipped(),
         {.schedules_after_enable = false});
  caught("minds no timer", "R13: leaves a deferred instance alone", shipped(),
         {.minds_timer = false});
  caught("does not poll once more", "R17: leaves an instance alone after a busy poll", shipped(),
         {.polls_once_more = false});
}

}  // namespace
}  // namespace bellpull::netdrv::explorer
