// SPDX-License-Identifier: BSD-2-Clause
#include "fault_spec.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error.hpp"

using namespace bellpull;
using netdrv::FrameFaultKind;
using tools::parse_faults;
using tools::UsageError;

namespace {

std::vector<tools::PortSpec> ports() {
  std::vector<tools::PortSpec> specs;
  for (const char* const text : {"tap:bp0,netns=left", "tap:bp0,netns=right", "tap:bp1,netns=left",
                                 "tap:,fd=7", "sim:name=s"}) {
    specs.push_back(tools::parse_port(text));
  }
  return specs;
}

std::string refusal_of(const std::vector<std::string>& words) {
  try {
    static_cast<void>(parse_faults(words, ports()));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "it was taken";
}

}  // namespace

TEST_CASE(
    "each --fault gives its port a plan, by name, and with the namespace where it is needed") {
  const std::vector<std::string> words = {"bp0@right:rx:drop", "bp1:tx:errno=EIO;seed=3",
                                          "s:corrupt"};
  const auto plans = parse_faults(words, ports());
  REQUIRE(plans.size() == 5);
  CHECK(plans[0].rules.empty());
  REQUIRE(plans[1].rules.size() == 1);
  CHECK(plans[1].rules[0].kind == FrameFaultKind::drop);
  REQUIRE(plans[2].rules.size() == 1);
  CHECK(plans[2].seed == 3);
  CHECK(plans[3].rules.empty());
  CHECK(plans[4].rules.size() == 1);
}

TEST_CASE("a --fault that makes no sense is refused, with what could be there") {
  const auto refused = [](const std::vector<std::string>& words, const std::string& why) {
    const std::string said = refusal_of(words);
    CAPTURE(said);
    CHECK(said.find(why) != std::string::npos);
  };
  refused({"bp0:drop"}, "there are several ports bp0: use bp0@left or bp0@right or bp1@left or s");
  refused({"bp9:drop"}, "there is no port 'bp9'");
  refused({":drop"}, "there is no port ''");
  refused({"bp1"}, "it has no fault: add one, such as bp1:rx:drop:every=100");
  refused({"bp1:seed=1"}, "it has no fault");
  refused({"bp1:fall"}, "'fall': there is errno=NAME");
  refused({"s:drop", "s:corrupt"}, "port s has faults already");
}
