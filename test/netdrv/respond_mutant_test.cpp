// SPDX-License-Identifier: BSD-2-Clause
// The responder against a million frames that were right once.
#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <random>
#include <string>

#include "frame_checker.hpp"
#include "respond_requests.hpp"
#include "respond_rules.hpp"
#include "respond_scene.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

const int kMutants = BELLPULL_TEST_SANITIZED ? 40'000 : 1'000'000;

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  Bytes mutant_of(const Bytes& healthy) {
    Bytes frame = healthy;
    for (std::uint64_t changes = 1 + random_() % 3; changes > 0; --changes) change(frame);
    // Half of them get right checksums again, so that they are looked at more closely.
    if (random_() % 2 == 0) repair_checksums(frame);
    return frame;
  }

  std::uint64_t operator()() { return random_(); }

 private:
  // Rather in the headers than behind them.
  std::size_t position(const Bytes& frame) {
    const std::size_t limit =
        random_() % 8 == 0 ? frame.size() : std::min<std::size_t>(frame.size(), 110);
    return random_() % limit;
  }

  // Each random number has a line of its own: compilers disagree about the order of arguments.
  void change(Bytes& frame) {
    if (frame.empty()) frame.push_back(0);
    const auto at = static_cast<std::ptrdiff_t>(position(frame));
    const auto value = static_cast<std::uint8_t>(random_());
    const auto count = static_cast<std::ptrdiff_t>(1 + random_() % 8);
    const auto begin = frame.begin() + at;
    switch (random_() % 10) {
      case 0:
        *begin = value;
        break;
      case 1:
        *begin = 0;
        break;
      case 2:
        *begin = 0xff;
        break;
      case 3:
        ++*begin;
        break;
      case 4:
        --*begin;
        break;
      case 5:
        frame.erase(begin, frame.end());
        break;
      case 6:
        frame.resize(frame.size() + static_cast<std::size_t>(at % 70 + count), value);
        break;
      case 7:
        frame.insert(begin, static_cast<std::size_t>(count), value);
        break;
      case 8:
        frame.erase(begin, begin + std::min(count, frame.end() - begin));
        break;
      default:
        *begin ^= static_cast<std::uint8_t>(1U << value % 8);
    }
  }

  std::mt19937_64 random_;
};

TEST_CASE("frames that answer nothing healthy are dropped for one reason each, never answered") {
  const std::uint64_t seed = bellpull::ring::test::announce_seed("respond mutants", 1);
  const std::vector<Bytes> healthy = requests_with_answers();
  Responder host;
  for (const Bytes& frame : healthy) REQUIRE(host.rig.fate(frame) == "sent");
  Mutator mutate(seed);
  std::map<std::string, int> fates;
  for (int i = 0; i < kMutants; ++i) {
    CAPTURE(i);
    const Bytes frame = mutate.mutant_of(healthy[mutate() % healthy.size()]);
    const std::string fate = host.rig.fate(frame, 0, 0x00);
    ++fates[fate];
    const Bytes answer = host.rig.sent();
    if (fate == "sent") {
      const char* const fault = answer_fault(frame, answer);
      REQUIRE_MESSAGE(fault == nullptr, fault);
    }
    // What lies behind the frame in memory must make no difference.
    REQUIRE(host.rig.fate(frame, 0, 0xff) == fate);
    REQUIRE(host.rig.sent() == answer);
  }
  const PortCounters& counters = host.rig.port(0).counters();
  CHECK(counters.tx_packets.value() + counters.rx_dropped.total() == host.rig.frames());
  CHECK(host.rig.pool().outstanding() == 0);
  // One disposition each, and all there are occur often.
  CHECK(fates.size() == 6);
  for (const char* const name :
       {"sent", "runt", "not_for_us", "bad_length", "bad_checksum", "fragment"}) {
    CAPTURE(name);
    CHECK(fates[name] > kMutants / 2000);
    std::printf("%s %d%s", name, fates[name], std::string(name) == "fragment" ? "\n" : ", ");
  }
}

}  // namespace
