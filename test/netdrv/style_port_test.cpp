// SPDX-License-Identifier: BSD-2-Clause
// A port in each completion style, over a socket pair in the place of a TAP: what real TAPs cannot
// be made to deliver.
#include "bellpull/netdrv/style_port.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "style_port_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using test::Bytes;
using test::every_style;
using test::pattern_frame;
using test::SocketTap;
using Fixture = test::StylePortRig;

namespace {

Bytes content(const Packet& packet) {
  Bytes bytes(packet.head().begin(), packet.head().end());
  bytes.insert(bytes.end(), packet.tail().begin(), packet.tail().end());
  return bytes;
}

Bytes with_header(const Bytes& frame, std::size_t field, std::uint8_t value) {
  Bytes bytes(kVnetHeader);
  bytes[field] = std::byte{value};
  bytes.insert(bytes.end(), frame.begin(), frame.end());
  return bytes;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a received frame comes up whole and without its virtio-net header") {
  const Bytes frame = pattern_frame(1514, 1);
  REQUIRE(tap.push(frame));
  const auto packets = receive();
  REQUIRE(packets.size() == 1);
  CHECK(content(packets[0]) == frame);
  CHECK(count(&PortCounters::rx_packets) == 1);
  CHECK(count(&PortCounters::rx_bytes) == 1514);
}

TEST_CASE_FIXTURE(Fixture, "every frame is one transfer: used entries equal packets received") {
  for (unsigned i = 0; i < 20; ++i) REQUIRE(tap.push(pattern_frame(60 + i, i)));
  const auto packets = receive();
  CHECK(packets.size() == 20);
  CHECK(count(&PortCounters::rx_packets) == 20);
  if (polled()) CHECK(last.work == 20);
  CHECK(port->system_calls() == 21);  // 20 reads and the one that said EAGAIN
}

TEST_CASE_FIXTURE(Fixture, "a header that claims offloads nobody negotiated: dropped and counted") {
  const Bytes frame = pattern_frame(100, 2);
  REQUIRE(tap.push_raw(with_header(frame, 0, 1)));     // NEEDS_CSUM
  REQUIRE(tap.push_raw(with_header(frame, 0, 4)));     // RSC_INFO
  REQUIRE(tap.push_raw(with_header(frame, 1, 1)));     // TSO4
  REQUIRE(tap.push_raw(with_header(frame, 1, 4)));     // TSO6
  REQUIRE(tap.push_raw(with_header(frame, 1, 5)));     // USO
  REQUIRE(tap.push_raw(with_header(frame, 1, 0x80)));  // ECN alone
  REQUIRE(tap.push_raw(with_header(frame, 0, 2)));     // DATA_VALID promises, asks for nothing
  const auto packets = receive();
  CHECK(packets.size() == 1);
  if (faulty_polled()) CHECK(last.work == 7);  // garbage counts against the budget
  CHECK(rx_drops(DropReason::unnegotiated_offload) == 6);
  CHECK(count(&PortCounters::rx_packets) == 7);
}

TEST_CASE_FIXTURE(Fixture,
                  "frames shorter than an Ethernet header, or than the virtio-net header") {
  REQUIRE(tap.push(pattern_frame(13, 3)));
  REQUIRE(tap.push(Bytes{}));
  REQUIRE(tap.push_raw(Bytes(5)));
  REQUIRE(tap.push(pattern_frame(14, 3)));
  CHECK(receive().size() == 1);
  CHECK(rx_drops(DropReason::runt) == 3);
}

TEST_CASE_FIXTURE(Fixture, "F12: a frame that fills its buffer may be truncated and is dropped") {
  REQUIRE(tap.push(pattern_frame(kHeadData - 1, 4)));
  REQUIRE(tap.push(pattern_frame(kHeadData, 4)));
  REQUIRE(tap.push(pattern_frame(9000, 4)));
  const auto packets = receive();
  REQUIRE(packets.size() == 1);
  CHECK(packets[0].size() == kHeadData - 1);
  CHECK(rx_drops(DropReason::truncated) == 2);
}

TEST_CASE("a port with a large MTU receives up to it, and small frames recycle their tails") {
  Fixture f(65521, {.rx_ring = 8, .tx_ring = 8});
  const Bytes largest = pattern_frame(65535, 5);
  REQUIRE(f.tap.push(largest));
  REQUIRE(f.tap.push(pattern_frame(60, 6)));
  REQUIRE(f.tap.push(pattern_frame(kHeadData, 7)));
  REQUIRE(f.tap.push(pattern_frame(kHeadData + 1, 8)));
  const auto packets = f.receive();
  REQUIRE(packets.size() == 4);
  CHECK(content(packets[0]) == largest);
  CHECK(packets[1].tail().empty());
  CHECK(packets[2].tail().empty());
  CHECK(packets[3].tail().size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a sent frame goes out behind an all-zero header, whatever was there") {
  const Bytes frame = pattern_frame(777, 9);
  std::array<Packet, 1> packet{make(frame)};
  std::memset(packet[0].head().data() - kVnetHeader, 0xee, kVnetHeader);
  CHECK(port->tx(packet) == 1);
  CHECK(port->tx_in_flight() == 0);
  Bytes expected(kVnetHeader);
  expected.insert(expected.end(), frame.begin(), frame.end());
  CHECK(tap.pull_raw() == expected);
  CHECK(count(&PortCounters::tx_packets) == 1);
  CHECK(count(&PortCounters::tx_bytes) == 777);
}

TEST_CASE("a frame of two buffers is gathered into one write") {
  Fixture f(65521, {.rx_ring = 8, .tx_ring = 8});
  const Bytes frame = pattern_frame(40000, 10);
  std::array<Packet, 1> packet{f.make(frame)};
  CHECK(f.port->tx(packet) == 1);
  f.engine.run(64);
  const Bytes sent = f.tap.pull_raw();
  REQUIRE(sent.size() == kVnetHeader + frame.size());
  CHECK(std::equal(frame.begin(), frame.end(), sent.begin() + kVnetHeader));
  CHECK(f.port->tx_in_flight() == 0);
}

TEST_CASE_FIXTURE(Fixture, "frames that may not go out are dropped by reason and never sent") {
  std::array<Packet, 3> packets{make(pattern_frame(13, 0)), make(pattern_frame(1523, 0)),
                                make(pattern_frame(100, 0))};
  packets[2].offload().gso_type = 1;
  CHECK(port->tx(packets) == 3);
  engine.run(64);
  CHECK(tap.pull_raw().empty());
  CHECK(tx_drops(DropReason::runt) == 1);
  CHECK(tx_drops(DropReason::oversize) == 1);
  CHECK(tx_drops(DropReason::bad_offload) == 1);
  CHECK(count(&PortCounters::tx_packets) == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "a full transmit ring takes what it can and leaves the rest to the caller") {
  std::vector<Packet> packets;
  for (unsigned i = 0; i < 40; ++i) packets.push_back(make(pattern_frame(60, i)));
  CHECK(port->tx(packets) == 32);
  CHECK_FALSE(packets[31]);
  CHECK(packets[32]);
  engine.run(64);
  CHECK(port->tx(std::span(packets).subspan(32)) == 8);  // reclaims by itself
}

TEST_CASE_FIXTURE(Fixture,
                  "a lone frame is written before tx returns, more in the engine's next round") {
  auto lone = make(pattern_frame(60, 1));
  REQUIRE(port->tx({&lone, 1}) == 1);
  CHECK(tap.pull_raw().size() == kVnetHeader + 60);
  CHECK(count(&PortCounters::tx_packets) == 1);
  CHECK(port->tx_in_flight() == 0);

  std::array<Packet, 2> pair{make(pattern_frame(60, 2)), make(pattern_frame(60, 3))};
  REQUIRE(port->tx(pair) == 2);
  CHECK(tap.pull_raw().empty());
  CHECK(port->tx_in_flight() == 2);
  engine.run(64);
  CHECK(port->reclaim() == (sent_polled() ? 2 : 0));
  CHECK(port->tx_in_flight() == 0);
  CHECK(tap.pull_raw().size() == kVnetHeader + 60);
  CHECK(tap.pull_raw().size() == kVnetHeader + 60);

  // Behind others it keeps its place.
  std::array<Packet, 2> before{make(pattern_frame(61, 4)), make(pattern_frame(62, 5))};
  auto last_one = make(pattern_frame(63, 6));
  REQUIRE(port->tx(before) == 2);
  REQUIRE(port->tx({&last_one, 1}) == 1);
  engine.run(64);
  for (const std::size_t size : {61U, 62U, 63U}) CHECK(tap.pull_raw().size() == kVnetHeader + size);
  CHECK(tap.pull_raw().empty());
}

TEST_CASE_FIXTURE(Fixture, "F7: a device that would block keeps the frames, in order, for later") {
  // Fill the socket until it takes no more.
  unsigned sent = 0;
  unsigned blocked_at = 0;
  for (unsigned i = 0; i < 4096 && blocked_at == 0; ++i) {
    std::array<Packet, 1> packet{make(pattern_frame(1000, i))};
    if (port->tx(packet) == 0) break;
    ++sent;
    engine.run(64);
    port->reclaim();
    if (port->tx_in_flight() != 0) blocked_at = sent;
  }
  REQUIRE(blocked_at != 0);
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    CHECK(tx_drops(static_cast<DropReason>(i)) == 0);
  }
  for (unsigned i = 0; i < sent; ++i) {
    const Bytes message = tap.pull_raw();
    const Bytes frame = pattern_frame(1000, i);
    REQUIRE(message.size() == kVnetHeader + frame.size());
    REQUIRE(std::equal(frame.begin(), frame.end(), message.begin() + kVnetHeader));
    engine.retry_blocked();
    engine.run(64);
    port->reclaim();
  }
  CHECK(port->tx_in_flight() == 0);
  CHECK(count(&PortCounters::tx_packets) == sent);
}

TEST_CASE_FIXTURE(Fixture, "the budget bounds frames: faulty ones count against it") {
  if (!faulty_polled()) return;
  for (unsigned i = 0; i < 10; ++i) REQUIRE(tap.push(pattern_frame(i % 2 == 0 ? 5 : 60, i)));
  CHECK(receive(4).size() == 2);
  CHECK(last.work == 4);
  CHECK(receive(64).size() == 3);
  CHECK(last.work == 6);
}

TEST_CASE_FIXTURE(Fixture, "the budget bounds bytes: at most one frame more than fits") {
  if (!polled()) return;
  for (unsigned i = 0; i < 10; ++i) REQUIRE(tap.push(pattern_frame(1000, i)));
  CHECK(receive(64, 2500).size() == 3);
  CHECK(last.more);
  CHECK(pull(64, 1).size() == 1);
  CHECK(pull(64, 1U << 30).size() == 6);
  CHECK_FALSE(last.more);
}

TEST_CASE_FIXTURE(Fixture, "the stack is handed at most 64 frames at a time, however many wait") {
  Fixture& f = *this;
  for (unsigned i = 0; i < 30; ++i) REQUIRE(f.tap.push(pattern_frame(60, i)));
  CHECK(f.receive(4096).size() == 30);
  CHECK(f.stack.calls == (polled() ? 1 : 30));
}

TEST_CASE_FIXTURE(Fixture, "a budget of nothing hands nothing over") {
  if (!polled()) return;
  REQUIRE(tap.push(pattern_frame(60, 1)));
  CHECK(receive(0).empty());
  CHECK(last.work == 0);
  CHECK(receive(1).size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "frames that arrive while armed ring the bell once, until armed again") {
  if (!polled()) return;
  engine.run(64);
  REQUIRE(port->arm() == engine::Armed::armed);
  for (unsigned i = 0; i < 20; ++i) REQUIRE(tap.push(pattern_frame(60, i)));
  CHECK(bells == 0);
  engine.retry_blocked();
  engine.run(64);
  CHECK(bells == 1);
  REQUIRE(tap.push(pattern_frame(60, 99)));
  engine.retry_blocked();
  engine.run(64);
  CHECK(bells == 1);
  CHECK(port->arm() == engine::Armed::work_pending);
  CHECK(receive().size() == 21);
  CHECK(port->arm() == engine::Armed::armed);
  REQUIRE(tap.push(pattern_frame(60, 100)));
  CHECK(receive().size() == 1);
  CHECK(bells == 2);
  CHECK(port->notifies() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a disarmed port does not ring") {
  engine.run(64);
  REQUIRE(port->arm() == engine::Armed::armed);
  port->disarm();
  REQUIRE(tap.push(pattern_frame(60, 1)));
  CHECK(receive().size() == 1);
  CHECK(bells == 0);
}

TEST_CASE_FIXTURE(Fixture, "no stretch is lost between the device and the poll") {
  for (unsigned i = 0; i < 10; ++i) REQUIRE(tap.push(pattern_frame(60 + i, i)));
  engine.run(4);
  CHECK(pull().size() == 4);
  // Either the port says so, or its engine does.
  const bool pending = port->arm() == engine::Armed::work_pending;
  CHECK((pending || engine.runnable()));
  engine.run(64);
  CHECK(pull().size() == 6);
  CHECK(port->arm() == engine::Armed::armed);
}

TEST_CASE_FIXTURE(Fixture,
                  "a port whose device went away is gone, and drops what is sent by name") {
  tap.close();
  std::array<Packet, 2> packets{make(pattern_frame(60, 1)), make(pattern_frame(60, 2))};
  CHECK(port->tx(packets) == 2);
  engine.run(64);
  engine.run(64);
  port->reclaim();
  CHECK(port->state() == PortState::gone);
  std::array<Packet, 1> later{make(pattern_frame(60, 3))};
  CHECK(port->tx(later) == 1);
  CHECK(tx_drops(DropReason::port_gone) == 3);
  CHECK(count(&PortCounters::tx_packets) == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "stopping returns every buffer; what was received before can be pulled") {
  for (unsigned i = 0; i < 5; ++i) REQUIRE(tap.push(pattern_frame(60, i)));
  engine.run(64);
  std::array<Packet, 2> waiting{make(pattern_frame(60, 1)), make(pattern_frame(60, 2))};
  CHECK(port->tx(waiting) == 2);
  port->stop_rx();
  CHECK(pull().size() == 5);
  port->stop_tx();
  CHECK(tx_drops(DropReason::shutdown) == 2);
  CHECK(port->state() == PortState::stopped);
  CHECK(pool.outstanding() == 0);
  port->stop_rx();
  port->stop_tx();
}

TEST_CASE("a pool that runs dry loses nothing: receiving resumes when buffers are back") {
  const Style style = every_style();
  SocketTap tap;
  TapLink link(tap.device("dry"));
  engine::Engine engine{engine::EngineOptions{}};
  PacketPool pool({.heads = 8, .tails = 0});
  test::KeepingStack stack;
  const auto port =
      make_port(style, {engine, pool, link, {}, stack, {.rx_ring = 16, .tx_ring = 16}});
  port->start();
  const auto pull = [&] {
    engine.run(64);
    port->poll(64, ~0U);
    return stack.take();
  };
  for (unsigned i = 0; i < 20; ++i) REQUIRE(tap.push(pattern_frame(60 + i, i)));
  std::vector<Packet> held = pull();
  REQUIRE(held.size() == 8);  // every buffer is in our hands
  CHECK(pull().empty());
  held.clear();
  port->reclaim();  // what the NIC calls in every round
  const std::vector<Packet> more = pull();
  REQUIRE(more.size() == 8);
  CHECK(more[0].size() == 68);
}

TEST_CASE("a port that ran dry posts what lone frames gave back by way of another port") {
  struct SendingStack final : Receiver {
    void receive(std::span<Packet> burst) noexcept override {
      for (Packet& packet : burst) static_cast<void>(port->tx({&packet, 1}));
    }
    Port* port = nullptr;
  };
  const Style style = every_style();
  if (style == Style::push) return;  // sends from inside of the round, which goes on
  const PortOptions options{.rx_ring = 8, .tx_ring = 16};
  engine::Engine engine{engine::EngineOptions{}};
  SocketTap taps[2];
  TapLink in(taps[0].device("in"));
  TapLink out(taps[1].device("out"));
  PacketPool in_pool({.heads = 8, .tails = 0});
  PacketPool out_pool({.heads = 8, .tails = 0});
  SendingStack stack;
  test::KeepingStack none;
  const auto from = make_port(style, {engine, in_pool, in, {}, stack, options});
  const auto to = make_port(style, {engine, out_pool, out, {}, none, options});
  stack.port = to.get();
  from->start();
  to->start();
  for (unsigned i = 0; i < 8; ++i) REQUIRE(taps[0].push(pattern_frame(60 + i, i)));
  engine.run(64);
  from->poll(64, ~0U);
  CHECK_FALSE(from->starved());
  for (unsigned i = 0; i < 8; ++i) CHECK(taps[1].pull_raw().size() == kVnetHeader + 60 + i);
}

TEST_CASE("S4.10: push-backlog: what the backlog has no room for is dropped by that name") {
  SocketTap tap;
  TapLink link(tap.device("full"));
  engine::Engine engine{engine::EngineOptions{}};
  const PortOptions options{.rx_ring = 32, .tx_ring = 32, .backlog = 4};
  PacketPool pool(pool_for(link, options));
  test::KeepingStack stack;
  const auto port = make_port(Style::push_backlog, {engine, pool, link, {}, stack, options});
  port->start();
  for (unsigned i = 0; i < 10; ++i) REQUIRE(tap.push(pattern_frame(60 + i, i)));
  engine.run(64);
  CHECK(port->engine_counters()->rx_dropped.value(DropReason::backlog_full) == 6);
  CHECK(port->poll(64, ~0U).work == 4);
  REQUIRE(stack.packets.size() == 4);
  CHECK(stack.packets[3].size() == 63);  // the oldest stay
}

TEST_CASE("S4.4: push-pause: the engine stops at a budget's worth and goes on once it was taken") {
  SocketTap tap;
  TapLink link(tap.device("paused"));
  engine::Engine engine{engine::EngineOptions{}};
  const PortOptions options{.rx_ring = 256, .tx_ring = 32};
  PacketPool pool(pool_for(link, options));
  test::KeepingStack stack;
  const auto port = make_port(Style::push_pause, {engine, pool, link, {}, stack, options});
  port->start();
  unsigned pushed = 0;
  std::size_t taken = 0;
  while (taken < 1000) {
    while (pushed < 1000 && tap.push(pattern_frame(60, pushed))) ++pushed;
    for (int round = 0; round < 3; ++round) {
      engine.retry_blocked();
      engine.run(256);
    }
    const unsigned work = port->poll(4096, ~0U).work;
    CHECK(work <= kBurst);  // never more than that, however often the engine ran
    REQUIRE(work != 0);
    taken += stack.take().size();
  }
  CHECK(taken == 1000);
}

TEST_CASE_FIXTURE(Fixture, "S4.7: one pair of back-ends serves each style, pushed or polled") {
  // Neither of the two knows what becomes of the transfers it ends.
  for (unsigned round = 0; round < 10; ++round) {
    for (unsigned i = 0; i < 20; ++i) REQUIRE(tap.push(pattern_frame(60 + i, round)));
    std::vector<Packet> packets = receive();
    REQUIRE(packets.size() == 20);
    CHECK(port->tx(packets) == 20);
    engine.run(64);
    port->reclaim();
    CHECK(port->tx_in_flight() == 0);
    for (unsigned i = 0; i < 20; ++i) {
      CHECK(tap.pull_raw().size() == kVnetHeader + 60 + i);
    }
  }
  CHECK(count(&PortCounters::rx_packets) == 200);
  CHECK(count(&PortCounters::tx_packets) == 200);
}

TEST_CASE_FIXTURE(Fixture, "S4.8, S4.9: calls across the border per frame, in bursts of 32") {
  engine.run(64);
  const std::uint64_t before = port->border_calls();
  constexpr unsigned kBursts = 50;
  for (unsigned round = 0; round < kBursts; ++round) {
    for (unsigned i = 0; i < 4; ++i) REQUIRE(tap.push(pattern_frame(60, i)));
    for (unsigned i = 4; i < 32; ++i) {
      // The socket holds fewer than a burst: the engine reads them in between.
      engine.retry_blocked();
      engine.run(64);
      REQUIRE(tap.push(pattern_frame(60, i)));
    }
    engine.retry_blocked();
    engine.run(64);
    port->reclaim();
    REQUIRE(pull(32).size() == 32);
  }
  const double calls = static_cast<double>(port->border_calls() - before) / (32.0 * kBursts);
  CAPTURE(calls);
  if (style == Style::poll) CHECK(calls < 0.1);
  if (style == Style::virtqueue) CHECK(calls == 0);  // nobody sleeps, so nobody is woken
  if (style == Style::push || style == Style::notify) CHECK(calls > 1);
}

TEST_CASE("ports out of range are refused with the range") {
  SocketTap tap;
  TapLink link(tap.device("odd"));
  engine::Engine engine{engine::EngineOptions{}};
  PacketPool pool({.heads = 8, .tails = 0});
  test::KeepingStack stack;
  const auto make = [&](const PortOptions& options) {
    return make_port(Style::poll, {engine, pool, link, {}, stack, options});
  };
  CHECK_THROWS_WITH_AS(make({.rx_ring = 100}),
                       "port with a receive ring of 100: choose a power of two up to 8192",
                       std::invalid_argument);
  CHECK_THROWS_AS(make({.tx_ring = 16384}), std::invalid_argument);
  CHECK_THROWS_AS(make({.backlog = 0}), std::invalid_argument);
}
