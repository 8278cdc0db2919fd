// SPDX-License-Identifier: BSD-2-Clause
// The responder as a whole: whose frames it takes, tags, ARP, sizes. See also respond_ipv4_test.cpp
// and respond_ipv6_test.cpp.
#include <doctest/doctest.h>

#include <stdexcept>

#include "frame_checker.hpp"
#include "respond_scene.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

TEST_CASE("each kind of request has its answer and its counter") {
  Responder host;
  CHECK(host.rig.answer(arp_request()) == arp_reply());
  CHECK(host.rig.answer(ping4(pattern(56))) == pong4(pattern(56)));
  CHECK(host.rig.answer(ping6(pattern(56))) == pong6(pattern(56)));
  CHECK(host.rig.answer(hello4(pattern(56))) == echo4(pattern(56)));
  CHECK(host.rig.answer(hello6(pattern(56))) == echo6(pattern(56)));
  CHECK(host.rig.answer(solicit()) == advertise(kOur6, kPeer6, kToPeer));
  CHECK(host.counters.arp.value() == 1);
  CHECK(host.counters.icmp4_echo.value() == 1);
  CHECK(host.counters.icmp6_echo.value() == 1);
  CHECK(host.counters.udp_echo.value() == 2);
  CHECK(host.counters.neighbour.value() == 1);
  CHECK(host.rig.port(0).counters().tx_packets.value() == 6);
  CHECK(host.rig.port(0).counters().rx_dropped.total() == 0);
}

TEST_CASE("every tag and pair of tags comes back as it was") {
  Responder host;
  for (const std::vector<Tag>& tags : kTaggings) {
    CAPTURE(tags.size());
    const Link to_peer = tagged(kToPeer, tags);
    CHECK(host.rig.answer(arp_request(tags)) == arp_reply(tags));
    CHECK(host.rig.answer(ping4(pattern(56), tags)) == pong4(pattern(56), tags));
    CHECK(host.rig.answer(ping6(pattern(56), tags)) == pong6(pattern(56), tags));
    CHECK(host.rig.answer(hello4(pattern(56), tags)) == echo4(pattern(56), tags));
    CHECK(host.rig.answer(hello6(pattern(56), tags)) == echo6(pattern(56), tags));
    CHECK(host.rig.answer(solicit({.link = tagged({kSolicitedMac, kPeerMac}, tags)})) ==
          advertise(kOur6, kPeer6, to_peer));
  }
}

TEST_CASE("three tags are more than it speaks, and a tag cut off is a wrong length") {
  Responder host;
  const Tag tag{0x8100, 1};
  CHECK(host.rig.fate(ping4({}, {tag, tag, tag})) == "not_for_us");
  CHECK(host.rig.fate(ping4({}, {{0x88a8, 1}, tag, tag})) == "not_for_us");
  for (const std::vector<Tag>& tags : {std::vector<Tag>{tag}, {tag, tag}}) {
    const Bytes frame = ping4({}, tags);
    const std::size_t header = 14 + tags.size() * 4;
    for (std::size_t size = header - 4; size < header; ++size) {
      CAPTURE(size);
      CHECK(host.rig.fate_of_cut(frame, size) == "bad_length");
    }
  }
}

TEST_CASE("a frame without a whole Ethernet header is a runt") {
  Responder host;
  const Bytes frame = ping4({});
  for (std::size_t size = 0; size < 14; ++size) {
    CAPTURE(size);
    CHECK(host.rig.fate_of_cut(frame, size) == "runt");
  }
}

// Requests of all kinds with other Ethernet addresses.
std::vector<Bytes> requests_over(const Link& link) {
  std::vector<Bytes> frames = {arp_request(), ping4({}),  hello4({}),
                               ping6({}),     hello6({}), solicit()};
  for (Bytes& frame : frames) {
    std::copy(link.to.begin(), link.to.end(), frame.begin());
    std::copy(link.from.begin(), link.from.end(), frame.begin() + 6);
  }
  return frames;
}

TEST_CASE("nothing is answered that comes from a group, from nobody or from ourselves") {
  Responder host;
  for (const Mac& from : {kNoMac, kBroadcastMac, kAllNodesMac, kOurMac}) {
    for (const Bytes& frame : requests_over({kOurMac, from})) {
      CHECK(host.rig.fate(frame) == "not_for_us");
    }
  }
}

TEST_CASE("frames to other stations and to groups of others are not for us") {
  Responder host;
  const Mac other_group = {0x33, 0x33, 0xff, 0x99, 0, 0x03};
  const Mac ipv4_group = {0x01, 0x00, 0x5e, 0, 0, 1};
  for (const Mac& to : {kThirdMac, kNoMac, other_group, ipv4_group}) {
    for (const Bytes& frame : requests_over({to, kPeerMac})) {
      CHECK(host.rig.fate(frame) == "not_for_us");
    }
  }
}

TEST_CASE("only ARP is answered when it was broadcast, and no unicast packet in a group's frame") {
  Responder host;
  const std::vector<Bytes> broadcast = requests_over({kBroadcastMac, kPeerMac});
  CHECK(host.rig.fate(broadcast[0]) == "sent");
  for (std::size_t i = 1; i < broadcast.size(); ++i) {
    CHECK(host.rig.fate(broadcast[i]) == "not_for_us");
  }
  const std::vector<Bytes> group = requests_over({kSolicitedMac, kPeerMac});
  for (std::size_t i = 0; i + 1 < group.size(); ++i) {
    CHECK(host.rig.fate(group[i]) == "not_for_us");
  }
  CHECK(host.rig.fate(group.back()) == "sent");
}

TEST_CASE("another network protocol is not for us") {
  Responder host;
  for (const unsigned type : {0x0000U, 0x0026U, 0x05ffU, 0x0801U, 0x8035U, 0x88ccU, 0xffffU}) {
    CAPTURE(type);
    CHECK(host.rig.fate(ethernet(kToUs, type, pattern(46))) == "not_for_us");
  }
}

TEST_CASE("an ARP request is answered, broadcast or not, padded or not, for each IPv4 address") {
  Responder host;
  CHECK(host.rig.answer(ethernet(kToUs, 0x0806, arp(arp_question()))) == arp_reply());
  Bytes padded = arp_request();
  padded.resize(60, 0x55);
  CHECK(host.rig.answer(padded) == arp_reply());
  padded.resize(3000, 0x55);
  CHECK(host.rig.answer(padded) == arp_reply());
  Arp other = arp_question();
  other.target = kOurOther4;
  other.target_mac = kThirdMac;  // of no meaning in a request
  CHECK(host.rig.answer(ethernet({kBroadcastMac, kPeerMac}, 0x0806, arp(other))) ==
        ethernet(kToPeer, 0x0806, arp({2, kOurMac, kOurOther4, kPeerMac, kPeer4})));
}

TEST_CASE("an ARP answer goes to the station that the request names, not to who delivered it") {
  Responder host;
  Arp question = arp_question();
  question.sender_mac = kThirdMac;
  CHECK(host.rig.answer(ethernet({kBroadcastMac, kPeerMac}, 0x0806, arp(question))) ==
        ethernet({kThirdMac, kOurMac}, 0x0806, arp({2, kOurMac, kOur4, kThirdMac, kPeer4})));
}

TEST_CASE("an ARP probe, from no address, is told that the address is taken") {
  Responder host;
  Arp probe = arp_question();
  probe.sender = {};
  CHECK(host.rig.answer(ethernet({kBroadcastMac, kPeerMac}, 0x0806, arp(probe))) ==
        ethernet(kToPeer, 0x0806, arp({2, kOurMac, kOur4, kPeerMac, {}})));
}

TEST_CASE("ARP that is no request for an address of ours from a possible host is not for us") {
  Responder host;
  const auto fate = [&host](const Arp& question) {
    return host.rig.fate(ethernet({kBroadcastMac, kPeerMac}, 0x0806, arp(question)));
  };
  for (const unsigned operation : {0U, 2U, 3U, 8U, 0x0101U}) {
    Arp question = arp_question();
    question.operation = operation;
    CHECK(fate(question) == "not_for_us");
  }
  for (const Ip4& target : {Ip4{10, 99, 0, 3}, kPeer4, Ip4{}, Ip4{255, 255, 255, 255}}) {
    Arp question = arp_question();
    question.target = target;
    CHECK(fate(question) == "not_for_us");
  }
  for (const Ip4& sender : {kOur4, kOurOther4, Ip4{224, 0, 0, 1}, Ip4{255, 255, 255, 255},
                            Ip4{127, 0, 0, 1}, Ip4{0, 0, 0, 1}}) {
    Arp question = arp_question();
    question.sender = sender;
    CHECK(fate(question) == "not_for_us");
  }
  for (const Mac& sender : {kNoMac, kOurMac, kBroadcastMac, kAllNodesMac}) {
    Arp question = arp_question();
    question.sender_mac = sender;
    CHECK(fate(question) == "not_for_us");
  }
}

TEST_CASE("ARP of another kind is not for us, and with wrong sizes has a wrong length") {
  Responder host;
  const auto fate = [&host](unsigned hardware, unsigned protocol, unsigned hlen, unsigned plen) {
    Arp question = arp_question();
    question.hardware = hardware;
    question.protocol = protocol;
    question.hardware_bytes = hlen;
    question.protocol_bytes = plen;
    return host.rig.fate(ethernet({kBroadcastMac, kPeerMac}, 0x0806, arp(question)));
  };
  CHECK(fate(1, 0x0800, 6, 4) == "sent");
  CHECK(fate(6, 0x0800, 6, 4) == "not_for_us");
  CHECK(fate(0x0100, 0x0800, 6, 4) == "not_for_us");
  CHECK(fate(1, 0x86dd, 6, 16) == "not_for_us");
  CHECK(fate(1, 0x0008, 6, 4) == "not_for_us");
  for (const unsigned hlen : {0U, 5U, 7U, 255U}) CHECK(fate(1, 0x0800, hlen, 4) == "bad_length");
  for (const unsigned plen : {0U, 3U, 5U, 255U}) CHECK(fate(1, 0x0800, 6, plen) == "bad_length");
  const Bytes whole = arp_request();
  for (std::size_t size = 14; size < 42; ++size) {
    CAPTURE(size);
    CHECK(host.rig.fate_of_cut(whole, size) == "bad_length");
  }
}

// The sizes that matter: small ones, those around the end of the first buffer, and the largest.
std::vector<std::size_t> sizes_up_to(std::size_t largest) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= largest; ++size) {
    const bool near_the_seam = size >= kHeadData - 128 && size <= kHeadData + 16;
    if (size <= 130 || near_the_seam || size + 40 > largest || size % 1021 == 0) {
      sizes.push_back(size);
    }
  }
  return sizes;
}

TEST_CASE("echo comes back whole in every size up to an MTU of 65521, over both buffers") {
  constexpr std::size_t kMtu = 65521;
  Responder host;
  for (const std::vector<Tag>& tags : {kTaggings[0], kTaggings[1], kTaggings[4]}) {
    CAPTURE(tags.size());
    const Bytes all = pattern(kMtu);
    for (const std::size_t size : sizes_up_to(kMtu - 28)) {
      CAPTURE(size);
      const Bytes data(all.end() - static_cast<std::ptrdiff_t>(size), all.end());
      REQUIRE(host.rig.answer(ping4(data, tags)) == pong4(data, tags));
      REQUIRE(host.rig.answer(hello4(data, tags)) == echo4(data, tags));
      if (size > kMtu - 48) continue;
      REQUIRE(host.rig.answer(ping6(data, tags)) == pong6(data, tags));
      REQUIRE(host.rig.answer(hello6(data, tags)) == echo6(data, tags));
    }
  }
}

TEST_CASE("one wrong byte anywhere in a frame over both buffers is a wrong checksum") {
  Responder host;
  const std::vector<Bytes> frames = {ping4(pattern(2500)), hello4(pattern(2501)),
                                     ping6(pattern(2502)), hello6(pattern(2503))};
  for (Bytes frame : frames) {
    const std::size_t headers = dissect(frame).transport + 8;
    for (std::size_t at = headers; at < frame.size(); ++at) {
      CAPTURE(at);
      frame[at] ^= 0x10;
      REQUIRE(host.rig.fate(frame) == "bad_checksum");
      frame[at] ^= 0x10;
    }
  }
}

TEST_CASE("padding behind the packet is cut off, in both buffers") {
  Responder host;
  for (const std::size_t data : {0U, 1U, 56U, 1800U, 1878U, 1900U, 2000U}) {
    for (const std::size_t padding : {1U, 4U, 46U, 120U, 3000U}) {
      CAPTURE(data);
      CAPTURE(padding);
      const Bytes bytes = pattern(data);
      const auto padded = [padding](Bytes frame) {
        frame.resize(frame.size() + padding, 0xc3);
        return frame;
      };
      CHECK(host.rig.answer(padded(ping4(bytes))) == pong4(bytes));
      CHECK(host.rig.answer(padded(hello4(bytes))) == echo4(bytes));
      CHECK(host.rig.answer(padded(ping6(bytes))) == pong6(bytes));
      CHECK(host.rig.answer(padded(hello6(bytes))) == echo6(bytes));
    }
  }
}

TEST_CASE("frames of a burst are answered in order, and those without an answer fall out") {
  Responder host;
  std::vector<Packet> burst;
  std::vector<Bytes> expected;
  for (std::size_t i = 0; i < 100; ++i) {
    burst.push_back(make_packet(host.rig.pool(), i % 3 == 0 ? Bytes(60) : ping4(pattern(i))));
    if (i % 3 != 0) expected.push_back(pong4(pattern(i)));
  }
  host.rig.egress().begin(0);
  host.rig.app().receive(0, burst, host.rig.egress());
  host.rig.egress().flush();
  CHECK(host.rig.port(0).take_sent() == expected);
  CHECK(host.counters.icmp4_echo.value() == expected.size());
  CHECK(host.rig.port(0).counters().rx_dropped.value(DropReason::not_for_us) == 34);
  CHECK(host.rig.pool().outstanding() == 0);
}

TEST_CASE("a responder that nobody could talk to is refused, with what to do") {
  RespondCounters counters;
  const auto refused = [&counters](const RespondOptions& options) {
    try {
      static_cast<void>(make_respond(options, counters));
    } catch (const std::invalid_argument& fault) {
      return std::string(fault.what());
    }
    return std::string();
  };
  const RespondOptions good = Responder::options();
  CHECK(refused(good).empty());
  RespondOptions options = good;
  options.addresses.clear();
  CHECK(refused(options) == "respond: no address to answer for: give it at least one");
  for (const Mac& mac : {kNoMac, kBroadcastMac, kAllNodesMac}) {
    options = good;
    options.mac = mac;
    CHECK(refused(options).find("Ethernet address") != std::string::npos);
  }
  const std::vector<IpAddress> impossible = {
      {.family = 4, .bytes = {}},
      {.family = 4, .bytes = {224, 0, 0, 1}},
      {.family = 4, .bytes = {255, 255, 255, 255}},
      {.family = 4, .bytes = {127, 0, 0, 1}},
      {.family = 6, .bytes = {}},
      {.family = 6, .bytes = kAllNodes6},
      {.family = 5, .bytes = {10, 0, 0, 1}},
  };
  for (const IpAddress& address : impossible) {
    options = good;
    options.addresses.push_back(address);
    CHECK(refused(options).find("address number 5") != std::string::npos);
  }
}

TEST_CASE("a responder of one family does not answer for the other") {
  RespondOptions options = Responder::options();
  RespondCounters counters;
  options.addresses = {{.family = 4, .bytes = {10, 99, 0, 2}}};
  AppRig only4(make_respond(options, counters));
  CHECK(only4.fate(ping4({})) == "sent");
  CHECK(only4.fate(ping6({})) == "not_for_us");
  CHECK(only4.fate(solicit()) == "not_for_us");
  options.addresses = {{.family = 6, .bytes = kOur6}};
  AppRig only6(make_respond(options, counters));
  CHECK(only6.fate(ping4({})) == "not_for_us");
  CHECK(only6.fate(arp_request()) == "not_for_us");
  CHECK(only6.fate(ping6({})) == "sent");
}

}  // namespace
