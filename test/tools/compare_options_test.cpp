// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <string>

#include "compare/options.hpp"
#include "error.hpp"

using namespace bellpull;
using tools::compare::Cores;
using tools::compare::Options;
using tools::compare::Ports;
using tools::compare::Words;

namespace {

std::string refusal_of(const Words& words, std::size_t cores = 2) {
  try {
    static_cast<void>(understand(words, cores));
  } catch (const tools::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

bool refused(std::string Words::*word, const char* value, const std::string& why) {
  Words words;
  words.*word = value;
  CAPTURE(value);
  CAPTURE(refusal_of(words));
  return refusal_of(words).find(why) != std::string::npos;
}

}  // namespace

TEST_CASE("compare: the defaults are all styles, the modes there are, and loads on both sides") {
  const Options options = understand(Words{}, 2);
  CHECK(options.styles.size() == netdrv::kStyleNames.size());
  CHECK(options.modes.front() == netdrv::Mode::interrupt);
  CHECK(options.modes.size() >= 2);
  CHECK(options.loads == std::vector{0.1, 0.3, 1.0, 3.0, 10.0});
  CHECK(options.engine == engine::Placement::autonomous);
  CHECK(options.cores == Cores::two);
  CHECK(options.work_ns == 1000);
  CHECK(options.size == 60);
  CHECK(options.budget == 64);
  CHECK(options.repetitions == 9);
  CHECK(options.seconds == 0.5);
  CHECK(options.output.empty());
  CHECK(options.format == tools::Format::table);
}

TEST_CASE("compare: every word is understood") {
  Words words;
  words.styles = "virtqueue,push-pause,poll";
  words.modes = "poll";
  words.loads = "2,0.25";
  words.engine = "driven";
  words.cores = "one";
  words.work = "0";
  words.size = "1514";
  words.budget = "4096";
  words.repetitions = "3";
  words.seconds = "0.01";
  words.seed = "18446744073709551615";
  words.output = "there";
  words.format = "json";
  const Options options = understand(words, 2);
  using netdrv::Style;
  CHECK(options.styles == std::vector{Style::virtqueue, Style::push_pause, Style::poll});
  CHECK(options.modes == std::vector{netdrv::Mode::poll});
  CHECK(options.loads == std::vector{2.0, 0.25});
  CHECK(options.engine == engine::Placement::driven);
  CHECK(options.cores == Cores::one);
  CHECK(options.work_ns == 0);
  CHECK(options.size == 1514);
  CHECK(options.budget == 4096);
  CHECK(options.repetitions == 3);
  CHECK(options.seconds == doctest::Approx(0.01));
  CHECK(options.seed == 18446744073709551615u);
  CHECK(options.output == "there");
  CHECK(options.format == tools::Format::json);
}

TEST_CASE("compare: what the others are compared to is measured without being named") {
  Words words;
  words.styles = "push";
  CHECK(understand(words, 2).styles == std::vector{netdrv::Style::push, netdrv::Style::poll});
}

TEST_CASE("compare: --quick changes what was not said") {
  Words words;
  words.quick = true;
  CHECK(understand(words, 2).repetitions == 7);
  CHECK(understand(words, 2).seconds == doctest::Approx(0.06));
  words.repetitions = "2";
  words.seconds = "3";
  CHECK(understand(words, 2).repetitions == 2);
  CHECK(understand(words, 2).seconds == 3);
}

TEST_CASE("compare: as many cores as there are and the engine has a use for") {
  Words words;
  CHECK(understand(words, 1).cores == Cores::one);
  words.engine = "driven";
  CHECK(understand(words, 2).cores == Cores::one);
  words.cores = "two";
  CHECK(refusal_of(words).find("--cores two does not go with --engine driven") == 0);
  words.engine = "thread";
  CHECK(refusal_of(words, 1).find("--cores two: this process may use 1 core only") == 0);
  CHECK(refusal_of(words, 2) == "accepted");
}

TEST_CASE("compare: what cannot be is refused, with what can") {
  CHECK(refused(&Words::styles, "pull", "--styles: 'pull' is unknown: use push, push-backlog"));
  CHECK(refused(&Words::styles, "pol", "did you mean poll?"));
  CHECK(refused(&Words::styles, "push,", "--styles: '' is unknown"));
  CHECK(refused(&Words::styles, "push,push", "names push twice"));
  CHECK(refused(&Words::modes, "turbo", "--modes: 'turbo' is unknown: use interrupt"));
  CHECK(refused(&Words::modes, "poll,poll", "names poll twice"));
  CHECK(refused(&Words::ports, "udp", "'udp' is unknown: use sim or tap"));
  CHECK(refused(&Words::engine, "both", "use driven or thread"));
  CHECK(refused(&Words::cores, "three", "use two or one"));
  CHECK(refused(&Words::work, "1000001", "--work-ns: '1000001' is no whole number from 0"));
  CHECK(refused(&Words::size, "59", "no whole number from 60 to 1514"));
  CHECK(refused(&Words::budget, "0", "no whole number from 1 to 4096"));
  CHECK(refused(&Words::repetitions, "0", "no whole number from 1 to 100"));
  CHECK(refused(&Words::seconds, "0", "--seconds: '0' is no number of seconds"));
  CHECK(refused(&Words::seconds, "3601", "--seconds: '3601' is more than 3600"));
  CHECK(refused(&Words::seed, "-1", "--seed: '-1' is no whole number"));
  CHECK(refused(&Words::format, "prometheus", "use table or json"));
  for (const char* load : {"0", "-1", "50.1", "1e-1", "nan", "inf", "much", "1x", "0.1,", ",1"}) {
    CHECK(refused(&Words::loads, load, "is no share of the capacity from 0.001 to 50"));
  }
  CHECK(refused(&Words::loads, "1,1.0", "names 1.0 twice"));
}

TEST_CASE("compare: on TAPs the second core is the sender's, and the engine is driven") {
  Words words;
  words.ports = "tap";
  const Options options = understand(words, 2);
  CHECK(options.ports == Ports::tap);
  CHECK(options.engine == engine::Placement::driven);
  CHECK(options.cores == Cores::one);
  CHECK(options.loads == std::vector{0.1, 0.3, 0.8, 1.2, 1.5});
  CHECK(scene_of(options) == "from TAP to TAP, engine driven, NIC and sender on a core each");
  words.engine = "thread";
  CHECK(understand(words, 2).engine == engine::Placement::autonomous);
  CHECK(understand(words, 2).cores == Cores::one);
  CHECK(refusal_of(words, 1).find("--ports tap: this process may use 1 core only") == 0);
  words.cores = "two";
  CHECK(refusal_of(words, 2).find("--cores two does not go with --ports tap") == 0);
}
