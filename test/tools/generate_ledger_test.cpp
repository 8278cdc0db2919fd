// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "generate/flow_ledger.hpp"
#include "seeds.hpp"

using namespace bellpull;
using namespace bellpull::tools::generate;

namespace {

std::vector<std::byte> frame(std::uint16_t flow, std::uint64_t sequence, std::uint64_t time = 1000,
                             std::size_t size = 100) {
  std::vector<std::byte> bytes(size);
  netdrv::TimedFrameWriter({}).write(bytes, {.flow = flow, .sequence = sequence, .time_ns = time});
  return bytes;
}

void add(FlowLedger& ledger, std::initializer_list<std::uint64_t> sequences,
         std::uint16_t flow = 0) {
  for (const std::uint64_t sequence : sequences) ledger.add(frame(flow, sequence), 2000);
}

bool is(const FlowCounts& counts, std::uint64_t received, std::uint64_t lost,
        std::uint64_t reordered, std::uint64_t duplicated) {
  return counts.received == received && counts.lost == lost && counts.reordered == reordered &&
         counts.duplicated == duplicated;
}

}  // namespace

TEST_CASE("generate: frames in order are received, and nothing else") {
  FlowLedger ledger;
  add(ledger, {0, 1, 2, 3});
  CHECK(is(ledger.all(), 4, 0, 0, 0));
  CHECK(ledger.bytes() == 400);
  CHECK(ledger.latency().count() == 4);
  CHECK(ledger.latency().sum() == 4000);
}

TEST_CASE("generate: a gap is a loss until the frame comes, which is then reordered") {
  FlowLedger ledger;
  add(ledger, {0, 3});
  CHECK(is(ledger.all(), 2, 2, 0, 0));
  add(ledger, {1});
  CHECK(is(ledger.all(), 3, 1, 1, 0));
}

TEST_CASE("generate: a missing beginning is a loss") {
  FlowLedger ledger;
  add(ledger, {5});
  CHECK(is(ledger.all(), 1, 5, 0, 0));
}

TEST_CASE("generate: a frame that comes twice is received once, late or at once") {
  FlowLedger ledger;
  add(ledger, {0, 0, 1, 2, 1, 0});
  CHECK(is(ledger.all(), 3, 0, 0, 3));
}

TEST_CASE("generate: a frame too old to tell from a duplicate does not make up for a loss") {
  FlowLedger ledger;
  add(ledger, {0, 5000, 1});
  CHECK(is(ledger.all(), 2, 4999, 0, 1));
  add(ledger, {905});
  CHECK(is(ledger.all(), 3, 4998, 1, 1));
}

TEST_CASE("generate: flows do not disturb each other, and add up") {
  FlowLedger ledger;
  add(ledger, {0, 1}, 7);
  add(ledger, {1}, 65535);
  CHECK(is(ledger.flow(7), 2, 0, 0, 0));
  CHECK(is(ledger.flow(65535), 1, 1, 0, 0));
  CHECK(is(ledger.flow(8), 0, 0, 0, 0));
  CHECK(is(ledger.all(), 3, 1, 0, 0));
  CHECK(ledger.flows() == std::vector<std::uint16_t>{7, 65535});
}

TEST_CASE("generate: any bit that is flipped behind the Ethernet header makes a frame corrupt") {
  FlowLedger ledger;
  auto bytes = frame(0, 0);
  for (std::size_t bit = 42 * 8; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    ledger.add(bytes, 2000);
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  CHECK(ledger.corrupt() == (bytes.size() - 42) * 8);
  CHECK(is(ledger.all(), 0, 0, 0, 0));
}

TEST_CASE("generate: frames of others are foreign") {
  FlowLedger ledger;
  ledger.add(std::vector<std::byte>(60), 2000);
  ledger.add({}, 2000);
  CHECK(ledger.foreign() == 2);
  CHECK(is(ledger.all(), 0, 0, 0, 0));
}

TEST_CASE("generate: a clock that is behind the sender's gives no latency below 0") {
  FlowLedger ledger;
  ledger.add(frame(0, 0, 3000), 2000);
  CHECK(ledger.latency().max() == 0);
}

TEST_CASE("generate: losses, duplicates and disorder of every kind are counted as a model does") {
  std::mt19937_64 random(ring::test::announce_seed("ledger", 1));
  for (int round = 0; round < 50; ++round) {
    FlowLedger ledger;
    FlowCounts expected;
    std::set<std::uint64_t> seen;
    std::uint64_t position = 0;
    for (int i = 0; i < 400; ++i) {
      position += random() % 4;
      const std::uint64_t back = random() % 5 == 0 ? random() % 50 : 0;
      const std::uint64_t sequence = position - std::min(position, back);
      const bool behind = !seen.empty() && sequence < *seen.rbegin();
      if (!seen.insert(sequence).second) {
        ++expected.duplicated;
      } else {
        ++expected.received;
        if (behind) ++expected.reordered;
      }
      add(ledger, {sequence});
    }
    expected.lost = *seen.rbegin() + 1 - expected.received;
    REQUIRE(is(ledger.all(), expected.received, expected.lost, expected.reordered,
               expected.duplicated));
  }
}
