// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/frame_fault.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <random>
#include <string>

#include "seeds.hpp"

using namespace bellpull::netdrv;

namespace {

FrameFaultRule only(std::string_view text) {
  const ParsedFrameFaults parsed = parse_frame_faults(text);
  CHECK(parsed.error == "");
  REQUIRE(parsed.plan.rules.size() == 1);
  return parsed.plan.rules.front();
}

void says(std::string_view text, const std::string& what) {
  const ParsedFrameFaults parsed = parse_frame_faults(text);
  CAPTURE(std::string(text));
  CAPTURE(parsed.error);
  CHECK_FALSE(parsed);
  CHECK(parsed.error.find(what) != std::string::npos);
  CHECK(parsed.error.find('\n') == std::string::npos);
  CHECK(parsed.plan == FrameFaultPlan{});
}

}  // namespace

TEST_CASE("a plan of frame faults says what happens, to which frames") {
  CHECK(parse_frame_faults("").plan == FrameFaultPlan{});
  CHECK(only("drop") == FrameFaultRule{});
  const FrameFaultRule drop = only("rx:every=100:offset=3:chance=5:limit=7:drop");
  CHECK(drop.rx);
  CHECK_FALSE(drop.tx);
  CHECK(drop.turn == bellpull::engine::FaultTurn{100, 3, 5, 7});
  const FrameFaultRule error = only("tx:errno=EINVAL:gso");
  CHECK(error.kind == FrameFaultKind::error);
  CHECK(error.error == EINVAL);
  CHECK(error.gso);
  CHECK_FALSE(error.rx);
  CHECK(only("errno=77").error == EBADFD);
  CHECK(only("errno=EBADFD").error == EBADFD);
  CHECK(only("corrupt=header").header);
  CHECK_FALSE(only("corrupt").header);
  CHECK(only("reorder").frames == 1);
  CHECK(only("reorder=5").frames == 5);
  CHECK(only("delay=250").delay_us == 250);
  CHECK(only("rx:tx:truncate").tx);
  CHECK(only("short").kind == FrameFaultKind::short_read);
  const FrameFaultPlan plan = parse_frame_faults("seed=9;rx:drop;duplicate").plan;
  CHECK(plan.seed == 9);
  CHECK(plan.rules.size() == 2);
}

TEST_CASE(
    "what is wrong with a plan of frame faults is said in one line, with what could be there") {
  says("lose", "'lose': there is errno=NAME, short, truncate, drop");
  says("rx", "has no kind; add one of errno=NAME");
  says("rx:drop;;tx:drop", "'': there is");
  says("drop:corrupt", "'corrupt' is the second one");
  says("errno", "'errno': choose a name such as EINVAL");
  says("errno=EWHAT", "'errno=EWHAT': choose a name");
  says("errno=0", "'errno=0': choose a name");
  says("errno=4096", "from 1 to 4095");
  says("tx:short", "a write is never short");
  says("corrupt=tail", "use corrupt, of any bit, or corrupt=header");
  says("reorder=0", "from 1 to 1024");
  says("reorder=1025", "from 1 to 1024");
  says("delay", "'delay': choose a number from 1 to 60000000");
  says("delay=60000001", "from 1 to 60000000");
  says("drop=3", "drop has no value");
  says("drop:every=0", "'every=0': choose a number from 1");
  says("drop:chance=1000001", "from 0 to 1000000");
  says("drop:limit=x", "'limit=x': choose a number");
  says("drop:gso=1", "'gso=1': there is");
  says("seed=-1", "'seed=-1': a seed is a number");
}

TEST_CASE("a plan of frame faults is the same after it was written and read again") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("frame fault plans", 20261121));
  const auto number = [&](std::uint32_t most) {
    return static_cast<std::uint32_t>(1 + random() % most);
  };
  for (unsigned i = 0; i < 2000; ++i) {
    FrameFaultPlan plan{.rules = {}, .seed = random() % 3};
    for (std::uint64_t rules = random() % 4; rules != 0; --rules) {
      FrameFaultRule rule{.kind = static_cast<FrameFaultKind>(random() % kFrameFaultKinds)};
      const std::uint64_t direction = random() % 3;
      rule.rx = direction != 0 || rule.kind == FrameFaultKind::short_read;
      rule.tx = direction != 1;
      rule.gso = random() % 2 == 0;
      if (rule.kind == FrameFaultKind::corrupt) rule.header = random() % 2 == 0;
      if (rule.kind == FrameFaultKind::error) rule.error = 1 + static_cast<int>(random() % 4095);
      if (rule.kind == FrameFaultKind::reorder) rule.frames = number(kMaxReorder);
      if (rule.kind == FrameFaultKind::delay) rule.delay_us = number(kMaxFrameDelay);
      rule.turn = {1 + random() % 9, random() % 9, static_cast<std::uint32_t>(random() % 1'000'001),
                   random() % 9};
      plan.rules.push_back(rule);
    }
    const std::string text = to_text(plan);
    CAPTURE(text);
    const ParsedFrameFaults parsed = parse_frame_faults(text);
    CHECK(parsed.error == "");
    REQUIRE(parsed.plan == plan);
  }
}
