// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "generate/bpf_load.hpp"
#include "generate/timed_frames.hpp"
#include "refused.skel.h"
#include "seeds.hpp"

using namespace bellpull;
using namespace bellpull::tools::generate;

namespace {

constexpr std::uint32_t kRedirect = 4;
constexpr std::uint32_t kDrop = 1;
constexpr unsigned kLoopback = 1;

// None where the kernel does not let us: nothing can be tested there.
std::optional<TimedFramePrograms> load(const Traffic& traffic) {
  try {
    return std::optional<TimedFramePrograms>(std::in_place, kLoopback, traffic);
  } catch (const std::system_error& error) {
    if (error.code().value() != EPERM) throw;
    MESSAGE("SKIPPED: BPF programs cannot be loaded here (run as root): " << error.what());
    return {};
  }
}

struct Run {
  std::uint32_t verdict = 0;
  std::vector<std::byte> frame;
};

// Runs it once, on a page that has `left` in it from whoever had it before.
Run run_once(TimedFramePrograms& programs, std::byte left) {
  const std::vector<std::byte> page(programs.longest(), left);
  std::vector<std::byte> frame(programs.longest());
  bpf_test_run_opts options{};
  options.sz = sizeof options;  // LIBBPF_OPTS is no C++ to clang
  options.data_in = page.data();
  options.data_size_in = static_cast<std::uint32_t>(page.size());
  options.data_out = frame.data();
  options.data_size_out = static_cast<std::uint32_t>(frame.size());
  REQUIRE(::bpf_prog_test_run_opts(programs.write_frame(), &options) == 0);
  frame.resize(options.data_size_out);
  return {options.retval, frame};
}

}  // namespace

TEST_CASE(
    "generate: the XDP program writes the same bytes as TimedFrameWriter, whatever was there") {
  std::mt19937_64 random(ring::test::announce_seed("XDP frames", 1));
  for (const std::uint32_t flows : {1U, 3U, 65536U}) {
    Traffic traffic;
    traffic.flows = flows;
    traffic.sizes = {60, 61, 62, 63, 64, 65, 66, 67, 68, 125, 590, 1514, 3391, 3392};
    traffic.ends.source_mac = {2, 0xfe, 3, 0xfd, 4, 0xfc};
    traffic.ends.destination.bytes = {203, 0, 113, 255};
    auto programs = load(traffic);
    if (!programs) return;
    const netdrv::TimedFrameWriter writer(traffic.ends);
    auto& shared = programs->shared();
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t number = random() >> random() % 64;
      CAPTURE(number);
      shared.next_frame = number;
      shared.allowed = number + 1;
      shared.due_ns = random() | 1;
      const Run run = run_once(*programs, static_cast<std::byte>(random()));
      REQUIRE(run.verdict == kRedirect);
      std::vector<std::byte> expected(traffic.size(number));
      writer.write(expected, traffic.said(number, shared.due_ns));
      REQUIRE(run.frame == expected);
      REQUIRE(shared.next_frame == number + 1);
    }
  }
}

TEST_CASE("generate: the XDP program writes nothing that it is not allowed to") {
  auto programs = load(Traffic{});
  if (!programs) return;
  CHECK(run_once(*programs, std::byte{0}).verdict == kDrop);
  programs->shared().allowed = 1;
  CHECK(run_once(*programs, std::byte{0}).verdict == kRedirect);
  CHECK(run_once(*programs, std::byte{0}).verdict == kDrop);
  CHECK(programs->shared().next_frame == 1);
}

TEST_CASE("generate: without a time of its own a frame says when it was written") {
  auto programs = load(Traffic{});
  if (!programs) return;
  programs->shared().allowed = 2;
  const std::uint64_t one = netdrv::scheduled_time(run_once(*programs, std::byte{0}).frame);
  const std::uint64_t two = netdrv::scheduled_time(run_once(*programs, std::byte{0}).frame);
  CHECK(one > 0);
  CHECK(two > one);
}

TEST_CASE("generate: when the verifier refuses a program, its last lines are said") {
  refused_bpf* const skeleton = refused_bpf::open();
  REQUIRE(skeleton != nullptr);
  std::string said = "loaded";
  int error = 0;
  try {
    load_programs(*skeleton->skeleton, "a program");
  } catch (const std::system_error& refusal) {
    said = refusal.what();
    error = refusal.code().value();
  }
  refused_bpf::destroy(skeleton);
  if (error == EPERM) {
    MESSAGE("SKIPPED: BPF programs cannot be loaded here (run as root)");
    return;
  }
  CHECK(error == EACCES);
  CHECK(said.find("load a program (the verifier says: ") == 0);
  CHECK(said.find("invalid access to packet") != std::string::npos);
  CHECK(said.find('\n') == std::string::npos);
}

TEST_CASE("generate: of a log the last lines are taken, without the verifier's statistics") {
  CHECK(last_lines("", 2).empty());
  CHECK(last_lines("a\n", 2) == "a");
  CHECK(last_lines("a\n\nb\nc", 2) == "b | c");
  CHECK(last_lines("a\nb\nprocessed 3 insns (limit 1000000)\n", 2) == "a | b");
}
