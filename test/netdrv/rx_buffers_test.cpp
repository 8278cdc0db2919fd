// SPDX-License-Identifier: BSD-2-Clause
// How many buffers are posted, by the size of the frames that come in them.
#include "bellpull/netdrv/rx_buffers.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <deque>

#include "bellpull/netdrv/tap_link.hpp"
#include "offload_bench.hpp"
#include "socket_tap.hpp"

namespace bellpull::test {

using namespace netdrv;

namespace {

constexpr unsigned kRing = 128;

// A ring that takes all and gives it back in order, each with as many bytes as it is told.
struct Posted {
  explicit Posted(OffloadSet rx, unsigned ring = kRing)
      : end(tap.device("in0", 1500)), link(end, rx, {}), buffers(pool, ring, link) {}
  ~Posted() {
    for (const std::uint64_t token : tokens) {
      static_cast<void>(
          buffers.accept(token, {.status = engine::Status::aborted}, counters, state));
    }
    CHECK(pool.outstanding() == 0);
  }

  void refill() {
    buffers.refill([this](auto batch) noexcept {
      for (const engine::Request& request : batch) tokens.push_back(request.token);
      return true;
    });
  }

  void receive(unsigned frames, std::uint32_t bytes) {
    for (unsigned i = 0; i < frames; ++i) {
      REQUIRE(!tokens.empty());
      const Packet packet =
          buffers.accept(tokens.front(), {.bytes = bytes + kVnetHeader}, counters, state);
      tokens.pop_front();
      CHECK(packet.size() == bytes);
      refill();
    }
  }

  SocketTap tap;
  TapLink end;
  OffloadLink link;
  PacketPool pool{{.heads = 2 * kRing, .tails = 2 * kRing}};
  PortCounters counters;
  std::atomic<PortState> state{PortState::running};
  RxBuffers buffers;
  std::deque<std::uint64_t> tokens;
};

}  // namespace

TEST_CASE("superframes go round in few buffers, which stay in the cache") {
  Posted posted(OffloadSet::all());
  posted.refill();
  CHECK(posted.tokens.size() == kRing);
  posted.receive(kRing + 100, 60000);
  CHECK(posted.tokens.size() == 8);
  CHECK(posted.buffers.missing() == 0);
  CHECK(posted.buffers.level() == 8);
}

TEST_CASE("after superframes the ring is full again within some short frames") {
  Posted posted(OffloadSet::all());
  posted.refill();
  posted.receive(2 * kRing, 60000);
  posted.receive(100, 60);
  CHECK(posted.tokens.size() == kRing);
}

TEST_CASE("frames of an ordinary MTU fill the ring, with superframes negotiated or without") {
  for (const OffloadSet rx : {OffloadSet::all(), OffloadSet{}}) {
    Posted posted(rx);
    posted.refill();
    posted.receive(4 * kRing, 1514);
    CHECK(posted.tokens.size() == kRing);
  }
}

TEST_CASE("a ring that is shorter than what the cache holds stays as it is") {
  Posted posted(OffloadSet::all(), 4);
  posted.refill();
  posted.receive(100, 60000);
  CHECK(posted.tokens.size() == 4);
}

}  // namespace bellpull::test
