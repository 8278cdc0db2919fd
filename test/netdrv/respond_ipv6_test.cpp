// SPDX-License-Identifier: BSD-2-Clause
// The responder over IPv6: header, extension headers, ICMPv6 echo and UDP, field by field.
#include <doctest/doctest.h>

#include <string>

#include "respond_scene.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

const Bytes kEcho = icmp6(kPeer6, kOur6, 128, 0, echo_body(7, 1, pattern(20)));

Bytes frame6(const Ipv6& ip, const Bytes& payload, const Link& link = kToUs) {
  return ethernet(link, 0x86dd, ipv6(ip, payload));
}

// A request whose header was changed by `change`.
template <class Change>
Bytes changed(const Change& change, const Bytes& payload = kEcho) {
  Ipv6 ip = request6(58);
  change(ip);
  return frame6(ip, payload);
}

// An echo request between other addresses.
Bytes ping_between(const Ip6& from, const Ip6& to, const Link& link = kToUs) {
  return frame6({.from = from, .to = to, .next = 58},
                icmp6(from, to, 128, 0, echo_body(7, 1, pattern(20))), link);
}
Bytes pong_between(const Ip6& from, const Ip6& to) {
  return frame6({.from = from, .to = to, .next = 58},
                icmp6(from, to, 129, 0, echo_body(7, 1, pattern(20))), kToPeer);
}

TEST_CASE("the reply keeps DSCP and flow label, and has its own hop limit and no ECN mark") {
  Responder host;
  for (const unsigned traffic_class : {0x00U, 0x03U, 0xb8U, 0xffU}) {
    for (const unsigned flow : {0U, 1U, 0xfffffU}) {
      Ipv6 request = request6(58);
      request.traffic_class = traffic_class;
      request.flow = flow;
      request.hop_limit = 1;
      Ipv6 reply = reply6(58);
      reply.traffic_class = traffic_class & 0xfc;
      reply.flow = flow;
      CHECK(host.rig.answer(frame6(request, kEcho)) ==
            frame6(reply, icmp6(kOur6, kPeer6, 129, 0, echo_body(7, 1, pattern(20))), kToPeer));
    }
  }
}

TEST_CASE("each IPv6 address answers under its own name") {
  Responder host;
  CHECK(host.rig.answer(ping_between(kPeer6, kOurLocal6)) == pong_between(kOurLocal6, kPeer6));
  CHECK(host.rig.answer(ping_between(kPeerLocal6, kOur6)) == pong_between(kOur6, kPeerLocal6));
}

TEST_CASE("an echo request to all nodes or to a group of ours is answered from a fitting address") {
  Responder host;
  for (const Mac& mac : {kAllNodesMac, kOurMac}) {
    const Link link{mac, kPeerMac};
    CHECK(host.rig.answer(ping_between(kPeer6, kAllNodes6, link)) == pong_between(kOur6, kPeer6));
    CHECK(host.rig.answer(ping_between(kPeerLocal6, kAllNodes6, link)) ==
          pong_between(kOurLocal6, kPeerLocal6));
  }
  CHECK(host.rig.answer(ping_between(kPeer6, kSolicited6, {kSolicitedMac, kPeerMac})) ==
        pong_between(kOur6, kPeer6));
  RespondOptions options = Responder::options();
  options.addresses = {{.family = 6, .bytes = kOur6}};
  AppRig only_global(make_respond(options, host.counters));
  CHECK(only_global.answer(ping_between(kPeerLocal6, kAllNodes6, {kAllNodesMac, kPeerMac})) ==
        pong_between(kOur6, kPeerLocal6));
}

TEST_CASE("IPv6 destinations that are not ours are not for us, groups of others included") {
  Responder host;
  Ip6 neighbour = kOur6;
  neighbour[15] = 3;
  Ip6 same_end = kOur6;
  same_end[0] = 0xfc;
  Ip6 interface_local = kAllNodes6;
  interface_local[1] = 1;
  Ip6 routers = kAllNodes6;
  routers[15] = 2;
  for (const Ip6& to : {neighbour, same_end, kNo6, interface_local, routers, kPeer6}) {
    CHECK(host.rig.fate(ping_between(kPeer6, to)) == "not_for_us");
    const Link group{{0x33, 0x33, to[12], to[13], to[14], to[15]}, kPeerMac};
    CHECK(host.rig.fate(ping_between(kPeer6, to, group)) == "not_for_us");
  }
  CHECK(host.rig.fate(ping_between(kPeer6, kAllNodes6, {kSolicitedMac, kPeerMac})) == "not_for_us");
  // Our own address, in a frame to the group's address that would belong to it were it a group.
  const Link strange{{0x33, 0x33, kOur6[12], kOur6[13], kOur6[14], kOur6[15]}, kPeerMac};
  CHECK(host.rig.fate(ping_between(kPeer6, kOur6, strange)) == "not_for_us");
}

TEST_CASE("IPv6 sources that no single other host can have get no answer") {
  Responder host;
  Ip6 loopback{};
  loopback[15] = 1;
  for (const Ip6& from : {kNo6, loopback, kAllNodes6, kSolicited6, kOur6, kOurLocal6}) {
    CHECK(host.rig.fate(ping_between(from, kOur6)) == "not_for_us");
    CHECK(host.rig.fate(ping_between(from, kAllNodes6, {kAllNodesMac, kPeerMac})) == "not_for_us");
    CHECK(host.rig.fate(frame6({.from = from, .to = kOur6, .next = 17},
                               udp6(from, kOur6, {50000, 7}, pattern(9)))) == "not_for_us");
  }
}

TEST_CASE("an IPv6 header of another version is malformed") {
  Responder host;
  for (unsigned version = 0; version < 16; ++version) {
    CAPTURE(version);
    CHECK(host.rig.fate(changed([version](Ipv6& ip) { ip.version = version; })) ==
          (version == 6 ? "sent" : "bad_length"));
  }
}

TEST_CASE("every payload length but the right one is a wrong length or a wrong checksum") {
  Responder host;
  const auto right = static_cast<unsigned>(kEcho.size());
  for (unsigned length = 0; length <= right + 40; ++length) {
    CAPTURE(length);
    const std::string fate = host.rig.fate(changed([length](Ipv6& ip) { ip.length = length; }));
    CHECK(fate == (length == right                ? "sent"
                   : length < 8 || length > right ? "bad_length"
                                                  : "bad_checksum"));
  }
  CHECK(host.rig.fate(changed([](Ipv6& ip) { ip.length = 0xffff; })) == "bad_length");
}

TEST_CASE("a frame that ends anywhere before its IPv6 packet does has a wrong length") {
  Responder host;
  for (const Bytes& frame : {ping6(pattern(20)), hello6(pattern(20)), solicit(),
                             changed([](Ipv6& ip) { ip.next = 6; })}) {
    for (std::size_t size = 14; size < frame.size(); ++size) {
      CAPTURE(size);
      CHECK(host.rig.fate_of_cut(frame, size) == "bad_length");
    }
  }
}

TEST_CASE("another protocol over IPv6 is not for us, and a fragment is a fragment") {
  Responder host;
  for (unsigned next = 0; next < 256; ++next) {
    // These have a meaning for what follows: options, UDP, routing, ICMPv6, destination options.
    if (next == 0 || next == 17 || next == 43 || next == 58 || next == 60) continue;
    CAPTURE(next);
    CHECK(host.rig.fate(changed([next](Ipv6& ip) { ip.next = next; })) ==
          (next == 44 ? "fragment" : "not_for_us"));
  }
}

TEST_CASE("ICMPv6 other than what it speaks, or with a code, is not for us") {
  Responder host;
  for (unsigned type = 0; type < 256; ++type) {
    if (type == 135) continue;
    CAPTURE(type);
    CHECK(host.rig.fate(frame6(request6(58), icmp6(kPeer6, kOur6, type, 0, pattern(30)))) ==
          (type == 128 ? "sent" : "not_for_us"));
  }
  for (const unsigned code : {1U, 255U}) {
    CHECK(host.rig.fate(frame6(request6(58), icmp6(kPeer6, kOur6, 128, code, pattern(30)))) ==
          "not_for_us");
  }
}

TEST_CASE("every wrong ICMPv6 checksum is one, and of UDP too, where 0 is as wrong") {
  Responder host;
  for (const auto& [right, at] : {std::pair(ping6(pattern(9)), 56U), {hello6(pattern(9)), 60U}}) {
    const unsigned checksum = get16(right, at);
    for (unsigned wrong = 0; wrong < 0x10000; ++wrong) {
      if (wrong == checksum) continue;
      Bytes frame = right;
      set16(frame, at, wrong);
      REQUIRE(host.rig.fate(frame) == "bad_checksum");
    }
  }
}

TEST_CASE("the checksum of the ICMPv6 reply is right where one's complement has two zeros") {
  Responder host;
  for (const unsigned kind : {128U, 129U}) {
    // An identifier that makes the sum of the request, or of the reply, the other zero.
    const unsigned id = get16(icmp6(kPeer6, kOur6, kind, 0, echo_body(0, 1, {})), 2);
    const Bytes body = echo_body(id, 1, {});
    CHECK(get16(icmp6(kPeer6, kOur6, kind, 0, body), 2) == 0);
    CHECK(host.rig.answer(frame6(request6(58), icmp6(kPeer6, kOur6, 128, 0, body))) ==
          frame6(reply6(58), icmp6(kOur6, kPeer6, 129, 0, body), kToPeer));
  }
}

TEST_CASE("UDP over IPv6: lengths, ports and groups") {
  Responder host;
  const auto fate = [&host](const Udp& udp) {
    return host.rig.fate(frame6(request6(17), udp6(kPeer6, kOur6, udp, pattern(12))));
  };
  for (unsigned length = 0; length < 64; ++length) {
    CAPTURE(length);
    CHECK(fate({.from = 50000, .to = 7, .length = length, .checksum = {}}) ==
          (length < 8 || length > 20 ? "bad_length" : "sent"));
  }
  CHECK(fate({50000, 8}) == "not_for_us");
  CHECK(fate({7, 7}) == "not_for_us");
  CHECK(fate({19, 7}) == "not_for_us");
  CHECK(fate({0, 7}) == "not_for_us");
  CHECK(host.rig.fate(frame6({.from = kPeer6, .to = kAllNodes6, .next = 17},
                             udp6(kPeer6, kAllNodes6, {50000, 7}, pattern(9)),
                             {kAllNodesMac, kPeerMac})) == "not_for_us");
  const Bytes datagram = udp6(kPeer6, kOur6, {50000, 7}, pattern(11));
  CHECK(host.rig.answer(frame6(request6(17), joined({datagram, pattern(3)}))) ==
        echo6(pattern(11)));
}

// Extension headers. Each begins with the protocol of the next, to be filled in by chain().

const Bytes kPad = {0, 0, 1, 4, 0, 0, 0, 0};     // options: PadN
const Bytes kPad1 = {0, 0, 0, 0, 0, 0, 0, 0};    // options: six Pad1
const Bytes kOddPad = {0, 0, 0, 1, 3, 0, 0, 0};  // options: Pad1 and PadN
const Bytes kAlert = {0, 0, 5, 2, 0, 0, 1, 0};   // options: router alert
const Bytes kUnknownSkipped = {0, 1, 0x3e, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const Bytes kArrived = joined({{0, 2, 0, 0, 0, 0, 0, 0}, Bytes(16)});  // routing, at its end

struct Extension {
  unsigned protocol;
  Bytes bytes;
};

// A packet to us with the extensions in front of a transport header.
Bytes chain(std::vector<Extension> extensions, unsigned protocol, const Bytes& transport,
            const std::vector<Tag>& tags = {}) {
  Bytes payload;
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    const unsigned next = i + 1 < extensions.size() ? extensions[i + 1].protocol : protocol;
    extensions[i].bytes.at(0) = static_cast<std::uint8_t>(next);
    payload.insert(payload.end(), extensions[i].bytes.begin(), extensions[i].bytes.end());
  }
  const Ipv6 ip = request6(extensions.empty() ? protocol : extensions[0].protocol);
  return frame6(ip, joined({payload, transport}), tagged(kToUs, tags));
}

TEST_CASE("extension headers are walked over and left out of the reply, in one buffer or two") {
  Responder host;
  const std::vector<std::vector<Extension>> chains = {
      {{0, kPad}},
      {{0, kAlert}},
      {{60, kPad1}},
      {{60, kOddPad}},
      {{43, kArrived}},
      {{60, kUnknownSkipped}},
      {{0, kPad}, {60, kPad1}, {43, kArrived}, {60, kUnknownSkipped}},
      {{60, kPad},
       {60, kPad},
       {60, kPad},
       {60, kPad},
       {60, kPad},
       {60, kPad},
       {60, kPad},
       {60, kPad}},
  };
  for (const std::vector<Extension>& extensions : chains) {
    for (const std::size_t data : {0U, 20U, 1700U, 1858U, 1866U, 5000U, 65000U}) {
      CAPTURE(extensions.size());
      CAPTURE(data);
      const Bytes bytes = pattern(data);
      const std::vector<Tag> tags = {{0x88a8, 1}, {0x8100, 2}};
      CHECK(host.rig.answer(chain(extensions, 58,
                                  icmp6(kPeer6, kOur6, 128, 0, echo_body(7, 1, bytes)), tags)) ==
            pong6(bytes, tags));
      CHECK(host.rig.answer(chain(extensions, 17, udp6(kPeer6, kOur6, {50000, 7}, bytes))) ==
            echo6(bytes));
    }
    const Bytes body = Writer().u32(0).raw(kOur6);
    Bytes frame = chain(extensions, 58, icmp6(kPeer6, kOur6, 135, 0, body));
    frame[14 + 7] = 255;  // hop limit
    CHECK(host.rig.answer(frame) == advertise(kOur6, kPeer6, kToPeer));
  }
}

TEST_CASE("extension headers that lie about their length are malformed") {
  Responder host;
  for (const unsigned protocol : {0U, 43U, 60U}) {
    CAPTURE(protocol);
    CHECK(host.rig.fate(chain({{protocol, {0, 1, 1, 4, 0, 0, 0, 0}}}, 59, {})) == "bad_length");
    CHECK(host.rig.fate(chain({{protocol, {0, 255, 0, 0, 0, 0, 0, 0}}}, 58, kEcho)) ==
          "bad_length");
    for (std::size_t size = 0; size < 8; ++size) {
      Ipv6 ip = request6(protocol);
      CHECK(host.rig.fate(frame6(ip, Bytes(size))) == "bad_length");
    }
  }
  // An option that reaches beyond its header, though not beyond the packet.
  CHECK(host.rig.fate(chain({{0, {0, 0, 1, 5, 0, 0, 0, 0}}}, 58, kEcho)) == "bad_length");
  CHECK(host.rig.fate(chain({{60, {0, 0, 1, 3, 0, 0, 0, 1}}}, 58, kEcho)) == "bad_length");
}

TEST_CASE("an option that forbids what we do not know is obeyed, and so is one that does not") {
  Responder host;
  for (unsigned type = 2; type < 256; ++type) {
    CAPTURE(type);
    const Bytes options = Writer().u8(0).u8(0).u8(type).u8(4).u32(0);
    CHECK(host.rig.fate(chain({{60, options}}, 58, kEcho)) == (type < 64 ? "sent" : "not_for_us"));
  }
}

TEST_CASE("a packet that is to be routed on is not for us, whatever the kind of its route") {
  Responder host;
  for (const unsigned kind : {0U, 2U, 4U, 253U}) {
    Bytes header = kArrived;
    header[2] = static_cast<std::uint8_t>(kind);
    CHECK(host.rig.fate(chain({{43, header}}, 58, kEcho)) == "sent");
    header[3] = 1;
    CHECK(host.rig.fate(chain({{43, header}}, 58, kEcho)) == "not_for_us");
  }
}

TEST_CASE("hop-by-hop options anywhere but in front are no protocol we speak") {
  Responder host;
  CHECK(host.rig.fate(chain({{60, kPad}, {0, kPad}}, 58, kEcho)) == "not_for_us");
  CHECK(host.rig.fate(chain({{0, kPad}, {0, kPad}}, 58, kEcho)) == "not_for_us");
}

TEST_CASE("more than 8 extension headers, or more than the first buffer holds, are refused") {
  Responder host;
  std::vector<Extension> nine(9, {60, kPad});
  CHECK(host.rig.fate(chain(nine, 58, kEcho)) == "bad_length");
  // A destination options header of 1800 bytes, then one that lets the echo begin where it may.
  const Bytes large = joined({{0, 224},
                              {5, 254},
                              Bytes(254),
                              {5, 254},
                              Bytes(254),
                              {5, 254},
                              Bytes(254),
                              {5, 254},
                              Bytes(254),
                              {5, 254},
                              Bytes(254),
                              {5, 254},
                              Bytes(254),
                              {5, 254},
                              Bytes(254),
                              {1, 4},
                              Bytes(4)});
  REQUIRE(large.size() == 1800);
  for (const std::vector<Tag>& tags : {kTaggings[0], kTaggings[1], kTaggings[4]}) {
    for (std::size_t small = 8; small <= 128; small += 8) {
      CAPTURE(tags.size());
      CAPTURE(small);
      const Bytes second = joined({{0, static_cast<std::uint8_t>(small / 8 - 1)},
                                   {5, static_cast<std::uint8_t>(small - 4)},
                                   Bytes(small - 4)});
      const std::vector<Extension> extensions = {{60, large}, {60, second}};
      const std::size_t before = 14 + tags.size() * 4 + 40 + large.size() + small;
      const bool fits = before + 8 <= kHeadData;
      CHECK(host.rig.fate(chain(extensions, 58, kEcho, tags)) == (fits ? "sent" : "bad_length"));
      CHECK(host.rig.sent() == (fits ? pong6(pattern(20), tags) : Bytes()));
      const Bytes datagram = udp6(kPeer6, kOur6, {50000, 7}, pattern(20));
      CHECK(host.rig.fate(chain(extensions, 17, datagram, tags)) == (fits ? "sent" : "bad_length"));
      CHECK(host.rig.sent() == (fits ? echo6(pattern(20), tags) : Bytes()));
      const Bytes body = Writer().u32(0).raw(kOur6);
      Bytes question = chain(extensions, 58, icmp6(kPeer6, kOur6, 135, 0, body), tags);
      question[14 + tags.size() * 4 + 7] = 255;  // hop limit
      const bool whole = before + 24 <= kHeadData;
      CHECK(host.rig.fate(question) == (whole ? "sent" : "bad_length"));
      CHECK(host.rig.sent() == (whole ? advertise(kOur6, kPeer6, tagged(kToPeer, tags)) : Bytes()));
    }
  }
}

TEST_CASE("a fragment header anywhere in the chain makes it a fragment, even a single one") {
  Responder host;
  const Bytes fragment = {0, 0, 0, 0, 0, 0, 0, 1};
  CHECK(host.rig.fate(chain({{44, fragment}}, 58, kEcho)) == "fragment");
  CHECK(host.rig.fate(chain({{0, kPad}, {44, fragment}}, 58, kEcho)) == "fragment");
  CHECK(host.rig.fate(chain({{60, kPad}, {43, kArrived}, {44, fragment}}, 17, {})) == "fragment");
}

}  // namespace
