// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/apps.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "app_rig.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

constexpr Mac kOne = {0x02, 0, 0, 0, 0, 1};
constexpr Mac kTwo = {0x02, 0, 0, 0, 0, 2};
constexpr Mac kNobody = {};
constexpr Mac kEverybody = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr Mac kGroup = {0x33, 0x33, 0, 0, 0, 1};

Bytes frame_between(const Mac& to, const Mac& from, std::size_t size = 60) {
  return ethernet({to, from}, 0x1234, pattern(size - 14));
}

// Gives the application a whole burst and hands it on.
void feed(AppRig& rig, unsigned port, const std::vector<Bytes>& frames) {
  std::vector<Packet> burst;
  burst.reserve(frames.size());
  for (const Bytes& frame : frames) burst.push_back(make_packet(rig.pool(), frame));
  rig.egress().begin(port);
  rig.app().receive(port, burst, rig.egress());
  rig.egress().flush();
}

TEST_CASE("patch sends what arrives on either port to the other one, untouched") {
  AppRig rig(make_patch(), 2);
  for (const std::size_t size : {14U, 60U, 1514U, 1920U, 1921U, 65535U}) {
    CAPTURE(size);
    for (unsigned port = 0; port < 2; ++port) {
      const Bytes frame = frame_between(kEverybody, kGroup, size);
      const unsigned calls = rig.port(1 - port).tx_calls();
      CHECK(rig.answer(frame, port) == frame);
      CHECK(rig.port(1 - port).tx_calls() == calls + 1);
    }
  }
}

TEST_CASE("patch moves packets and copies none: the same buffers leave") {
  AppRig rig(make_patch(), 2);
  rig.port(1).hold_sent(true);
  Packet packet = make_packet(rig.pool(), frame_between(kOne, kTwo, 3000));
  packet.offload().flags = 1;
  const PacketBuffer* const head = packet.buffer();
  rig.egress().begin(0);
  rig.app().receive(0, std::span(&packet, 1), rig.egress());
  rig.egress().flush();
  CHECK_FALSE(packet);
  CHECK(rig.port(1).take_sent().size() == 1);
  REQUIRE(rig.port(1).held().size() == 1);
  CHECK(rig.port(1).held()[0].buffer() == head);
  CHECK(rig.port(1).held()[0].offload().flags == 1);
  CHECK(rig.port(1).reclaim() == 1);
  CHECK(rig.pool().outstanding() == 0);
}

TEST_CASE("patch keeps the order of a burst and hands it on in few calls") {
  AppRig rig(make_patch(), 2);
  std::vector<Bytes> frames;
  for (std::size_t i = 0; i < 100; ++i) frames.push_back(frame_between(kOne, kTwo, 60 + i));
  feed(rig, 1, frames);
  CHECK(rig.port(0).take_sent() == frames);
  CHECK(rig.port(0).tx_calls() == 2);
  CHECK(rig.port(1).tx_calls() == 0);
}

TEST_CASE("patch drops what has no other end as no_egress, on the port it came from") {
  AppRig lonely(make_patch(), 1);
  CHECK(lonely.fate(frame_between(kOne, kTwo)) == "no_egress");
  AppRig crowd(make_patch(), 4);
  CHECK(crowd.fate(frame_between(kOne, kTwo), 2) == "no_egress");
  CHECK(crowd.fate(frame_between(kOne, kTwo), 3) == "no_egress");
  CHECK(crowd.fate(frame_between(kOne, kTwo), 1) == "sent");
}

TEST_CASE("what a port does not take is dropped there as ring_full, once each, and not lost") {
  AppRig rig(make_patch(), 2);
  rig.port(1).set_tx_room(3);
  feed(rig, 0, std::vector<Bytes>(10, frame_between(kOne, kTwo)));
  CHECK(rig.port(1).counters().tx_packets.value() == 3);
  CHECK(rig.port(1).counters().tx_dropped.value(DropReason::ring_full) == 7);
  CHECK(rig.port(0).counters().rx_dropped.total() == 0);
  CHECK(rig.pool().outstanding() == 0);
}

TEST_CASE("reflect swaps the Ethernet addresses, leaves the rest, and uses the same port") {
  AppRig rig(make_reflect(), 2);
  for (const std::size_t size : {14U, 15U, 60U, 1920U, 1921U, 65535U}) {
    CAPTURE(size);
    CHECK(rig.answer(frame_between(kOne, kTwo, size), 1) == frame_between(kTwo, kOne, size));
  }
  CHECK(rig.port(1).counters().tx_packets.value() == 6);
  CHECK(rig.port(0).counters().tx_packets.value() == 0);
}

TEST_CASE("reflect sends nothing that would come from, or go to, anything but one station") {
  AppRig rig(make_reflect());
  CHECK(rig.fate(frame_between(kEverybody, kTwo)) == "not_for_us");
  CHECK(rig.fate(frame_between(kGroup, kTwo)) == "not_for_us");
  CHECK(rig.fate(frame_between(kNobody, kTwo)) == "not_for_us");
  CHECK(rig.fate(frame_between(kOne, kEverybody)) == "not_for_us");
  CHECK(rig.fate(frame_between(kOne, kGroup)) == "not_for_us");
  CHECK(rig.fate(frame_between(kOne, kNobody)) == "not_for_us");
}

TEST_CASE("reflect drops a frame without a whole Ethernet header as a runt") {
  AppRig rig(make_reflect());
  const Bytes frame = frame_between(kOne, kTwo);
  for (std::size_t size = 0; size < 14; ++size) {
    CAPTURE(size);
    CHECK(rig.fate_of_cut(frame, size) == "runt");
  }
}

TEST_CASE("discard consumes everything, even nothing") {
  AppRig rig(make_discard());
  for (const std::size_t size : {14U, 60U, 1920U, 1921U, 65535U}) {
    CHECK(rig.fate(frame_between(kOne, kTwo, size)) == "consumed");
  }
  CHECK(rig.fate({}) == "consumed");
}

TEST_CASE("an empty burst does nothing to any application") {
  RespondCounters counters;
  const RespondOptions options{.mac = kOne, .addresses = {{.family = 4, .bytes = {10, 0, 0, 1}}}};
  std::array<std::unique_ptr<App>, 4> apps = {make_patch(), make_reflect(), make_discard(),
                                              make_respond(options, counters)};
  for (std::unique_ptr<App>& app : apps) {
    AppRig rig(std::move(app), 2);
    feed(rig, 0, {});
    CHECK(rig.port(0).tx_calls() + rig.port(1).tx_calls() == 0);
    CHECK(rig.port(0).counters().rx_dropped.total() == 0);
  }
}

}  // namespace
