// SPDX-License-Identifier: BSD-2-Clause
#include "capabilities.hpp"

#include <doctest/doctest.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <thread>

#include "in_child.hpp"

using bellpull::test::Ended;
using bellpull::test::in_child;
using bellpull::tools::give_up_capabilities;
using bellpull::tools::may_remove_in;

namespace {

// A set of the calling thread, as the kernel tells it.
std::uint64_t set_of(const std::string& name) {
  std::ifstream status("/proc/thread-self/status");
  std::string word;
  while (status >> word) {
    if (word != name + ":") continue;
    std::uint64_t value = 0;
    status >> std::hex >> value;
    return value;
  }
  throw std::runtime_error("no " + name + " in /proc/thread-self/status");
}

constexpr std::array<unsigned, 2> kKept = {CAP_NET_ADMIN, CAP_DAC_OVERRIDE};
constexpr std::uint64_t kKeptSet = std::uint64_t{1} << CAP_NET_ADMIN | std::uint64_t{1}
                                                                           << CAP_DAC_OVERRIDE;

int check_sets(std::uint64_t effective, bool bounds) {
  if (set_of("CapEff") != effective || set_of("CapPrm") != effective) return 1;
  if (set_of("CapInh") != 0 || set_of("CapAmb") != 0) return 2;
  if (bounds && set_of("CapBnd") != 0) return 3;
  return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 4;
}

bool has_setpcap() {
  return ((set_of("CapEff") >> CAP_SETPCAP) & 1) != 0;
}

}  // namespace

TEST_CASE("check 24: no capability is left in any set, nor in those of threads started later") {
  const Ended ended = in_child([] {
    const bool bounds = has_setpcap();
    give_up_capabilities();
    int in_thread = -1;
    std::thread later([&] { in_thread = check_sets(0, bounds); });
    later.join();
    const int here = check_sets(0, bounds);
    return here != 0 ? here : in_thread;
  });
  CAPTURE(ended.words);
  CHECK(ended.status == 0);
}

TEST_CASE("check 24: what is asked for is kept as far as it is there, and nothing else") {
  const Ended ended = in_child([] {
    const bool bounds = has_setpcap();
    const std::uint64_t kept = set_of("CapEff") & kKeptSet;
    give_up_capabilities(kKept);
    return check_sets(kept, bounds);
  });
  CAPTURE(ended.words);
  CHECK(ended.status == 0);
}

TEST_CASE("check 24: to give up what was given up before is no error") {
  const Ended ended = in_child([] {
    const bool bounds = has_setpcap();
    give_up_capabilities();
    give_up_capabilities(kKept);
    return check_sets(0, bounds);
  });
  CAPTURE(ended.words);
  CHECK(ended.status == 0);
}

TEST_CASE(
    "check 24: who may remove files only with a capability is told so, and has it afterwards") {
  const Ended ended = in_child([] {
    const std::uint64_t before = set_of("CapEff");
    std::array<char, 32> mine{"/tmp/bellpull-test-XXXXXX"};
    if (::mkdtemp(mine.data()) == nullptr) return 10;
    const bool in_mine = may_remove_in(mine.data());
    ::chmod(mine.data(), 0500);
    const bool in_locked = may_remove_in(mine.data());
    ::rmdir(mine.data());
    if (!in_mine) return 11;
    if (in_locked) return 12;
    if (may_remove_in("/nowhere/at/all")) return 13;
    return set_of("CapEff") == before ? 0 : 14;
  });
  CAPTURE(ended.words);
  CHECK(ended.status == 0);
}
