// SPDX-License-Identifier: BSD-2-Clause
#include "control_protocol.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "error.hpp"
#include "sample_settings.hpp"
#include "seeds.hpp"

using namespace bellpull;
using tools::answer_to;
using tools::request_for;
using tools::understand_answer;

namespace {

using Words = std::vector<std::string>;

constexpr const char* kNoRequest =
    "usage\nthe request is neither 'list' nor 'set' with a KEY=VALUE on each line: use `bellpull "
    "set` of the same version";

}  // namespace

TEST_CASE("what is asked for is listed") {
  const test::SampleSettings sample;
  const auto rows = understand_answer(answer_to(request_for({}), sample.table));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].name == "high");
  CHECK(rows[0].value == "90");
  CHECK(rows[1].name == "low");
  CHECK(rows[1].value == "10");
  CHECK(rows[1].range == "0 to 100");
  CHECK(rows[1].help == "how low it is");
}

TEST_CASE("what is asked for is set, and ok says no more") {
  test::SampleSettings sample;
  const std::string answer = answer_to(request_for(Words{"low=1", "high=2"}), sample.table);
  CHECK(answer == "ok\n");
  CHECK(understand_answer(answer).empty());
  CHECK(sample.values["low"] == 1);
  CHECK(sample.values["high"] == 2);
}

TEST_CASE("what cannot be is answered with the line that says why, and changes nothing") {
  const test::SampleSettings sample;
  const std::string answer = answer_to(request_for(Words{"low=1", "high=101"}), sample.table);
  CHECK(answer == "usage\nhigh: '101' is no whole number from 0 to 100: give one");
  CHECK_THROWS_WITH_AS(static_cast<void>(understand_answer(answer)),
                       "high: '101' is no whole number from 0 to 100: give one", tools::UsageError);
  CHECK(sample.changes == 0);
}

TEST_CASE("half a request or none is answered with one line") {
  const test::SampleSettings sample;
  for (const std::string request : {"", "lis", "list\nlow=1", "set", "set\n", "SET\nlow=1",
                                    "set low=1", "\n", "\nset\nlow=1"}) {
    CAPTURE(request);
    CHECK(answer_to(request, sample.table) == kNoRequest);
  }
  CHECK(answer_to(std::string("set\0low=1", 9), sample.table) == kNoRequest);
  CHECK(sample.changes == 0);
}

TEST_CASE("an empty line is no setting, but the last line may end like the others") {
  test::SampleSettings sample;
  CHECK(answer_to("set\n\nlow=1", sample.table).starts_with("usage\nsetting: '' is unknown"));
  CHECK(sample.changes == 0);
  CHECK(answer_to("set\nlow=1\n", sample.table) == "ok\n");
  CHECK(sample.changes == 1);
}

TEST_CASE("requests of random bytes change nothing and are answered with one line each") {
  const test::SampleSettings sample;
  std::mt19937_64 random(ring::test::announce_seed("control_protocol", 21));
  for (int round = 0; round < 5000; ++round) {
    std::string request(1 + random() % 200, '\0');
    for (char& c : request) c = static_cast<char>(random());
    if (round % 2 == 0) request.insert(0, "set\n");
    const std::string answer = answer_to(request, sample.table);
    REQUIRE(answer.starts_with("usage\n"));
    REQUIRE(std::count(answer.begin(), answer.end(), '\n') == 1);
  }
  CHECK(sample.changes == 0);
}

TEST_CASE("a setting that cannot be read is a failure and no wrong usage") {
  tools::SettingTable settings;
  settings.add({.name = "broken",
                .range = "",
                .help = "",
                .value = []() -> std::string { throw std::runtime_error("out of order"); },
                .understand = {}});
  const std::string answer = answer_to("list", settings);
  CHECK(answer == "failure\nout of order");
  CHECK_THROWS_WITH_AS(static_cast<void>(understand_answer(answer)), "out of order",
                       std::runtime_error);
}

TEST_CASE("an answer that makes no sense is a failure") {
  for (const char* answer : {"", "okay\n", "200 OK\n", "\n"}) {
    CAPTURE(answer);
    CHECK_THROWS_AS(static_cast<void>(understand_answer(answer)), std::runtime_error);
  }
}

TEST_CASE("a row that is cut off has empty fields") {
  const auto rows = understand_answer("ok\nlow\t1");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].name == "low");
  CHECK(rows[0].value == "1");
  CHECK(rows[0].range.empty());
  CHECK(rows[0].help.empty());
}

TEST_CASE("a request that is too large is told how large it may be") {
  CHECK(tools::answer_to_oversize(5000) ==
        "usage\nthe request has 5000 bytes and 4096 are the most: set less at once");
}
