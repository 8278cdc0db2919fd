// SPDX-License-Identifier: BSD-2-Clause
// The responder and IPv6 neighbour solicitation (RFC 4861 sections 7.1.1 and 7.2.4).
#include <doctest/doctest.h>

#include "respond_scene.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

TEST_CASE("a solicitation for any of its addresses is answered, to its group or to itself") {
  Responder host;
  CHECK(host.rig.answer(solicit()) == advertise(kOur6, kPeer6, kToPeer));
  CHECK(host.rig.answer(solicit({.link = kToUs})) == advertise(kOur6, kPeer6, kToPeer));
  CHECK(host.rig.answer(solicit({.to = kOur6, .link = kToUs})) ==
        advertise(kOur6, kPeer6, kToPeer));
  const Ip6 local_group = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x77, 0, 2};
  const Link link{{0x33, 0x33, 0xff, 0x77, 0, 2}, kPeerMac};
  CHECK(host.rig.answer(solicit(
            {.from = kPeerLocal6, .to = local_group, .target = kOurLocal6, .link = link})) ==
        advertise(kOurLocal6, kPeerLocal6, kToPeer));
}

TEST_CASE("a solicitation without room for the answer's option is made longer") {
  Responder host;
  const Bytes frame = solicit({.to = kOur6, .options = {}, .link = kToUs});
  const Bytes answer = host.rig.answer(frame);
  CHECK(answer == advertise(kOur6, kPeer6, kToPeer));
  CHECK(answer.size() == frame.size() + 8);
}

TEST_CASE("a solicitation with more options than needed is made shorter") {
  Responder host;
  const Bytes nonce = {14, 1, 1, 2, 3, 4, 5, 6};
  const Bytes unknown = joined({{253, 3}, pattern(22)});
  const Bytes options = joined({nonce, unknown, link_option(1, kPeerMac), nonce});
  CHECK(host.rig.answer(solicit({.options = options})) == advertise(kOur6, kPeer6, kToPeer));
  const Bytes many = joined({link_option(1, kPeerMac), {253, 220}, Bytes(220 * 8 - 2)});
  CHECK(host.rig.answer(solicit({.options = many})) == advertise(kOur6, kPeer6, kToPeer));
  Bytes padded = solicit();
  padded.resize(4000);
  CHECK(host.rig.answer(padded) == advertise(kOur6, kPeer6, kToPeer));
}

TEST_CASE("a solicitation too long for the first buffer has a wrong length") {
  Responder host;
  const Bytes many = joined({link_option(1, kPeerMac), {253, 250}, Bytes(250 * 8 - 2)});
  CHECK(host.rig.fate(solicit({.options = many})) == "bad_length");
}

TEST_CASE("the answer goes to the station in the option, or else to the sender of the frame") {
  Responder host;
  CHECK(host.rig.answer(solicit({.options = link_option(1, kThirdMac)})) ==
        advertise(kOur6, kPeer6, {kThirdMac, kOurMac}));
  CHECK(host.rig.answer(solicit({.options = link_option(2, kThirdMac)})) ==
        advertise(kOur6, kPeer6, kToPeer));
  for (const Mac& mac : {kNoMac, kBroadcastMac, kAllNodesMac, kOurMac}) {
    CHECK(host.rig.fate(solicit({.options = link_option(1, mac)})) == "not_for_us");
  }
}

TEST_CASE("who probes for an address of ours is told so by way of all nodes, unsolicited") {
  Responder host;
  const Bytes expected = advertise(kOur6, kAllNodes6, {kAllNodesMac, kOurMac}, 0x20);
  CHECK(host.rig.answer(solicit({.from = kNo6, .options = {}})) == expected);
  const Bytes nonce = {14, 1, 1, 2, 3, 4, 5, 6};
  CHECK(host.rig.answer(solicit({.from = kNo6, .options = nonce})) == expected);
}

TEST_CASE("a probe with a source link-layer address, or not to the target's group, is void") {
  Responder host;
  CHECK(host.rig.fate(solicit({.from = kNo6})) == "not_for_us");
  CHECK(host.rig.fate(solicit({.from = kNo6, .to = kOur6, .options = {}, .link = kToUs})) ==
        "not_for_us");
}

TEST_CASE("a solicitation that passed a router, has a code, or an impossible source is void") {
  Responder host;
  for (const unsigned hop_limit : {0U, 1U, 64U, 254U}) {
    CHECK(host.rig.fate(solicit({.hop_limit = hop_limit})) == "not_for_us");
  }
  CHECK(host.rig.fate(solicit({.code = 1})) == "not_for_us");
  for (const Ip6& from : {kAllNodes6, kOur6, kOurLocal6}) {
    CHECK(host.rig.fate(solicit({.from = from})) == "not_for_us");
  }
}

TEST_CASE(
    "a solicitation for somebody else, or to a group that is not the target's, is not for us") {
  Responder host;
  Ip6 other = kOur6;
  other[7] = 1;  // the same group, though
  CHECK(host.rig.fate(solicit({.target = other})) == "not_for_us");
  CHECK(host.rig.fate(solicit({.target = kNo6})) == "not_for_us");
  CHECK(host.rig.fate(solicit({.target = kAllNodes6})) == "not_for_us");
  CHECK(host.rig.fate(solicit({.target = kOurLocal6})) == "not_for_us");
  CHECK(host.rig.fate(solicit({.to = kAllNodes6, .link = {kAllNodesMac, kPeerMac}})) ==
        "not_for_us");
}

TEST_CASE("a solicitation with options of wrong lengths has a wrong length") {
  Responder host;
  const std::vector<Bytes> wrong = {
      {1, 0, 0, 0, 0, 0, 0, 0},                      // no length at all
      {14, 2, 2, 0, 0, 0, 0, 1},                     // the same, of another kind
      {1, 2, 2, 0, 0, 0, 0, 1},                      // beyond the end
      joined({{1, 2, 2, 0, 0, 0, 0, 1}, Bytes(8)}),  // of an address longer than Ethernet's
      {1, 1, 2, 0, 0, 0, 0},                         // cut off
      {1},                                           // hardly begun
      joined({link_option(1, kPeerMac), {14, 0}, Bytes(6)}),
  };
  for (const Bytes& options : wrong) {
    CAPTURE(options.size());
    CHECK(host.rig.fate(solicit({.options = options})) == "bad_length");
  }
  for (std::size_t body = 4; body < 20; ++body) {
    CAPTURE(body);
    const Bytes frame = ethernet(kToUs, 0x86dd,
                                 ipv6({.from = kPeer6, .to = kOur6, .next = 58, .hop_limit = 255},
                                      icmp6(kPeer6, kOur6, 135, 0, Bytes(body))));
    CHECK(host.rig.fate(frame) == "bad_length");
  }
}

TEST_CASE("a solicitation with a wrong checksum is not answered") {
  Responder host;
  Bytes frame = solicit();
  for (std::size_t at = 14 + 40; at < frame.size(); ++at) {
    CAPTURE(at);
    frame[at] ^= 0x01;
    CHECK(host.rig.fate(frame) == "bad_checksum");
    frame[at] ^= 0x01;
  }
}

}  // namespace
