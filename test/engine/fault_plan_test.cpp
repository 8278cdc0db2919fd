// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/fault_plan.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

TEST_CASE("a plan of faults is read from a command line") {
  const ParsedFault parsed = parse_fault(
      "copy:every=7:write-error:segment=1;seed=9;"
      "crc32c,compare:corrupt:chance=2500:offset=3:limit=4;late:reaps=2:side=source:errno=5");
  REQUIRE(parsed);
  CHECK(parsed.plan.seed == 9);
  REQUIRE(parsed.plan.rules.size() == 3);
  const FaultRule& first = parsed.plan.rules[0];
  CHECK(first.kind == FaultKind::write_error);
  CHECK(first.operations == OperationSet{Operation::copy});
  CHECK(first.every == 7);
  CHECK(first.segment == 1);
  const FaultRule& second = parsed.plan.rules[1];
  CHECK(second.kind == FaultKind::corrupt);
  CHECK(second.operations == OperationSet{Operation::crc32c, Operation::compare});
  CHECK(second.chance == 2500);
  CHECK(second.offset == 3);
  CHECK(second.limit == 4);
  const FaultRule& third = parsed.plan.rules[2];
  CHECK(third.operations == FaultRule::all_operations());
  CHECK(third.reaps == 2);
  CHECK(third.side == Side::source);
  CHECK(third.error == 5);
}

TEST_CASE("no text is a plan without faults, and prints as no text") {
  const ParsedFault parsed = parse_fault("");
  CHECK(parsed);
  CHECK(parsed.plan.rules.empty());
  CHECK(to_text(parsed.plan).empty());
}

TEST_CASE("what is wrong with the text of a plan is named") {
  const auto says = [](const char* text, const char* words) {
    CAPTURE(text);
    const ParsedFault parsed = parse_fault(text);
    CAPTURE(parsed.error);
    CHECK_FALSE(parsed);
    CHECK(parsed.error.find(words) != std::string::npos);
    CHECK(parsed.plan.rules.empty());
  };
  says("copy", "fault 'copy' has no kind; add one of read-error, write-error");
  says("cpoy:stuck", "'cpoy' is neither an operation nor a kind of fault");
  says("copy,,fill:stuck", "'' is neither");
  says("copy:stuck:late", "'late' is the second one");
  says("stuck:every=0", "'every=0': choose a number from 1 to");
  says("stuck:every=x", "'every=x': choose a number");
  says("stuck:every=1x", "'every=1x': choose a number");
  says("stuck:chance=1000001", "from 0 to 1000000");
  says("stuck:segment=64", "from 0 to 63");
  says("stuck:errno=-1", "from 1 to 4095");
  says("stuck:side=left", "a side is source or destination");
  says("stuck:evry=2", "'evry=2': there is every=");
  says("seed=", "'seed=': a seed is a number");
  says("stuck;seed=99999999999999999999", "a seed is a number");
  says("stuck;;late", "'' is neither");
  says("stuck:", "'' is neither");
}

TEST_CASE("each plan reads as it prints") {
  std::mt19937_64 random(ring::test::announce_seed("plans of faults", 1));
  for (int round = 0; round < 2000; ++round) {
    FaultPlan plan;
    if (random() % 2 != 0) plan.seed = random();
    plan.rules.resize(random() % 4);
    for (FaultRule& rule : plan.rules) {
      rule.kind = static_cast<FaultKind>(random() % kFaultKinds);
      if (random() % 2 != 0) rule.operations = {Operation::copy, Operation::nop};
      if (random() % 2 != 0) rule.every = random() | 1;
      if (random() % 2 != 0) rule.offset = random();
      if (random() % 2 != 0) rule.chance = static_cast<std::uint32_t>(random() % 1'000'001);
      if (random() % 2 != 0) rule.limit = random();
      if (random() % 2 != 0) rule.side = Side::destination;
      if (random() % 2 != 0) rule.segment = static_cast<std::uint16_t>(random() % kMaxSegments);
      if (random() % 2 != 0) rule.reaps = static_cast<std::uint32_t>(random());
      if (random() % 2 != 0) rule.error = static_cast<std::int32_t>(1 + random() % 4095);
    }
    const std::string text = to_text(plan);
    CAPTURE(text);
    const ParsedFault parsed = parse_fault(text);
    REQUIRE_MESSAGE(parsed, parsed.error);
    REQUIRE(parsed.plan == plan);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
