// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/packet_pool.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace bellpull::netdrv;

TEST_CASE("a pool has exactly the packets it was made with and gets them back") {
  PacketPool pool({.heads = 10, .tails = 0});
  std::array<Packet, 16> packets;
  CHECK(pool.allocate(packets, false) == 10);
  CHECK(pool.outstanding() == 10);
  CHECK_FALSE(packets[10]);
  std::array<Packet, 1> more;
  CHECK(pool.allocate(more, false) == 0);
  packets[3].reset();
  CHECK(pool.outstanding() == 9);
  CHECK(pool.allocate(more, false) == 1);
  for (Packet& packet : packets) packet.reset();
  more[0].reset();
  CHECK(pool.outstanding() == 0);
}

TEST_CASE("a pool of nothing is refused with what to do") {
  CHECK_THROWS_AS(PacketPool({.heads = 0, .tails = 4}), std::invalid_argument);
}

TEST_CASE("a packet is empty at first, has headroom, and room for a frame") {
  PacketPool pool({.heads = 1, .tails = 1});
  std::array<Packet, 1> packets;
  REQUIRE(pool.allocate(packets, true) == 1);
  Packet& packet = packets[0];
  CHECK(packet.size() == 0);
  CHECK(packet.headroom() == kHeadroom);
  CHECK(packet.room() == kHeadData + kTailData);
  CHECK(packet.room() >= 12 + 65535);  // a superframe with its header
  packet.reset();
  CHECK_FALSE(packet);
}

TEST_CASE("a frame that fits its first buffer recycles the second at once") {
  PacketPool pool({.heads = 2, .tails = 1});
  std::array<Packet, 1> first;
  REQUIRE(pool.allocate(first, true) == 1);
  std::array<Packet, 1> second;
  REQUIRE(pool.allocate(second, true) == 0);  // the only tail is out
  first[0].resize(kHeadData);
  CHECK(first[0].tail().empty());
  CHECK(first[0].size() == kHeadData);
  CHECK(pool.allocate(second, true) == 1);
}

TEST_CASE("a longer frame continues in the second buffer, and trim takes it back") {
  PacketPool pool({.heads = 1, .tails = 1});
  std::array<Packet, 1> packets;
  REQUIRE(pool.allocate(packets, true) == 1);
  Packet& packet = packets[0];
  packet.resize(kHeadData + 5);
  CHECK(packet.head().size() == kHeadData);
  CHECK(packet.tail().size() == 5);
  std::memset(packet.head().data(), 1, packet.head().size());
  std::memset(packet.tail().data(), 2, packet.tail().size());
  packet.trim(kHeadData + 9);
  CHECK(packet.size() == kHeadData + 5);
  packet.trim(kHeadData + 1);
  CHECK(packet.tail().size() == 1);
  packet.trim(100);
  CHECK(packet.size() == 100);
  CHECK(packet.tail().empty());
}

TEST_CASE("moving a packet moves ownership and frees what the target held") {
  PacketPool pool({.heads = 2, .tails = 0});
  std::array<Packet, 2> packets;
  REQUIRE(pool.allocate(packets, false) == 2);
  packets[0] = std::move(packets[1]);
  CHECK(pool.outstanding() == 1);
  CHECK_FALSE(packets[1]);
  PacketBuffer* const buffer = packets[0].release();
  CHECK(pool.outstanding() == 1);
  { const Packet again(buffer); }
  CHECK(pool.outstanding() == 0);
}

TEST_CASE("packets come home from whichever thread drops them, tails included") {
  constexpr unsigned kPackets = 64;
  constexpr int kRounds = 200;
  PacketPool pool({.heads = kPackets, .tails = kPackets});
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Packet> packets(kPackets);
    unsigned got = 0;
    while (got == 0) got = pool.allocate(packets, true);
    REQUIRE(got == kPackets);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t) {
      threads.emplace_back([&packets, t] {
        for (unsigned i = t; i < kPackets; i += 4) packets[i].reset();
      });
    }
    for (unsigned i = 3; i < kPackets; i += 4) packets[i].reset();  // and from the owner
    for (std::thread& thread : threads) thread.join();
    REQUIRE(pool.outstanding() == 0);
  }
}

TEST_CASE("a pool changes hands while its former owner still returns packets, and anybody counts") {
  constexpr unsigned kPackets = 64;
  for (int round = 0; round < 50; ++round) {
    PacketPool pool({.heads = 2 * kPackets, .tails = 0});
    std::vector<Packet> held(kPackets);
    REQUIRE(pool.allocate(held, false) == kPackets);
    pool.disown();
    std::thread heir([&pool] {
      pool.adopt();
      for (int turn = 0; turn < 200; ++turn) {
        std::array<Packet, 16> packets;
        static_cast<void>(pool.allocate(packets, false));
      }
      pool.disown();
    });
    for (Packet& packet : held) {
      packet.reset();
      CHECK(pool.outstanding() <= 2 * kPackets);
    }
    heir.join();
    pool.adopt();
    CHECK(pool.outstanding() == 0);
    std::vector<Packet> all(2 * kPackets);
    CHECK(pool.allocate(all, false) == 2 * kPackets);
  }
}
