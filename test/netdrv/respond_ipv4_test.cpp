// SPDX-License-Identifier: BSD-2-Clause
// The responder over IPv4: header, options, ICMP and UDP, field by field.
#include <doctest/doctest.h>

#include <string>

#include "respond_scene.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

const Bytes kEcho = icmp4(8, 0, echo_body(7, 1, pattern(20)));

Bytes frame4(const Ipv4& ip, const Bytes& payload) {
  return ethernet(kToUs, 0x0800, ipv4(ip, payload));
}

// A request whose header was changed by `change`.
template <class Change>
Bytes changed(const Change& change, const Bytes& payload = kEcho) {
  Ipv4 ip = request4(1);
  change(ip);
  return frame4(ip, payload);
}

TEST_CASE("the reply keeps DSCP, identification and DF, and has its own TTL and no ECN mark") {
  Responder host;
  for (const unsigned flags : {0x4000U, 0x0000U, 0x8000U, 0xc000U}) {
    for (const unsigned tos : {0x00U, 0x03U, 0xb8U, 0xffU}) {
      CAPTURE(flags);
      CAPTURE(tos);
      Ipv4 request = request4(1);
      request.tos = tos;
      request.id = 0xfffe;
      request.flags_and_offset = flags;
      request.ttl = 1;
      Ipv4 reply = reply4(1);
      reply.tos = tos & 0xfc;
      reply.id = 0xfffe;
      reply.flags_and_offset = flags & 0x4000;
      CHECK(host.rig.answer(frame4(request, kEcho)) ==
            ethernet(kToPeer, 0x0800, ipv4(reply, icmp4(0, 0, echo_body(7, 1, pattern(20))))));
    }
  }
}

TEST_CASE("each IPv4 address answers under its own name") {
  Responder host;
  CHECK(host.rig.answer(changed([](Ipv4& ip) { ip.to = kOurOther4; })) ==
        ethernet(kToPeer, 0x0800,
                 ipv4({.from = kOurOther4, .to = kPeer4, .protocol = 1},
                      icmp4(0, 0, echo_body(7, 1, pattern(20))))));
}

TEST_CASE("IPv4 destinations that are not ours are not for us, broadcasts and groups included") {
  Responder host;
  for (const Ip4& to : {Ip4{10, 99, 0, 3}, Ip4{10, 99, 0, 255}, Ip4{255, 255, 255, 255}, Ip4{},
                        Ip4{224, 0, 0, 1}, Ip4{2, 0, 99, 10}, Ip4{127, 0, 0, 1}, kPeer4}) {
    CHECK(host.rig.fate(changed([&to](Ipv4& ip) { ip.to = to; })) == "not_for_us");
  }
}

TEST_CASE("IPv4 sources that no single other host can have get no answer") {
  Responder host;
  for (const Ip4& from : {Ip4{}, Ip4{0, 1, 2, 3}, Ip4{127, 0, 0, 1}, Ip4{224, 0, 0, 1},
                          Ip4{239, 255, 255, 255}, Ip4{255, 255, 255, 255}, kOur4, kOurOther4}) {
    CHECK(host.rig.fate(changed([&from](Ipv4& ip) { ip.from = from; })) == "not_for_us");
  }
  for (const Ip4& from : {Ip4{1, 0, 0, 1}, Ip4{223, 255, 255, 255}, Ip4{240, 0, 0, 1},
                          Ip4{126, 1, 1, 1}, Ip4{128, 0, 0, 1}}) {
    CHECK(host.rig.fate(changed([&from](Ipv4& ip) { ip.from = from; })) == "sent");
  }
}

TEST_CASE("an IPv4 header of another version is malformed") {
  Responder host;
  for (unsigned version = 0; version < 16; ++version) {
    CAPTURE(version);
    CHECK(host.rig.fate(changed([version](Ipv4& ip) { ip.version = version; })) ==
          (version == 4 ? "sent" : "bad_length"));
  }
}

TEST_CASE("an IPv4 header shorter than a header or longer than its packet is malformed") {
  Responder host;
  for (unsigned words = 0; words < 16; ++words) {
    CAPTURE(words);
    // Nothing behind the header: lengths from 6 on reach beyond the end.
    CHECK(host.rig.fate(changed([words](Ipv4& ip) { ip.header_words = words; }, {})) ==
          "bad_length");
  }
}

TEST_CASE("every total length but the right one is a wrong length or cuts the message") {
  Responder host;
  const auto right = static_cast<unsigned>(20 + kEcho.size());
  for (unsigned total = 0; total <= right + 40; ++total) {
    CAPTURE(total);
    const std::string fate = host.rig.fate(changed([total](Ipv4& ip) { ip.total = total; }));
    // Below 28 there is no room for the headers; up to `right` the ICMP checksum covers too little.
    CHECK(fate == (total == right                ? "sent"
                   : total < 28 || total > right ? "bad_length"
                                                 : "bad_checksum"));
  }
  CHECK(host.rig.fate(changed([](Ipv4& ip) { ip.total = 0xffff; })) == "bad_length");
  // Too short for the header alone is a wrong length whatever the protocol.
  CHECK(host.rig.fate(changed([](Ipv4& ip) {
    ip.total = 19;
    ip.protocol = 6;
  })) == "bad_length");
}

TEST_CASE("a frame that ends anywhere before its packet does has a wrong length") {
  Responder host;
  for (const Bytes& frame :
       {ping4(pattern(20)), hello4(pattern(20)), changed([](Ipv4& ip) { ip.protocol = 6; })}) {
    for (std::size_t size = 14; size < frame.size(); ++size) {
      CAPTURE(size);
      CHECK(host.rig.fate_of_cut(frame, size) == "bad_length");
    }
  }
}

TEST_CASE("a packet over both buffers that lacks its last byte has a wrong length") {
  Responder host;
  for (const Bytes& frame : {ping4(pattern(3000)), hello4(pattern(3000)), ping4(pattern(1879))}) {
    CHECK(host.rig.fate_of_cut(frame, frame.size() - 1) == "bad_length");
  }
}

TEST_CASE("every wrong IPv4 header checksum is one") {
  Responder host;
  const Bytes right = changed([](Ipv4&) {});
  const unsigned checksum = get16(right, 24);
  for (unsigned wrong = 0; wrong < 0x10000; ++wrong) {
    if (wrong == checksum) continue;
    Bytes frame = right;
    set16(frame, 24, wrong);
    REQUIRE(host.rig.fate(frame) == "bad_checksum");
  }
}

TEST_CASE("fragments are dropped as such: the first, a middle one, the last") {
  Responder host;
  for (const unsigned field : {0x2000U, 0x2001U, 0x0001U, 0x1fffU, 0x6000U, 0x4005U, 0xa000U}) {
    CAPTURE(field);
    CHECK(host.rig.fate(changed([field](Ipv4& ip) { ip.flags_and_offset = field; })) == "fragment");
  }
  CHECK(host.rig.fate(changed([](Ipv4& ip) {
    ip.flags_and_offset = 0x2000;
    ip.to = {10, 99, 0, 9};
  })) == "not_for_us");
}

TEST_CASE("IPv4 options are read past and left out of the reply, in one buffer or two") {
  Responder host;
  const std::vector<Bytes> options = {
      {1, 1, 1, 1},                                       // no operation
      {0, 0xff, 0xff, 0xff},                              // end of the list, rubbish behind it
      {148, 4, 0, 0},                                     // router alert
      {7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0},              // record route
      joined({{68, 36, 5, 0}, Bytes(32), {1, 0, 0, 0}}),  // timestamp, 40 bytes in all
      {1, 1, 1, 94, 3, 9, 1, 1},                          // unknown, in the midst of others
      {130, 4, 0, 0},                                     // security
  };
  for (const Bytes& option : options) {
    for (const std::size_t data : {0U, 20U, 1838U, 1870U, 1880U, 5000U}) {
      CAPTURE(option.size());
      CAPTURE(data);
      Ipv4 ip = request4(1);
      ip.options = option;
      const Link link = tagged(kToUs, {{0x8100, 5}});
      CHECK(host.rig.answer(
                ethernet(link, 0x0800, ipv4(ip, icmp4(8, 0, echo_body(7, 1, pattern(data)))))) ==
            pong4(pattern(data), {{0x8100, 5}}));
      ip.protocol = 17;
      CHECK(host.rig.answer(frame4(ip, udp4(kPeer4, kOur4, {50000, 7}, pattern(data)))) ==
            echo4(pattern(data)));
    }
  }
}

TEST_CASE("IPv4 options that run out of the header are malformed, and source routes not for us") {
  Responder host;
  const auto fate = [&host](const Bytes& options) {
    return host.rig.fate(changed([&options](Ipv4& ip) { ip.options = options; }));
  };
  CHECK(fate({7, 0, 0, 0}) == "bad_length");
  CHECK(fate({7, 1, 0, 0}) == "bad_length");
  CHECK(fate({7, 5, 0, 0}) == "bad_length");
  CHECK(fate({7, 255, 0, 0}) == "bad_length");
  CHECK(fate({1, 1, 1, 7}) == "bad_length");
  CHECK(fate({7, 3, 4, 7}) == "bad_length");
  CHECK(fate({7, 4, 4, 7}) == "sent");
  CHECK(fate({131, 7, 4, 10, 99, 0, 1, 0}) == "not_for_us");
  CHECK(fate({1, 137, 7, 4, 10, 99, 0, 1}) == "not_for_us");
}

TEST_CASE("another protocol over IPv4 is not for us") {
  Responder host;
  for (unsigned protocol = 0; protocol < 256; ++protocol) {
    if (protocol == 1 || protocol == 17) continue;
    CAPTURE(protocol);
    CHECK(host.rig.fate(changed([protocol](Ipv4& ip) { ip.protocol = protocol; })) == "not_for_us");
  }
}

TEST_CASE("ICMP other than an echo request with code 0 is not for us") {
  Responder host;
  for (unsigned type = 0; type < 256; ++type) {
    CAPTURE(type);
    CHECK(host.rig.fate(frame4(request4(1), icmp4(type, 0, echo_body(7, 1, {})))) ==
          (type == 8 ? "sent" : "not_for_us"));
  }
  for (const unsigned code : {1U, 128U, 255U}) {
    CHECK(host.rig.fate(frame4(request4(1), icmp4(8, code, echo_body(7, 1, {})))) == "not_for_us");
  }
}

TEST_CASE("ICMP shorter than its header has a wrong length") {
  Responder host;
  for (std::size_t size = 0; size < 8; ++size) {
    CAPTURE(size);
    Bytes message = kEcho;
    message.resize(size);
    CHECK(host.rig.fate(frame4(request4(1), message)) == "bad_length");
  }
}

TEST_CASE("every wrong ICMP checksum is one") {
  Responder host;
  const Bytes right = changed([](Ipv4&) {});
  const unsigned checksum = get16(right, 36);
  for (unsigned wrong = 0; wrong < 0x10000; ++wrong) {
    if (wrong == checksum) continue;
    Bytes frame = right;
    set16(frame, 36, wrong);
    REQUIRE(host.rig.fate(frame) == "bad_checksum");
  }
}

TEST_CASE("the checksum of the reply is right where one's complement has two zeros") {
  Responder host;
  // Nothing but zeros in the reply: the checksum must not be zero too.
  const auto reply = [](const Bytes& body) {
    return ethernet(kToPeer, 0x0800, ipv4(reply4(1), icmp4(0, 0, body)));
  };
  const Bytes zeros(4);
  CHECK(host.rig.answer(frame4(request4(1), icmp4(8, 0, zeros))) == reply(zeros));
  // The request's sum is the other zero, and its sender wrote 0, or ffff, which is as good.
  const Bytes rest = Writer().u16(0xf7ff).u16(0);
  CHECK(host.rig.answer(frame4(request4(1), icmp4(8, 0, rest))) == reply(rest));
  CHECK(host.rig.answer(frame4(request4(1), icmp4(8, 0, rest, 0xffff))) == reply(rest));
  // The reply's sum is.
  const Bytes ones = Writer().u16(0xffff).u16(0);
  CHECK(host.rig.answer(frame4(request4(1), icmp4(8, 0, ones))) == reply(ones));
}

Bytes udp_request4(const Udp& udp, const Bytes& data) {
  return frame4(request4(17), udp4(kPeer4, kOur4, udp, data));
}

TEST_CASE("UDP echo without a checksum is answered without one") {
  Responder host;
  const Udp back{.from = 7, .to = 50000, .length = {}, .checksum = 0};
  CHECK(host.rig.answer(
            udp_request4({.from = 50000, .to = 7, .length = {}, .checksum = 0}, pattern(9))) ==
        ethernet(kToPeer, 0x0800, ipv4(reply4(17), udp4(kOur4, kPeer4, back, pattern(9)))));
}

TEST_CASE("every wrong UDP checksum is one, but for 0, which is none") {
  Responder host;
  const Bytes right = hello4(pattern(9));
  const unsigned checksum = get16(right, 40);
  for (unsigned wrong = 1; wrong < 0x10000; ++wrong) {
    if (wrong == checksum) continue;
    Bytes frame = right;
    set16(frame, 40, wrong);
    REQUIRE(host.rig.fate(frame) == "bad_checksum");
  }
}

TEST_CASE("a UDP checksum that comes to 0 is sent as ffff, there and back") {
  Responder host;
  // Two bytes of data that bring the sum to the other zero.
  const unsigned missing = get16(hello4({0, 0}), 40);
  const Bytes data = Writer().u16(missing);
  const Bytes request = hello4(data);
  REQUIRE(get16(request, 40) == 0xffff);
  CHECK(host.rig.answer(request) == echo4(data));
}

TEST_CASE("a UDP length below 8 or beyond the packet is wrong") {
  Responder host;
  const Bytes data = pattern(12);
  for (unsigned length = 0; length < 64; ++length) {
    CAPTURE(length);
    CHECK(host.rig.fate(udp_request4({.from = 50000, .to = 7, .length = length, .checksum = {}},
                                     data)) == (length < 8 || length > 20 ? "bad_length" : "sent"));
  }
  for (std::size_t size = 0; size < 8; ++size) {
    CHECK(host.rig.fate(frame4(request4(17), pattern(size))) == "bad_length");
  }
}

TEST_CASE("a UDP datagram that ends before its packet is answered as long as it says") {
  Responder host;
  for (const std::size_t surplus : {1U, 5U, 2000U}) {
    CAPTURE(surplus);
    const Bytes datagram = udp4(kPeer4, kOur4, {50000, 7}, pattern(11));
    CHECK(host.rig.answer(frame4(request4(17), joined({datagram, pattern(surplus)}))) ==
          echo4(pattern(11)));
  }
}

TEST_CASE("UDP to another port is not for us") {
  Responder host;
  for (const unsigned port : {0U, 1U, 6U, 8U, 9U, 53U, 0x0700U, 0x0107U, 65535U}) {
    CAPTURE(port);
    CHECK(host.rig.fate(udp_request4({50000, port}, pattern(9))) == "not_for_us");
  }
}

TEST_CASE("UDP from a port that would answer the answer, or from none, is not for us") {
  Responder host;
  for (unsigned port = 0; port < 64; ++port) {
    const bool talks_back =
        port == 0 || port == 7 || port == 13 || port == 17 || port == 19 || port == 37;
    CAPTURE(port);
    CHECK(host.rig.fate(udp_request4({port, 7}, pattern(9))) ==
          (talks_back ? "not_for_us" : "sent"));
  }
}

}  // namespace
