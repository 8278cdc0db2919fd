// SPDX-License-Identifier: BSD-2-Clause
#include "dmatest_options.hpp"

#include <doctest/doctest.h>

#include <string>

#include "error.hpp"

using namespace bellpull;
using tools::dmatest::Options;
using tools::dmatest::Words;

namespace {

std::string refusal_of(std::string Words::*word, const char* value) {
  Words words;
  words.*word = value;
  try {
    static_cast<void>(understand(words));
  } catch (const tools::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

bool refused(std::string Words::*word, const char* value, const std::string& why) {
  return refusal_of(word, value).find(why) != std::string::npos;
}

}  // namespace

TEST_CASE("dmatest: the defaults") {
  const Options options = understand(Words{});
  CHECK(options.backend->name == "copy");
  CHECK(options.job.shape.operations.size() == 6);
  CHECK(options.job.placement == engine::Placement::driven);
  CHECK(options.job.layout == engine::QueueLayout::split);
  CHECK(options.job.iterations == 10'000);
  CHECK(options.job.shape.least == 1);
  CHECK(options.job.shape.most == 64 * 1024);
  CHECK(options.job.verify);
  CHECK_FALSE(options.duration);
}

TEST_CASE("dmatest: every word is understood") {
  Words words;
  words.ops = "fill,copy";
  words.engine = "thread";
  words.layout = "packed";
  words.threads = "3";
  words.depth = "2";
  words.size = "4k-1M";
  words.segments = "64";
  words.duration = "0.5";
  words.seed = "18446744073709551615";
  words.timeout = "2";
  words.no_verify = true;
  words.fault = "copy:every=7:late;seed=3";
  words.format = "json";
  const Options options = understand(words);
  using engine::Operation;
  CHECK(options.job.shape.operations == std::vector{Operation::copy, Operation::fill});
  CHECK(options.job.placement == engine::Placement::autonomous);
  CHECK(options.job.layout == engine::QueueLayout::packed);
  CHECK(options.threads == 3);
  CHECK(options.job.depth == 2);
  CHECK(options.job.shape.least == 4096);
  CHECK(options.job.shape.most == 1u << 20);
  CHECK(options.job.iterations == tools::dmatest::kUnlimited);
  CHECK(options.job.seed == 18446744073709551615u);
  CHECK(options.job.stuck_after == std::chrono::seconds(2));
  CHECK_FALSE(options.job.verify);
  CHECK(options.format == tools::Format::json);
  CHECK(command_again(options, 6) ==
        "bellpull dmatest --backend copy --ops fill,copy --engine thread --layout packed --threads "
        "3 --depth 2 --size 4k-1M --segments 64 --seed 18446744073709551615 --iterations 7 "
        "--fault 'copy:every=7:late;seed=3' --no-verify");
  REQUIRE(options.job.faults.rules.size() == 1);
  CHECK(options.job.faults.rules[0].every == 7);
  CHECK(options.job.faults.seed == 3);
}

TEST_CASE("dmatest: what cannot be is refused, with what can") {
  CHECK(refused(&Words::backend, "gpu", "--backend: 'gpu' is unknown: use copy"));
  CHECK(refused(&Words::ops, "xor", "'xor' is unknown: use nop, copy, fill, crc32c, copy_crc32c"));
  CHECK(refused(&Words::ops, "copy,", "--ops: '' is unknown"));
  CHECK(refused(&Words::ops, "", "--ops: '' is unknown"));
  CHECK(refused(&Words::ops, "copy,copy", "names an operation twice"));
  CHECK(refused(&Words::engine, "both", "use driven or thread"));
  CHECK(refused(&Words::layout, "round", "use split or packed"));
  CHECK(refused(&Words::threads, "0", "no whole number from 1 to 64"));
  CHECK(refused(&Words::depth, "4097", "no whole number from 1 to 4096"));
  CHECK(refused(&Words::segments, "65", "no whole number from 1 to 64"));
  CHECK(refused(&Words::iterations, "0", "--iterations: '0' is no whole number"));
  CHECK(refused(&Words::duration, "-1", "--duration: '-1' is no number of seconds"));
  CHECK(refused(&Words::timeout, "0", "--timeout: '0' is no number of seconds"));
  CHECK(refused(&Words::seed, "-1", "--seed: '-1' is no whole number"));
  CHECK(refused(&Words::fault, "sometimes", "--fault: 'sometimes': 'sometimes' is neither"));
  CHECK(refused(&Words::format, "prometheus", "use table or json"));
  for (const char* size : {"", "0", "k", "1kk", "1K", "-4", "4-", "1.5k", "2G", "1-2G",
                           "18446744073709551615", "17179869185G"}) {
    CAPTURE(size);
    CHECK(refused(&Words::size, size, "is no number of bytes from 1 to 1073741824"));
  }
  CHECK(refused(&Words::size, "2k-1k", "ends before it begins"));
  CHECK(refused(&Words::size, "1G", "MiB of buffers and at most 4096 are allowed"));
}
