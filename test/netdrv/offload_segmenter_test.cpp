// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "bellpull/netdrv/offload.hpp"
#include "offload_frames.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

struct Cut {
  static constexpr PacketPoolOptions kBuffers = {.heads = 200, .tails = 40};
  PacketPool pool{kBuffers};
  Segmenter segmenter;

  OffloadFault start(const FlowFrame& flow, const Piece& whole, unsigned gso_size,
                     std::uint8_t more_type = 0, std::uint32_t mtu = Segmenter::kAnyMtu) {
    Offload offload = super_offload(flow, gso_size);
    offload.gso_type |= more_type;
    return segmenter.start(packet_of(pool, partial_frame(flow, whole), offload), mtu);
  }
  std::vector<Bytes> rest(std::size_t at_once = 16) {
    std::vector<Bytes> frames;
    for (;;) {
      std::vector<Packet> out(at_once);
      const unsigned count = segmenter.next(pool, out);
      if (count == 0) return frames;
      for (unsigned i = 0; i < count; ++i) {
        CHECK(out[i].offload().flags == 0);
        CHECK(out[i].offload().gso_type == 0);
        frames.push_back(bytes_of(out[i]));
      }
    }
  }
  void check_like_wire(const FlowFrame& flow, const Piece& whole, unsigned gso_size,
                       std::uint8_t more_type = 0) {
    REQUIRE(start(flow, whole, gso_size, more_type) == OffloadFault::none);
    const std::vector<Bytes> expected = wire_frames(flow, whole, gso_size);
    CHECK(segmenter.segments() == expected.size());
    CHECK(segmenter.remaining() == expected.size());
    const std::vector<Bytes> found = rest();
    CHECK(found == expected);
    CHECK(std::all_of(found.begin(), found.end(), wire_right));
    CHECK(segmenter.done());
    CHECK(pool.outstanding() == 0);
  }
};

Piece piece_of(std::size_t bytes) {
  Piece piece;
  piece.data = pattern(bytes);
  return piece;
}

TEST_CASE("F20: TSO4, TSO6, USO4 and USO6 are cut into what would have been on the wire") {
  for (const bool tcp : {true, false}) {
    for (const bool v6 : {false, true}) {
      for (const std::size_t bytes : {1U, 99U, 100U, 101U, 250U, 300U, 1999U, 5000U, 12800U}) {
        CAPTURE(tcp);
        CAPTURE(v6);
        CAPTURE(bytes);
        FlowFrame flow;
        flow.tcp = tcp;
        flow.v6 = v6;
        Cut().check_like_wire(flow, piece_of(bytes), 100);
      }
    }
  }
}

TEST_CASE("the longest superframes are cut: 65535 bytes of IPv4, as much payload of IPv6") {
  FlowFrame flow;
  Cut().check_like_wire(flow, piece_of(65535 - 20 - 32), 1448);
  flow.v6 = true;
  Cut().check_like_wire(flow, piece_of(65535 - 32), 1428);
  flow.tcp = false;
  Cut().check_like_wire(flow, piece_of(65535 - 8), 1400);
  flow.v6 = false;
  Cut().check_like_wire(flow, piece_of(65535 - 28), 515);
}

TEST_CASE("segments longer than a first buffer have a second one, and a short last one has not") {
  for (const unsigned gso_size : {1840U, 1853U, 1854U, 1855U, 1856U, 9000U, 30000U}) {
    CAPTURE(gso_size);
    FlowFrame flow;
    Cut().check_like_wire(flow, piece_of(60001), gso_size);
  }
  Cut cut;
  REQUIRE(cut.start(FlowFrame{}, piece_of(10000), 9000) == OffloadFault::none);
  std::vector<Packet> out(2);
  REQUIRE(cut.segmenter.next(cut.pool, out) == 2);
  CHECK_FALSE(out[0].tail().empty());
  CHECK(out[1].buffer()->tail == nullptr);
}

TEST_CASE("up to two VLAN tags go with each segment") {
  FlowFrame flow;
  flow.link.tags = {{0x8100, 0x6064}};
  Cut().check_like_wire(flow, piece_of(3000), 1400);
  flow.link.tags = {{0x88a8, 5}, {0x8100, 7}};
  flow.v6 = true;
  Cut().check_like_wire(flow, piece_of(3000), 1400);
}

TEST_CASE("IPv4 options and IPv6 extension headers go with each segment") {
  FlowFrame flow;
  flow.ip_options = {0x94, 4, 0, 0, 1, 1, 1, 0};
  Cut().check_like_wire(flow, piece_of(3000), 1000);
  flow.v6 = true;
  flow.next = 0;
  flow.extensions = joined({Bytes{60, 0, 1, 4, 0, 0, 0, 0}, Bytes{6, 1, 1, 12, 0, 0, 0, 0},
                            Bytes{0, 0, 0, 0, 0, 0, 0, 0}});
  Cut().check_like_wire(flow, piece_of(3000), 1000);
}

TEST_CASE("a pseudo header with another address than the IP header's, of a routing header, stays") {
  FlowFrame flow;
  flow.v6 = true;
  flow.next = 43;
  flow.extensions =
      joined({Bytes{6, 2, 2, 1, 0, 0, 0, 0}, Bytes(flow.to6.begin(), flow.to6.end())});
  const Ip6 hop = {0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
  // Made for the final destination, then sent to the next one on the way.
  const auto sent = [&hop](Bytes frame) {
    std::copy(hop.begin(), hop.end(), frame.begin() + 14 + 24);
    return frame;
  };
  Cut cut;
  const Piece whole = piece_of(2500);
  Packet packet = packet_of(cut.pool, sent(partial_frame(flow, whole)), super_offload(flow, 1000));
  REQUIRE(cut.segmenter.start(std::move(packet)) == OffloadFault::none);
  std::vector<Bytes> expected = wire_frames(flow, whole, 1000);
  std::transform(expected.begin(), expected.end(), expected.begin(), sent);
  CHECK(cut.rest() == expected);
}

TEST_CASE("FIN and PSH are on the last segment only, CWR on the first only, ECE on all") {
  Piece whole = piece_of(3500);
  whole.flags = kAck | kFin | kPsh | kCwr | kEce;
  whole.sequence = 0xfffffc00;  // wraps
  Cut().check_like_wire(FlowFrame{}, whole, 1000, 0x80);
  FlowFrame flow;
  flow.v6 = true;
  Cut().check_like_wire(flow, whole, 1000, 0x80);
  // Without the ECN bit of gso_type as well: a CWR that is repeated would slow the peer down again.
  Cut().check_like_wire(flow, whole, 1000);
}

TEST_CASE("IPv4 identifications go up and wrap; with DF and 0 they stay 0") {
  Piece whole = piece_of(3500);
  for (const unsigned id : {0U, 1U, 0xfffeU}) {
    for (const unsigned flags : {0U, 0x4000U}) {
      CAPTURE(id);
      CAPTURE(flags);
      FlowFrame flow;
      flow.flags_and_offset = flags;
      whole.id = id;
      Cut().check_like_wire(flow, whole, 1000);
    }
  }
  whole.id = 0;
  const std::vector<Bytes> frames = wire_frames(FlowFrame{}, whole, 1000);
  CHECK(get16(frames[3], 18) == 0);
}

TEST_CASE("a UDP segment whose checksum comes to 0 has ffff") {
  FlowFrame flow;
  flow.tcp = false;
  Piece whole = piece_of(300);
  // The last word of the second segment makes its sum ffff.
  whole.data[198] = whole.data[199] = 0;
  const unsigned checksum = get16(wire_frames(flow, whole, 100)[1], 14 + 20 + 6);
  set16(whole.data, 198, checksum);
  const std::vector<Bytes> expected = wire_frames(flow, whole, 100);
  REQUIRE(get16(expected[1], 14 + 20 + 6) == 0xffff);
  Cut().check_like_wire(flow, whole, 100);
}

TEST_CASE("it gives as many segments as there is room for, and goes on where it stopped") {
  const FlowFrame flow;
  const Piece whole = piece_of(20000);
  const std::vector<Bytes> expected = wire_frames(flow, whole, 1448);
  for (const std::size_t at_once : {1U, 2U, 3U, 13U, 14U, 100U}) {
    CAPTURE(at_once);
    Cut cut;
    REQUIRE(cut.start(flow, whole, 1448) == OffloadFault::none);
    CHECK(cut.segmenter.next(cut.pool, {}) == 0);
    CHECK(cut.rest(at_once) == expected);
  }
}

TEST_CASE("a pool that runs dry stops it, and it goes on when packets are back") {
  const FlowFrame flow;
  const Piece whole = piece_of(10000);
  const std::vector<Bytes> expected = wire_frames(flow, whole, 1000);
  Cut cut;
  PacketPool small({.heads = 3, .tails = 0});
  REQUIRE(cut.start(flow, whole, 1000) == OffloadFault::none);
  std::vector<Bytes> found;
  while (!cut.segmenter.done()) {
    std::vector<Packet> out(8);
    const unsigned count = cut.segmenter.next(small, out);
    REQUIRE(count == std::min<std::size_t>(3, expected.size() - found.size()));
    std::vector<Packet> none(1);
    CHECK(cut.segmenter.next(small, none) == 0);
    CHECK(cut.segmenter.remaining() == expected.size() - found.size() - count);
    for (unsigned i = 0; i < count; ++i) found.push_back(bytes_of(out[i]));
  }
  CHECK(found == expected);
  CHECK(cut.pool.outstanding() == 0);
  // Long segments need tails, of which this pool has none.
  REQUIRE(cut.start(flow, piece_of(10000), 4000) == OffloadFault::none);
  std::vector<Packet> out(1);
  CHECK(cut.segmenter.next(small, out) == 0);
  CHECK(cut.segmenter.remaining() == 3);
}

TEST_CASE("what is not longer than a segment is handed on itself, checksum completed") {
  Cut cut;
  const FlowFrame flow;
  const Piece whole = piece_of(700);
  Packet packet = packet_of(cut.pool, partial_frame(flow, whole), super_offload(flow, 1448));
  const PacketBuffer* const buffer = packet.buffer();
  REQUIRE(cut.segmenter.start(std::move(packet)) == OffloadFault::none);
  CHECK(cut.segmenter.segments() == 1);
  std::vector<Packet> out(4);
  REQUIRE(cut.segmenter.next(cut.pool, out) == 1);
  CHECK(out[0].buffer() == buffer);
  CHECK(bytes_of(out[0]) == wire_frame(flow, whole));
  CHECK(cut.segmenter.done());
}

TEST_CASE("an ordinary frame is its only segment, as it is or with its checksum completed") {
  Cut cut;
  FlowFrame flow;
  flow.tcp = false;
  const Piece piece = piece_of(5000);
  for (const bool partial : {false, true}) {
    CAPTURE(partial);
    const Bytes frame = partial ? partial_frame(flow, piece) : wire_frame(flow, piece);
    const Offload offload = partial ? partial_offload(flow) : Offload{};
    REQUIRE(cut.segmenter.start(packet_of(cut.pool, frame, offload)) == OffloadFault::none);
    CHECK(cut.rest() == std::vector<Bytes>{wire_frame(flow, piece)});
  }
}

TEST_CASE("segments longer than the MTU are refused as oversize, to the byte, tags not counted") {
  for (const bool tagged : {false, true}) {
    CAPTURE(tagged);
    FlowFrame flow;
    if (tagged) flow.link.tags = {{0x88a8, 5}, {0x8100, 7}};
    Cut cut;
    CHECK(cut.start(flow, piece_of(5000), 1449, 0, 1500) == OffloadFault::oversize);
    CHECK(cut.segmenter.done());
    CHECK(cut.start(flow, piece_of(5000), 1448, 0, 1500) == OffloadFault::none);
    // A gso_size that no segment has harms nobody.
    CHECK(cut.start(flow, piece_of(1448), 9000, 0, 1500) == OffloadFault::none);
  }
}

TEST_CASE("a packet with a fault stays with the caller, and another one goes on being cut") {
  Cut cut;
  const FlowFrame flow;
  const Piece whole = piece_of(3000);
  REQUIRE(cut.start(flow, whole, 1000) == OffloadFault::none);
  Packet bad = packet_of(cut.pool, partial_frame(flow, whole), super_offload(flow, 0));
  CHECK(cut.segmenter.start(std::move(bad)) == OffloadFault::gso_size);
  CHECK(bad);  // NOLINT(bugprone-use-after-move): that is the promise
  CHECK(cut.rest() == wire_frames(flow, whole, 1000));
}

TEST_CASE("reset, another start and the end of a segmenter drop what was not cut") {
  Cut cut;
  REQUIRE(cut.start(FlowFrame{}, piece_of(3000), 1000) == OffloadFault::none);
  std::vector<Packet> out(1);
  REQUIRE(cut.segmenter.next(cut.pool, out) == 1);
  out.clear();
  CHECK(cut.pool.outstanding() == 1);
  cut.segmenter.reset();
  CHECK(cut.segmenter.done());
  CHECK(cut.pool.outstanding() == 0);
  REQUIRE(cut.start(FlowFrame{}, piece_of(3000), 1000) == OffloadFault::none);
  REQUIRE(cut.start(FlowFrame{}, piece_of(2000), 1000) == OffloadFault::none);
  CHECK(cut.pool.outstanding() == 1);
  CHECK(cut.segmenter.segments() == 2);
}

}  // namespace
