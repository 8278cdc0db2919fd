// SPDX-License-Identifier: BSD-2-Clause
// The responder against a million frames that were right once.
#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <random>
#include <string>

#include "frame_checker.hpp"
#include "respond_scene.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

const int kMutants = BELLPULL_TEST_SANITIZED ? 40'000 : 1'000'000;

std::vector<Bytes> healthy_frames() {
  std::vector<Bytes> frames;
  for (const std::vector<Tag>& tags : kTaggings) {
    for (const std::size_t size : {0U, 1U, 30U}) {
      frames.push_back(ping4(pattern(size), tags));
      frames.push_back(hello4(pattern(size), tags));
      frames.push_back(ping6(pattern(size), tags));
      frames.push_back(hello6(pattern(size), tags));
    }
    frames.push_back(arp_request(tags));
    const Link group = tagged({kSolicitedMac, kPeerMac}, tags);
    frames.push_back(solicit({.link = group}));
    frames.push_back(solicit({.options = {}, .link = group}));
    frames.push_back(solicit({.from = kNo6, .options = {}, .link = group}));
    Ipv4 with_options = request4(1);
    with_options.options = {7, 7, 4, 0, 0, 0, 0, 1};
    frames.push_back(ethernet(tagged(kToUs, tags), 0x0800,
                              ipv4(with_options, icmp4(8, 0, echo_body(7, 1, pattern(9))))));
    const Bytes extensions = {60, 0, 1, 4, 0,  0, 0, 0, 43, 0, 5, 2,
                              0,  0, 1, 0, 58, 0, 0, 0, 0,  0, 0, 0};
    frames.push_back(ethernet(
        tagged(kToUs, tags), 0x86dd,
        ipv6(request6(0),
             joined({extensions, icmp6(kPeer6, kOur6, 128, 0, echo_body(7, 1, pattern(9)))}))));
  }
  for (const std::size_t size : {1870U, 1879U, 2100U}) {
    frames.push_back(ping4(pattern(size)));
    frames.push_back(hello6(pattern(size)));
  }
  return frames;
}

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

Bytes part(const Bytes& frame, std::size_t begin, std::size_t end) {
  return Bytes(frame.begin() + static_cast<std::ptrdiff_t>(begin),
               frame.begin() + static_cast<std::ptrdiff_t>(end));
}

Mac mac_at(const Bytes& frame, std::size_t at) {
  Mac mac;
  std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), mac.size(), mac.begin());
  return mac;
}

// What must be true of an answer, whatever it answers.
void check_answer(const Bytes& request, const Bytes& answer) {
  const Anatomy asked = dissect(request);
  REQUIRE(checksums_right(asked));
  REQUIRE_FALSE(asked.fragment);
  const Anatomy given = dissect(answer);
  REQUIRE(checksums_right(given));
  REQUIRE(given.end == answer.size());
  REQUIRE(given.type == asked.type);
  REQUIRE(given.network == asked.network);
  REQUIRE(part(answer, 12, given.network) == part(request, 12, asked.network));  // the tags
  REQUIRE(mac_at(answer, 6) == kOurMac);
  const Mac to = mac_at(answer, 0);
  REQUIRE(to != kOurMac);
  REQUIRE(to != kNoMac);
  const bool advertisement = given.protocol == 58 && answer.at(given.transport) == 136;
  REQUIRE(((to[0] & 1) == 0 || (advertisement && to == kAllNodesMac)));
  if (given.type == 0x0806 || advertisement) return;
  REQUIRE(given.protocol == asked.protocol);
  REQUIRE(part(answer, given.transport + 8, given.end) ==
          part(request, asked.transport + 8, asked.end));
}

TEST_CASE("frames that answer nothing healthy are dropped for one reason each, never answered") {
  const std::uint64_t seed = bellpull::ring::test::announce_seed("respond mutants", 1);
  const std::vector<Bytes> healthy = healthy_frames();
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
    if (fate == "sent") check_answer(frame, answer);
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
