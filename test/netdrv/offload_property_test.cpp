// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "fuzz/coalesce_world.hpp"
#include "seeds.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

TEST_CASE("check 20: segment(coalesce(x)) == x, byte for byte, and no flow is reordered") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("coalesce and segment", 20));
  RoundTrip trip;
  for (int round = 0; round < 2000; ++round) {
    Bytes decisions(20 + random() % 600);
    // Mostly frames that go on, for bytes at random would merge little.
    for (std::uint8_t& byte : decisions) {
      byte = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : random() % 2 * 64);
    }
    CAPTURE(round);
    REQUIRE(trip.run(Input(decisions)) == "");
  }
  CHECK(trip.merged() > 4000);
}

TEST_CASE("check 20: the same of superframes as long as they get") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("long superframes", 21));
  PacketPool pool({.heads = 300, .tails = 300});
  for (int round = 0; round < 100; ++round) {
    FlowFrame flow;
    flow.tcp = random() % 2 == 0;
    flow.v6 = random() % 2 == 0;
    const std::size_t size = 100 + random() % 9000;
    std::vector<Bytes> frames;
    std::vector<Packet> burst;
    Piece piece;
    for (std::size_t bytes = 0; bytes < 130000 && frames.size() < 250; bytes += size) {
      piece.data = pattern(size);
      frames.push_back(wire_frame(flow, piece));
      burst.push_back(packet_of(pool, frames.back()));
      piece.sequence += static_cast<unsigned>(size);
      ++piece.id;
    }
    const std::size_t most = std::min<std::size_t>(65000 / (size + 60), 128);
    const unsigned kept = Coalescer(OffloadSet::all(), 128).coalesce(burst, pool);
    CAPTURE(size);
    CHECK(kept <= (frames.size() + most - 1) / most + 1);
    std::vector<Bytes> found;
    for (Packet& packet : std::span(burst).first(kept)) {
      Segmenter segmenter;
      REQUIRE(segmenter.start(std::move(packet)) == OffloadFault::none);
      std::vector<Packet> out(1);
      while (segmenter.next(pool, out) == 1) {
        found.push_back(bytes_of(out[0]));
        out[0].reset();
      }
    }
    REQUIRE(found == frames);
    CHECK(pool.outstanding() == 0);
  }
}

}  // namespace
