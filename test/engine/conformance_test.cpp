// SPDX-License-Identifier: BSD-2-Clause
// Check 35: every back-end of the library passes the conformance kit.
#include "bellpull/engine/conformance.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/fault_backend.hpp"
#include "bellpull/engine/fd_backend.hpp"
#include "bellpull/engine/loopback_backend.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

using conformance::Options;
using conformance::Report;
using conformance::Subject;
using conformance::Verdict;

Options options(unsigned rounds = 24, std::uint32_t max_length = 1u << 20) {
  static const std::uint64_t seed = ring::test::announce_seed("conformance", 1);
  const bool slow = BELLPULL_TEST_SANITIZED != 0;
  return {.seed = seed,
          .max_length = slow ? std::min(max_length, 1u << 16) : max_length,
          .rounds = slow ? std::max(rounds / 4, 1u) : rounds};
}

void check_passed(const Report& report, std::initializer_list<const char*> left_out) {
  CHECK_MESSAGE(report.passed(), report.text());
  for (const conformance::Check& check : report.checks) {
    if (check.verdict != Verdict::left_out) continue;
    CAPTURE(check.name);
    CAPTURE(check.message);
    CHECK(std::find(left_out.begin(), left_out.end(), check.name) != left_out.end());
  }
}

TEST_CASE("check 35: the copy back-end passes, with any window and slice") {
  FaultCounters counters;
  const auto plan = parse_fault("write-error:every=3;read-error:every=2").plan;
  for (const CopyOptions& how :
       {CopyOptions{}, CopyOptions{.window = 1, .slice = 100'000},
        CopyOptions{.window = 7, .slice = 4096}, CopyOptions{.window = 1024, .slice = 777}}) {
    CAPTURE(how.window);
    CAPTURE(how.slice);
    const Subject subject{.make = [&] { return make_copy_backend(how); },
                          .make_failing =
                              [&] {
                                return make_fault_backend(make_copy_backend(how), plan, counters);
                              }};
    const bool small = how.slice < 10'000;
    check_passed(run(subject, options(small ? 6 : 12, small ? 1u << 17 : 1u << 20)),
                 {"stream bytes arrive"});
  }
}

}  // namespace
}  // namespace bellpull::engine::test
