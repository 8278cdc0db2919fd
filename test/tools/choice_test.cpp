// SPDX-License-Identifier: BSD-2-Clause
#include "choice.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "error.hpp"

using namespace bellpull::tools;

namespace {

constexpr std::array kWords = {Word{"interrupt"}, Word{"poll"}, Word{"adaptive", false}};

std::string refusal_of(std::string_view typed) {
  try {
    static_cast<void>(choose("--mode", typed, kWords));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "it was taken";
}

}  // namespace

TEST_CASE("a word is its position") {
  CHECK(choose("--mode", "interrupt", kWords) == 0);
  CHECK(choose("--mode", "poll", kWords) == 1);
}

TEST_CASE("what is unknown is refused with what there is") {
  CHECK(refusal_of("turbo") == "--mode: 'turbo' is unknown: use interrupt or poll");
  CHECK(refusal_of("") == "--mode: '' is unknown: use interrupt or poll");
  CHECK(refusal_of("adaptive") ==
        "--mode: 'adaptive' comes in a later version: use interrupt or poll");
}

TEST_CASE("a slip of the hand gets the word that was meant, as far as it is there") {
  for (const char* typed : {"pol", "polll", "pull", "Poll", "opll"}) {
    const std::string quoted = std::string("'") + typed + "'";
    const bool far = std::string_view(typed) == "opll";  // two letters of four
    CHECK(refusal_of(typed) == "--mode: " + quoted + " is unknown: use interrupt or poll" +
                                   (far ? "" : "; did you mean poll?"));
  }
  CHECK(refusal_of("interupt").ends_with("; did you mean interrupt?"));
  CHECK(refusal_of("Interrupts").ends_with("; did you mean interrupt?"));
  CHECK(refusal_of("adaptiv") == "--mode: 'adaptiv' is unknown: use interrupt or poll");
  CHECK(refusal_of(std::string(100'000, 'p')).ends_with("is unknown: use interrupt or poll"));
}
