// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/netdrv/offload.hpp"
#include "offload_frames.hpp"
#include "seeds.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

/// A superframe that is right, to be spoilt.
struct Superframe {
  FlowFrame flow;
  Bytes frame;
  Offload offload;

  explicit Superframe(const FlowFrame& made, std::size_t bytes = 3000, unsigned gso_size = 1000)
      : flow(made), offload(super_offload(made, gso_size)) {
    Piece piece;
    piece.data = pattern(bytes);
    frame = partial_frame(made, piece);
  }
  [[nodiscard]] OffloadFault check() const { return check_first(frame.size()); }
  // As if the first buffer ended there.
  [[nodiscard]] OffloadFault check_first(std::size_t in_head) const {
    return check_offload(std::as_bytes(std::span(frame)).first(in_head),
                         static_cast<std::uint32_t>(frame.size()), offload);
  }
};

FlowFrame flow_of(bool tcp, bool v6) {
  FlowFrame flow;
  flow.tcp = tcp;
  flow.v6 = v6;
  return flow;
}

const std::vector<FlowFrame>& flows() {
  static const std::vector<FlowFrame> all = {flow_of(true, false), flow_of(true, true),
                                             flow_of(false, false), flow_of(false, true)};
  return all;
}

TEST_CASE("what is right has no fault: of each protocol, with its headers in the first buffer") {
  for (const FlowFrame& flow : flows()) {
    const Superframe super(flow);
    CHECK(super.check() == OffloadFault::none);
    const std::size_t headers = transport_offset(flow) + transport_bytes(flow);
    CHECK(super.check_first(headers) == OffloadFault::none);
    CHECK(super.check_first(headers - 1) == OffloadFault::headers_split);
  }
}

TEST_CASE("F21: hdr_len is not believed, whatever it is") {
  for (const unsigned hdr_len : {0U, 13U, 66U, 0xffffU}) {
    Superframe super(flow_of(true, false));
    super.offload.hdr_len = static_cast<std::uint16_t>(hdr_len);
    CHECK(super.check() == OffloadFault::none);
  }
}

TEST_CASE("F15: a frame shorter than an Ethernet header is a runt, whatever it claims") {
  PacketPool pool({.heads = 1, .tails = 0});
  for (std::size_t size = 0; size < 14; ++size) {
    const Bytes frame(size, 0x45);
    for (const unsigned type : {0U, 1U, 5U}) {
      Offload offload;
      offload.gso_type = static_cast<std::uint8_t>(type);
      Packet packet = packet_of(pool, frame, offload);
      CHECK(check_offload(packet) == OffloadFault::runt);
      CHECK(Segmenter().start(std::move(packet)) == OffloadFault::runt);
    }
  }
}

TEST_CASE("F21: a checksum field or start outside of the frame is refused, to the byte") {
  const Bytes frame = pattern(100);
  const auto check = [&frame](unsigned start, unsigned offset, std::size_t in_head) {
    Offload offload;
    offload.flags = 1;
    offload.csum_start = static_cast<std::uint16_t>(start);
    offload.csum_offset = static_cast<std::uint16_t>(offset);
    return check_offload(std::as_bytes(std::span(frame)).first(in_head), 100, offload);
  };
  CHECK(check(34, 16, 100) == OffloadFault::none);
  CHECK(check(14, 0, 100) == OffloadFault::none);
  CHECK(check(13, 0, 100) == OffloadFault::csum_range);
  CHECK(check(0, 16, 100) == OffloadFault::csum_range);
  CHECK(check(34, 64, 100) == OffloadFault::none);
  CHECK(check(34, 65, 100) == OffloadFault::csum_range);
  CHECK(check(98, 0, 100) == OffloadFault::none);
  CHECK(check(99, 0, 100) == OffloadFault::csum_range);
  CHECK(check(0xffff, 0xffff, 100) == OffloadFault::csum_range);
  CHECK(check(34, 0xfffe, 100) == OffloadFault::csum_range);
  CHECK(check(34, 16, 52) == OffloadFault::none);
  CHECK(check(34, 16, 51) == OffloadFault::headers_split);
}

TEST_CASE("without NEEDS_CSUM and gso_type nothing else is looked at, unknown flags neither") {
  const Bytes frame = pattern(60);
  Offload offload = {.flags = 0xfe,
                     .gso_type = 0,
                     .hdr_len = 0xffff,
                     .gso_size = 0xffff,
                     .csum_start = 0xffff,
                     .csum_offset = 0xffff};
  CHECK(check_offload(std::as_bytes(std::span(frame)), 60, offload) == OffloadFault::none);
}

struct Spoilt {
  std::string what;
  OffloadFault fault;
  std::function<void(Superframe&)> spoil;
};

void check_each(const FlowFrame& flow, const std::vector<Spoilt>& list) {
  for (const Spoilt& one : list) {
    Superframe super(flow);
    one.spoil(super);
    INFO(one.what);
    CHECK(name_of(super.check()) == name_of(one.fault));
  }
}

TEST_CASE("F21: what is wrong with the header of any superframe is named") {
  for (const FlowFrame& flow : flows()) {
    CAPTURE(flow.tcp);
    CAPTURE(flow.v6);
    check_each(
        flow,
        {{"no NEEDS_CSUM", OffloadFault::gso_without_csum,
          [](Superframe& s) { s.offload.flags = 2; }},
         {"UFO", OffloadFault::gso_type, [](Superframe& s) { s.offload.gso_type = 3; }},
         {"unknown type 2", OffloadFault::gso_type, [](Superframe& s) { s.offload.gso_type = 2; }},
         {"unknown type 6", OffloadFault::gso_type, [](Superframe& s) { s.offload.gso_type = 6; }},
         {"a tunnel's type", OffloadFault::gso_type,
          [](Superframe& s) { s.offload.gso_type |= 0x20; }},
         {"ECN of nothing", OffloadFault::gso_type,
          [](Superframe& s) { s.offload.gso_type = 0x80; }},
         {"ECN of UDP", OffloadFault::gso_type, [](Superframe& s) { s.offload.gso_type = 0x85; }},
         {"the other TCP", OffloadFault::protocol,
          [](Superframe& s) { s.offload.gso_type = s.flow.v6 ? 1 : 4; }},
         {"the other protocol", OffloadFault::protocol,
          [](Superframe& s) { s.offload.gso_type = s.flow.tcp  ? 5
                                                   : s.flow.v6 ? 4
                                                               : 1; }},
         {"gso_size 0", OffloadFault::gso_size, [](Superframe& s) { s.offload.gso_size = 0; }},
         {"gso_size ffff", OffloadFault::gso_size,
          [](Superframe& s) { s.offload.gso_size = 0xffff; }},
         {"gso_size beyond an IP packet", OffloadFault::gso_size,
          [](Superframe& s) { s.offload.gso_size = 65520; }},
         {"csum_start 2 less", OffloadFault::csum_place,
          [](Superframe& s) { s.offload.csum_start -= 2; }},
         {"csum_start of the IP header", OffloadFault::csum_place,
          [](Superframe& s) { s.offload.csum_start = 14; }},
         {"csum_start ffff", OffloadFault::csum_place,
          [](Superframe& s) { s.offload.csum_start = 0xffff; }},
         {"csum_offset of the other protocol", OffloadFault::csum_place,
          [](Superframe& s) { s.offload.csum_offset = s.flow.tcp ? 6 : 16; }},
         {"another Ethernet type", OffloadFault::protocol,
          [](Superframe& s) { set16(s.frame, 12, 0x0806); }},
         {"the other IP's Ethernet type", OffloadFault::ip_header,
          [](Superframe& s) {
            set16(s.frame, 12, s.flow.v6 ? 0x0800 : 0x86dd);
            if (s.flow.tcp) s.offload.gso_type = s.flow.v6 ? 1 : 4;
          }},
         {"IP version", OffloadFault::ip_header, [](Superframe& s) { s.frame[14] ^= 0x10; }},
         {"a byte too many", OffloadFault::ip_length, [](Superframe& s) { s.frame.push_back(0); }},
         {"a byte too few", OffloadFault::ip_length, [](Superframe& s) { s.frame.pop_back(); }},
         {"IP length 0", OffloadFault::ip_length,
          [](Superframe& s) { set16(s.frame, s.flow.v6 ? 18 : 16, 0); }}});
  }
}

TEST_CASE("F21: VLAN stacks are taken up to two tags") {
  for (const FlowFrame& plain : flows()) {
    FlowFrame flow = plain;
    for (int tags = 0; tags < 5; ++tags) {
      CHECK(Superframe(flow).check() ==
            (tags <= 2 ? OffloadFault::none : OffloadFault::vlan_stack));
      flow.link.tags.push_back({tags % 2 == 0 ? 0x8100U : 0x88a8U, 7});
    }
  }
}

TEST_CASE("F21: what is wrong with IPv4 is named") {
  check_each(
      flow_of(true, false),
      {{"header length 16", OffloadFault::ip_header, [](Superframe& s) { s.frame[14] = 0x44; }},
       {"more fragments", OffloadFault::fragment, [](Superframe& s) { s.frame[20] = 0x20; }},
       {"a fragment's offset", OffloadFault::fragment, [](Superframe& s) { s.frame[21] = 1; }},
       {"another protocol", OffloadFault::protocol, [](Superframe& s) { s.frame[23] = 132; }},
       {"options moved the header", OffloadFault::csum_place,
        [](Superframe& s) {
          s.frame[14] = 0x46;
          s.frame[14 + 24 + 12] = 0x50;
        }},
       {"TCP header of 16 bytes", OffloadFault::transport_header,
        [](Superframe& s) { s.frame[46] = 0x40; }},
       {"TCP gso_size 7", OffloadFault::gso_size, [](Superframe& s) { s.offload.gso_size = 7; }}});
}

TEST_CASE("F21: headers that the frame is too short for are named") {
  // Cut, lengths put right, so that nothing but the missing bytes is wrong.
  for (const FlowFrame& flow : flows()) {
    const std::size_t headers = transport_offset(flow) + transport_bytes(flow);
    for (std::size_t size = 14; size < headers; ++size) {
      CAPTURE(size);
      Superframe super(flow, 0);
      super.frame.resize(size);
      if (flow.v6 && size >= 54) set16(super.frame, 18, static_cast<unsigned>(size - 54));
      if (!flow.v6 && size >= 34) set16(super.frame, 16, static_cast<unsigned>(size - 14));
      const std::size_t transport = transport_offset(flow);
      CHECK(super.check() ==
            (size < transport ? OffloadFault::ip_header : OffloadFault::transport_header));
    }
  }
}

TEST_CASE("F21: IPv6 extension headers are gone through, at most 8, each in the first buffer") {
  const auto chain = [](unsigned count) {
    Writer headers;
    for (unsigned i = 0; i < count; ++i) {
      headers.u8(i + 1 == count ? 6 : 60).raw(Bytes{0, 1, 4, 0, 0, 0, 0});
    }
    return Bytes(headers);
  };
  FlowFrame flow = flow_of(true, true);
  flow.next = 60;
  for (unsigned count = 1; count < 12; ++count) {
    flow.extensions = chain(count);
    CHECK(Superframe(flow).check() ==
          (count <= 8 ? OffloadFault::none : OffloadFault::extension_headers));
  }
  flow.extensions = chain(2);
  check_each(
      flow, {{"longer than the frame", OffloadFault::extension_headers,
              [](Superframe& s) {
                s.frame[55] = 255;
                s.frame.resize(14 + 40 + 1000);
                set16(s.frame, 18, 1000);
              }},
             {"cut short", OffloadFault::extension_headers,
              [](Superframe& s) {
                s.frame.resize(14 + 40 + 12);
                set16(s.frame, 18, 12);
              }},
             {"a fragment header", OffloadFault::fragment, [](Superframe& s) { s.frame[54] = 44; }},
             {"an option that nobody knows", OffloadFault::none,
              [](Superframe& s) { s.frame[56] = 0xc3; }},
             {"no next header", OffloadFault::protocol, [](Superframe& s) { s.frame[54] = 59; }}});
}

TEST_CASE("headers that no segment's first buffer has room for are refused") {
  FlowFrame flow = flow_of(true, true);
  flow.next = 60;
  flow.extensions = Bytes(1864, 0);
  flow.extensions[0] = 6;
  flow.extensions[1] = 1864 / 8 - 1;
  CHECK(Superframe(flow).check() == OffloadFault::headers_split);
  flow.extensions.resize(1800);
  flow.extensions[1] = 1800 / 8 - 1;
  CHECK(Superframe(flow).check() == OffloadFault::none);
}

TEST_CASE("F21: UDP lengths lie in vain, and 128 segments are the most") {
  for (const bool v6 : {false, true}) {
    const FlowFrame flow = flow_of(false, v6);
    for (const unsigned length : {0U, 7U, 8U, 3007U, 3009U, 0xffffU}) {
      Superframe super(flow);
      set16(super.frame, transport_offset(flow) + 4, length);
      CHECK(super.check() == OffloadFault::ip_length);
    }
    CHECK(Superframe(flow, 12800, 100).check() == OffloadFault::none);
    CHECK(Superframe(flow, 12801, 100).check() == OffloadFault::segments);
    CHECK(Superframe(flow, 128, 1).check() == OffloadFault::none);
    CHECK(Superframe(flow, 129, 1).check() == OffloadFault::segments);
  }
}

TEST_CASE("F19, check 21: a partial checksum is completed over both buffers, of any length") {
  PacketPool pool({.heads = 2, .tails = 1});
  for (const FlowFrame& flow : flows()) {
    for (const std::size_t bytes : {0U, 1U, 2U, 999U, 1853U, 1854U, 1855U, 1866U, 1867U, 9001U}) {
      CAPTURE(bytes);
      Piece piece;
      piece.data = pattern(bytes);
      Packet packet = packet_of(pool, partial_frame(flow, piece), partial_offload(flow));
      REQUIRE(check_offload(packet) == OffloadFault::none);
      complete_checksum(packet);
      CHECK(bytes_of(packet) == wire_frame(flow, piece));
      CHECK(packet.offload().flags == 0);
      CHECK(packet.offload().csum_start == 0);
    }
  }
}

TEST_CASE("F19: a UDP checksum that comes to 0 is completed to ffff, one of TCP is not") {
  PacketPool pool({.heads = 1, .tails = 0});
  for (const FlowFrame& flow : flows()) {
    Piece piece;
    piece.data = Bytes(40, 0);
    set16(piece.data, 38,
          get16(wire_frame(flow, piece), transport_offset(flow) + field_in_transport(flow)));
    Packet packet = packet_of(pool, partial_frame(flow, piece), partial_offload(flow));
    complete_checksum(packet);
    const Bytes found = bytes_of(packet);
    CHECK(get16(found, transport_offset(flow) + field_in_transport(flow)) ==
          (flow.tcp ? 0 : 0xffff));
    CHECK(found == wire_frame(flow, piece));
  }
}

TEST_CASE("complete_checksum leaves ordinary frames and superframes alone, and keeps DATA_VALID") {
  PacketPool pool({.heads = 1, .tails = 1});
  const FlowFrame flow = flow_of(false, false);
  Piece piece;
  piece.data = pattern(3000);
  Packet packet = packet_of(pool, partial_frame(flow, piece), super_offload(flow, 1000));
  complete_checksum(packet);
  CHECK(bytes_of(packet) == partial_frame(flow, piece));
  CHECK(packet.offload().gso_type == 5);
  packet.offload() = {};
  packet.offload().flags = 2;
  complete_checksum(packet);
  CHECK(bytes_of(packet) == partial_frame(flow, piece));
  CHECK(packet.offload().flags == 2);
}

TEST_CASE("check 19: frames and headers spoilt at random are refused or cut, never worse") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("offload mutants", 19));
  PacketPool pool({.heads = 64, .tails = 64});
  const std::vector<unsigned> wild = {0, 1, 6, 13, 14, 16, 34, 54, 127, 1000, 65535};
  unsigned accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    FlowFrame flow = flows()[random() % flows().size()];
    if (random() % 4 == 0) flow.link.tags = {{0x8100, 1}};
    Superframe super(flow, 1 + random() % 3000, static_cast<unsigned>(1 + random() % 2000));
    for (auto changes = random() % 4; changes-- != 0;) {
      const auto value = static_cast<std::uint16_t>(wild[random() % wild.size()]);
      switch (random() % 8) {
        case 0:
          super.offload.csum_start = value;
          break;
        case 1:
          super.offload.csum_offset = value;
          break;
        case 2:
          super.offload.gso_size = value;
          break;
        case 3:
          super.offload.gso_type = static_cast<std::uint8_t>(random());
          break;
        case 4:
          super.frame.resize(14 + random() % super.frame.size());
          break;
        default:
          super.frame[random() % std::min<std::size_t>(100, super.frame.size())] =
              static_cast<std::uint8_t>(random());
      }
    }
    Segmenter segmenter;
    Packet packet = packet_of(pool, super.frame, super.offload);
    const OffloadFault fault = check_offload(packet);
    REQUIRE(segmenter.start(std::move(packet)) == fault);
    if (fault != OffloadFault::none) continue;
    ++accepted;
    unsigned found = 0;
    std::vector<Packet> out(16);
    while (const unsigned count = segmenter.next(pool, out)) {
      found += count;
      for (Packet& segment : std::span(out).first(count)) segment.reset();
    }
    REQUIRE(found == segmenter.segments());
  }
  CHECK(accepted > 1000);
  CHECK(accepted < 19000);
  CHECK(pool.outstanding() == 0);
}

}  // namespace
