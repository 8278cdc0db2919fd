// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "bellpull/netdrv/offload.hpp"
#include "offload_frames.hpp"

// The cases of tools/testing/selftests/net/gro.c of Linux, and those of this Coalescer.

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

struct Merged {
  Bytes frame;
  Offload offload;
};

struct Rig {
  static constexpr PacketPoolOptions kBuffers = {.heads = 300, .tails = 40};
  PacketPool pool{kBuffers};
  OffloadSet accepted = OffloadSet::all();
  unsigned udp_segments = Coalescer::kUdpSegments;

  std::vector<Packet> packets_of(const std::vector<Bytes>& frames) {
    std::vector<Packet> burst;
    for (const Bytes& frame : frames) burst.push_back(packet_of(pool, frame));
    return burst;
  }
  std::vector<Packet> coalesce(std::vector<Packet> burst) {
    Coalescer coalescer(accepted, udp_segments);
    const std::size_t before = burst.size();
    const unsigned count = coalescer.coalesce(burst, pool);
    CHECK(coalescer.merged() == before - count);
    for (std::size_t i = 0; i < before; ++i) CHECK(static_cast<bool>(burst[i]) == (i < count));
    burst.resize(count);
    for (const Packet& packet : burst) CHECK(check_offload(packet) == OffloadFault::none);
    return burst;
  }
  // How many bytes of payload each frame has that comes out.
  std::vector<std::size_t> sizes(const FlowFrame& flow, std::vector<Packet> burst) {
    std::vector<std::size_t> found;
    const std::size_t headers = transport_offset(flow) + transport_bytes(flow);
    for (const Packet& packet : coalesce(std::move(burst)))
      found.push_back(packet.size() - headers);
    return found;
  }
  std::vector<std::size_t> sizes(const FlowFrame& flow, const std::vector<Bytes>& frames) {
    return sizes(flow, packets_of(frames));
  }
};

using Sizes = std::vector<std::size_t>;

FlowFrame flow_of(bool tcp, bool v6) {
  FlowFrame flow;
  flow.tcp = tcp;
  flow.v6 = v6;
  return flow;
}

// Pieces that go on one after the other, of those sizes.
std::vector<Piece> pieces_of(const Sizes& sizes) {
  std::vector<Piece> pieces;
  Piece piece;
  for (const std::size_t bytes : sizes) {
    piece.data = pattern(bytes);
    pieces.push_back(piece);
    piece.sequence += static_cast<unsigned>(bytes);
    ++piece.id;
  }
  return pieces;
}

std::vector<Bytes> frames_of(const FlowFrame& flow, const Sizes& sizes) {
  std::vector<Bytes> frames;
  for (const Piece& piece : pieces_of(sizes)) frames.push_back(wire_frame(flow, piece));
  return frames;
}

TEST_CASE("data: frames of one flow become one superframe, with all that a reader needs") {
  for (const bool tcp : {true, false}) {
    for (const bool v6 : {false, true}) {
      CAPTURE(tcp);
      CAPTURE(v6);
      const FlowFrame flow = flow_of(tcp, v6);
      Rig rig;
      const std::vector<Bytes> frames = frames_of(flow, {1000, 1000, 1000, 500});
      const std::vector<Packet> out = rig.coalesce(rig.packets_of(frames));
      REQUIRE(out.size() == 1);
      Piece whole = pieces_of({1000})[0];
      for (int i = 1; i < 4; ++i) {
        const Bytes more = pattern(i == 3 ? 500 : 1000);
        whole.data.insert(whole.data.end(), more.begin(), more.end());
      }
      CHECK(bytes_of(out[0]) == partial_frame(flow, whole));
      const Offload expected = super_offload(flow, 1000);
      const Offload& found = out[0].offload();
      CHECK(found.flags == expected.flags);
      CHECK(found.gso_type == expected.gso_type);
      CHECK(found.gso_size == expected.gso_size);
      CHECK(found.csum_start == expected.csum_start);
      CHECK(found.csum_offset == expected.csum_offset);
      CHECK(found.hdr_len == transport_offset(flow) + transport_bytes(flow));
    }
  }
}

TEST_CASE("data: a smaller frame is the last, a larger one the first of the next") {
  for (const bool tcp : {true, false}) {
    const FlowFrame flow = flow_of(tcp, false);
    CHECK(Rig().sizes(flow, frames_of(flow, {100, 100})) == Sizes{200});
    CHECK(Rig().sizes(flow, frames_of(flow, {100, 50, 50})) == Sizes{150, 50});
    CHECK(Rig().sizes(flow, frames_of(flow, {100, 50, 100, 100})) == Sizes{150, 200});
    CHECK(Rig().sizes(flow, frames_of(flow, {50, 100})) == Sizes{50, 100});
    CHECK(Rig().sizes(flow, frames_of(flow, {50, 100, 100, 7, 7})) == Sizes{50, 207, 7});
  }
}

TEST_CASE("ack, flags: what says more than ACK, ECE, and PSH or FIN at the end, is not merged") {
  for (const bool v6 : {false, true}) {
    const FlowFrame flow = flow_of(true, v6);
    for (const unsigned flag : {kSyn, kRst, kUrg, kCwr}) {
      CAPTURE(flag);
      std::vector<Piece> pieces = pieces_of({100, 100, 100, 100, 100});
      pieces[2].flags |= flag;
      std::vector<Bytes> frames;
      for (const Piece& piece : pieces) frames.push_back(wire_frame(flow, piece));
      CHECK(Rig().sizes(flow, frames) == Sizes{200, 100, 200});
      // Nor if all of them say so.
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        pieces[i].flags |= flag;
        frames[i] = wire_frame(flow, pieces[i]);
      }
      CHECK(Rig().sizes(flow, frames) == Sizes{100, 100, 100, 100, 100});
    }
    // No ACK, and pure ACKs.
    std::vector<Piece> pieces = pieces_of({100, 100, 100});
    pieces[1].flags = 0;
    std::vector<Bytes> frames;
    for (const Piece& piece : pieces) frames.push_back(wire_frame(flow, piece));
    CHECK(Rig().sizes(flow, frames) == Sizes{100, 100, 100});
    CHECK(Rig().sizes(flow, frames_of(flow, {0, 0, 0})) == Sizes{0, 0, 0});
    CHECK(Rig().sizes(flow, frames_of(flow, {100, 100, 0, 100, 100})) == Sizes{200, 0, 200});
  }
}

TEST_CASE("flags: PSH and FIN end a superframe that has them, ECE does not") {
  const FlowFrame flow = flow_of(true, false);
  for (const unsigned flag : {kPsh, kFin, kPsh | kFin}) {
    CAPTURE(flag);
    std::vector<Piece> pieces = pieces_of({100, 100, 100, 100});
    pieces[1].flags |= flag;
    std::vector<Bytes> frames;
    for (const Piece& piece : pieces) frames.push_back(wire_frame(flow, piece));
    Rig rig;
    const std::vector<Packet> out = rig.coalesce(rig.packets_of(frames));
    REQUIRE(out.size() == 2);
    CHECK(bytes_of(out[0]).at(14 + 20 + 13) == (kAck | flag));
    CHECK(bytes_of(out[1]).at(14 + 20 + 13) == kAck);
  }
  std::vector<Piece> pieces = pieces_of({100, 100, 100});
  for (Piece& piece : pieces) piece.flags |= kEce;
  std::vector<Bytes> frames;
  for (const Piece& piece : pieces) frames.push_back(wire_frame(flow, piece));
  CHECK(Rig().sizes(flow, frames) == Sizes{300});
  pieces[2].flags = kAck;
  frames.back() = wire_frame(flow, pieces[2]);
  CHECK(Rig().sizes(flow, frames) == Sizes{200, 100});
}

TEST_CASE("tcp, ip: a frame that differs in any field that is not written anew is not merged") {
  struct Change {
    std::string what;
    bool tcp;
    bool v6;
    std::function<void(FlowFrame&)> change;
  };
  const std::vector<Change> changes = {
      {"acknowledgement", true, false, [](FlowFrame& f) { ++f.ack; }},
      {"window", true, false, [](FlowFrame& f) { ++f.window; }},
      {"time stamp", true, false, [](FlowFrame& f) { ++f.tcp_options[7]; }},
      {"option", true, true, [](FlowFrame& f) { f.tcp_options[1] = 0; }},
      {"source port", true, false, [](FlowFrame& f) { ++f.from_port; }},
      {"destination port", false, true, [](FlowFrame& f) { ++f.to_port; }},
      {"source", false, false, [](FlowFrame& f) { ++f.from4[3]; }},
      {"destination", true, false, [](FlowFrame& f) { ++f.to4[0]; }},
      {"source", true, true, [](FlowFrame& f) { ++f.from6[0]; }},
      {"destination", false, true, [](FlowFrame& f) { ++f.to6[15]; }},
      {"type of service", true, false, [](FlowFrame& f) { f.tos = 3; }},
      {"traffic class", false, true, [](FlowFrame& f) { f.tos = 3; }},
      {"time to live", false, false, [](FlowFrame& f) { --f.ttl; }},
      {"hop limit", true, true, [](FlowFrame& f) { --f.ttl; }},
      {"DF", true, false, [](FlowFrame& f) { f.flags_and_offset = 0; }},
      {"reserved bit", true, false, [](FlowFrame& f) { f.flags_and_offset = 0xc000; }},
      {"destination MAC", true, false, [](FlowFrame& f) { ++f.link.to[5]; }},
      {"source MAC", false, true, [](FlowFrame& f) { ++f.link.from[0]; }},
      {"VLAN", true, false,
       [](FlowFrame& f) {
         f.link.tags = {{0x8100, 1}};
       }},
  };
  for (const Change& one : changes) {
    CAPTURE(one.what);
    const FlowFrame flow = flow_of(one.tcp, one.v6);
    FlowFrame other = flow;
    one.change(other);
    const std::vector<Piece> pieces = pieces_of({100, 100, 100, 100});
    Rig rig;
    const std::vector<Packet> out =
        rig.coalesce(rig.packets_of({wire_frame(flow, pieces[0]), wire_frame(flow, pieces[1]),
                                     wire_frame(other, pieces[2]), wire_frame(other, pieces[3])}));
    CHECK(out.size() == 2);
  }
}

TEST_CASE("tcp: a gap, a repetition and the wrong order of sequence numbers are not merged") {
  const FlowFrame flow = flow_of(true, false);
  for (const int step : {1, -1, -100, 100}) {
    CAPTURE(step);
    std::vector<Piece> pieces = pieces_of({100, 100});
    pieces[1].sequence += static_cast<unsigned>(step);
    CHECK(Rig().sizes(flow, {wire_frame(flow, pieces[0]), wire_frame(flow, pieces[1])}) ==
          Sizes{100, 100});
  }
  std::vector<Piece> pieces = pieces_of({100, 100});
  pieces[0].sequence = 0xffffffce;
  pieces[1].sequence = 50;
  CHECK(Rig().sizes(flow, {wire_frame(flow, pieces[0]), wire_frame(flow, pieces[1])}) ==
        Sizes{200});
}

TEST_CASE("ip: IPv4 identifications are consecutive, or all 0 with DF; nothing else merges") {
  const auto merged = [](unsigned flags, unsigned first, unsigned second) {
    FlowFrame flow = flow_of(false, false);
    flow.flags_and_offset = flags;
    std::vector<Piece> pieces = pieces_of({100, 100});
    pieces[0].id = first;
    pieces[1].id = second;
    return Rig().sizes(flow, {wire_frame(flow, pieces[0]), wire_frame(flow, pieces[1])}).size() ==
           1;
  };
  for (const unsigned flags : {0U, 0x4000U}) {
    CAPTURE(flags);
    CHECK(merged(flags, 7, 8));
    CHECK(merged(flags, 0xffff, 0));
    CHECK_FALSE(merged(flags, 7, 7));
    CHECK_FALSE(merged(flags, 8, 7));
    CHECK_FALSE(merged(flags, 7, 9));
  }
  CHECK(merged(0x4000, 0, 0));
  CHECK_FALSE(merged(0x4000, 0, 1));
  CHECK(merged(0, 0, 1));
  CHECK_FALSE(merged(0, 0, 0));
}

TEST_CASE("ip: options, extension headers, fragments and padding are left alone") {
  const std::vector<Piece> pieces = pieces_of({100, 100});
  const auto count = [&pieces](const FlowFrame& flow, std::size_t padding = 0) {
    std::vector<Bytes> frames;
    for (const Piece& piece : pieces) {
      frames.push_back(wire_frame(flow, piece));
      frames.back().resize(frames.back().size() + padding);
    }
    Rig rig;
    return rig.coalesce(rig.packets_of(frames)).size();
  };
  FlowFrame flow = flow_of(true, false);
  CHECK(count(flow) == 1);
  CHECK(count(flow, 1) == 2);
  flow.ip_options = {1, 1, 1, 0};
  CHECK(count(flow) == 2);
  flow = flow_of(false, false);
  flow.flags_and_offset = 0x2000;
  CHECK(count(flow) == 2);
  flow.flags_and_offset = 185;
  CHECK(count(flow) == 2);
  flow = flow_of(false, true);
  CHECK(count(flow) == 1);
  CHECK(count(flow, 4) == 2);
  flow.next = 60;
  flow.extensions = {17, 0, 1, 4, 0, 0, 0, 0};
  CHECK(count(flow) == 2);
}

TEST_CASE("a frame whose flow cannot be told is passed by none") {
  const FlowFrame flow = flow_of(false, false);
  FlowFrame fragment = flow;
  fragment.flags_and_offset = 185;
  std::vector<Bytes> frames = frames_of(flow, {100, 100, 100, 100});
  frames.insert(frames.begin() + 2, wire_frame(fragment, pieces_of({100})[0]));
  CHECK(Rig().sizes(flow, frames) == Sizes{200, 100, 200});
  // ARP is of no flow.
  frames[2] = ethernet(flow.link, 0x0806, Bytes(28 + 100, 1));
  CHECK(Rig().sizes(flow, frames).size() == 2);
}

TEST_CASE("checksums: a frame with a bad one is left alone and never merged, whichever it is") {
  for (const bool tcp : {true, false}) {
    for (const bool v6 : {false, true}) {
      for (std::size_t bad = 0; bad < 5; ++bad) {
        for (const bool in_ip : {true, false}) {
          if (in_ip && v6) continue;
          CAPTURE(bad);
          const FlowFrame flow = flow_of(tcp, v6);
          std::vector<Bytes> frames = frames_of(flow, {100, 100, 100, 100, 100});
          const std::size_t field = in_ip ? 24 : transport_offset(flow) + field_in_transport(flow);
          set16(frames[bad], field, get16(frames[bad], field) ^ 0x0100);
          Rig rig;
          const std::vector<Packet> out = rig.coalesce(rig.packets_of(frames));
          std::size_t same = 0;
          for (const Packet& packet : out) same += bytes_of(packet) == frames[bad] ? 1 : 0;
          CHECK(same == 1);
          CHECK(out.size() == (bad == 0 || bad == 4 ? 2 : 3));
        }
      }
    }
  }
}

TEST_CASE("checksums: UDP without one, and the other zero, are left alone") {
  FlowFrame flow = flow_of(false, false);
  std::vector<Bytes> frames = frames_of(flow, {100, 100});
  for (Bytes& frame : frames) set16(frame, 40, 0);
  CHECK(Rig().sizes(flow, frames).size() == 2);
  flow = flow_of(true, false);
  std::vector<Piece> pieces = pieces_of({100, 100});
  set16(pieces[1].data, 98, 0);
  set16(pieces[1].data, 98, get16(wire_frame(flow, pieces[1]), 14 + 20 + 16));
  frames = {wire_frame(flow, pieces[0]), wire_frame(flow, pieces[1])};
  REQUIRE(get16(frames[1], 14 + 20 + 16) == 0);
  CHECK(Rig().sizes(flow, frames) == Sizes{200});
  set16(frames[1], 14 + 20 + 16, 0xffff);  // right as well, and not what a Segmenter writes
  CHECK(Rig().sizes(flow, frames) == Sizes{100, 100});
}

TEST_CASE("checksums: partial ones are merged if they are the sum of the pseudo header") {
  for (const bool tcp : {true, false}) {
    for (const bool v6 : {false, true}) {
      const FlowFrame flow = flow_of(tcp, v6);
      const std::vector<Piece> pieces = pieces_of({100, 100, 100});
      const auto burst = [&](Rig& rig, int spoilt) {
        std::vector<Packet> packets;
        for (int i = 0; i < 3; ++i) {
          const bool partial = i != 1;  // beside a complete one
          Bytes frame = partial ? partial_frame(flow, pieces[static_cast<std::size_t>(i)])
                                : wire_frame(flow, pieces[static_cast<std::size_t>(i)]);
          const std::size_t field = transport_offset(flow) + field_in_transport(flow);
          if (i == spoilt) set16(frame, field, get16(frame, field) ^ 1);
          packets.push_back(
              packet_of(rig.pool, frame, partial ? partial_offload(flow) : Offload{}));
        }
        return packets;
      };
      Rig rig;
      CHECK(rig.sizes(flow, burst(rig, -1)) == Sizes{300});
      CHECK(rig.sizes(flow, burst(rig, 0)) == Sizes{100, 200});
      CHECK(rig.sizes(flow, burst(rig, 2)) == Sizes{200, 100});
      std::vector<Packet> packets = burst(rig, -1);
      packets[2].offload().csum_start = 14;
      CHECK(rig.sizes(flow, std::move(packets)) == Sizes{200, 100});
    }
  }
}

TEST_CASE("F20: only what the reader accepts is made") {
  for (const bool tcp : {true, false}) {
    for (const bool v6 : {false, true}) {
      for (unsigned bits = 0; bits < 16; ++bits) {
        CAPTURE(bits);
        OffloadSet accepted;
        for (unsigned i = 0; i < 4; ++i) {
          if ((bits >> i & 1) != 0) accepted = accepted | OffloadSet{kOffloadFeatures[i]};
        }
        const unsigned needed = 1U | (!tcp ? 8U : v6 ? 4U : 2U);
        const FlowFrame flow = flow_of(tcp, v6);
        Rig rig;
        rig.accepted = accepted;
        CHECK(rig.sizes(flow, frames_of(flow, {100, 100})).size() ==
              ((bits & needed) == needed ? 1 : 2));
      }
    }
  }
}

TEST_CASE("large: never more than 65535 bytes of IP, to the byte") {
  for (const bool v6 : {false, true}) {
    FlowFrame flow = flow_of(true, v6);
    flow.tcp_options.clear();
    const std::size_t most = 65535 - (v6 ? 60 : 40);
    Sizes sizes(45, 1448);
    sizes.push_back(most - 45 * 1448);
    CHECK(Rig().sizes(flow, frames_of(flow, sizes)) == Sizes{most});
    ++sizes.back();
    CHECK(Rig().sizes(flow, frames_of(flow, sizes)) == Sizes{45 * 1448, most - 45 * 1448 + 1});
  }
}

TEST_CASE("large: never more UDP segments than the limit, which is at most 128") {
  const FlowFrame flow = flow_of(false, false);
  const std::vector<Bytes> frames = frames_of(flow, Sizes(150, 10));
  CHECK(Rig().sizes(flow, frames) == Sizes{640, 640, 220});
  for (const unsigned limit : {0U, 2U}) {
    Rig rig;
    rig.udp_segments = limit;
    CHECK(rig.sizes(flow, frames_of(flow, {10, 10, 10, 10, 10})) == Sizes{20, 20, 10});
  }
  Rig rig;
  rig.udp_segments = 1000;
  CHECK(rig.sizes(flow, frames) == Sizes{1280, 220});
}

TEST_CASE(
    "flows between each other's frames are merged each, and come out in the order of their first") {
  Rig rig;
  std::vector<Bytes> frames;
  std::vector<FlowFrame> flows;
  for (unsigned i = 0; i < 4; ++i) {
    flows.push_back(flow_of(i % 2 == 0, i >= 2));
    flows.back().to_port += i;
  }
  const std::vector<Piece> pieces = pieces_of({100, 100, 100});
  for (const Piece& piece : pieces) {
    for (const FlowFrame& flow : flows) frames.push_back(wire_frame(flow, piece));
  }
  const std::vector<Packet> out = rig.coalesce(rig.packets_of(frames));
  REQUIRE(out.size() == flows.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    CHECK(out[i].size() == frames[i].size() + 200);
    CHECK(get16(bytes_of(out[i]), transport_offset(flows[i]) + 2) == flows[i].to_port);
  }
}

TEST_CASE("superframes in a burst stay as they are, and no frame of their flow passes them") {
  const FlowFrame flow = flow_of(true, false);
  std::vector<Piece> pieces = pieces_of({100, 100, 3000, 100, 100});
  Rig rig;
  std::vector<Packet> burst;
  for (const Piece& piece : pieces) {
    const bool super = piece.data.size() > 1000;
    burst.push_back(packet_of(rig.pool,
                              super ? partial_frame(flow, piece) : wire_frame(flow, piece),
                              super ? super_offload(flow, 100) : Offload{}));
  }
  CHECK(rig.sizes(flow, std::move(burst)) == Sizes{200, 3000, 200});
}

TEST_CASE("a pool without tails leaves frames alone once the first buffer is full") {
  const FlowFrame flow = flow_of(false, false);
  PacketPool none({.heads = 1, .tails = 0});
  Rig rig;
  std::vector<Packet> burst = rig.packets_of(frames_of(flow, {600, 600, 600, 600, 600}));
  Coalescer coalescer(OffloadSet::all());
  REQUIRE(coalescer.coalesce(burst, none) == 2);
  CHECK(burst[0].size() == 42 + 1800);
  CHECK(burst[1].size() == 42 + 1200);
  CHECK(burst[0].buffer()->tail == nullptr);
}

TEST_CASE("what was merged goes back to its pools, tails to the one they came from") {
  Rig rig;
  const FlowFrame flow = flow_of(false, false);
  PacketPool tails({.heads = 1, .tails = 1});
  for (int round = 0; round < 3; ++round) {
    std::vector<Packet> burst = rig.packets_of(frames_of(flow, Sizes(20, 1000)));
    Coalescer coalescer(OffloadSet::all());
    REQUIRE(coalescer.coalesce(burst, tails) == 1);
    CHECK(rig.pool.outstanding() == 1);
    CHECK(tails.outstanding() == 0);
    burst.clear();
    CHECK(rig.pool.outstanding() == 0);
  }
}

TEST_CASE("bursts of none and of one, and runts, come back as they are") {
  Rig rig;
  CHECK(rig.coalesce({}).empty());
  CHECK(rig.coalesce(rig.packets_of({Bytes(14, 1)})).size() == 1);
  std::vector<Packet> runts = rig.packets_of({Bytes(14, 1), Bytes(1, 0), Bytes(0)});
  CHECK(Coalescer(OffloadSet::all()).coalesce(runts, rig.pool) == 3);
}

}  // namespace
