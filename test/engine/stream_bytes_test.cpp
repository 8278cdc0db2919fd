// SPDX-License-Identifier: BSD-2-Clause
// What arrives where: scatter and gather, unknown lengths, byte streams, shared descriptors.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <numeric>
#include <random>

#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Sends one message and returns what the receiver's completion says.
Completion exchange(Rig& rig, std::span<const Segment> from, std::span<const Segment> to) {
  const Request send{from, 1};
  const Request receive{to, 2};
  REQUIRE(rig.rx->post({&receive, 1}).kind == Kind::none);
  REQUIRE(rig.tx->post({&send, 1}).kind == Kind::none);
  rig.rx->issue();
  rig.tx->issue();
  const auto sent = collect(rig.engine, *rig.tx, 1);
  const auto received = collect(rig.engine, *rig.rx, 1);
  REQUIRE(sent.size() == 1);
  REQUIRE(received.size() == 1);
  const auto add = [](std::size_t sum, const Segment& s) { return sum + s.length; };
  CHECK(sent[0].bytes == std::accumulate(from.begin(), from.end(), std::size_t{0}, add));
  return received[0];
}

Segment segment_of(std::string& text, std::size_t at, std::size_t length) {
  return {bytes_of(text).data() + at, length};
}

TEST_CASE(
    "a receive buffer is posted before the length is known, and its completion says how much "
    "came") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    std::string text(1500, 'x');
    for (const std::size_t length : {1u, 2u, 60u, 1499u, 1500u}) {
      std::string room(2048, '.');
      const Segment from = segment_of(text, 0, length);
      const Segment to = segment_of(room, 0, room.size());
      const Completion done = exchange(rig, {&from, 1}, {&to, 1});
      CHECK(done.status == Status::ok);
      CHECK(done.bytes == length);
      CHECK(room == std::string(length, 'x') + std::string(2048 - length, '.'));
    }
  }
}

TEST_CASE("a message fills the segments of its buffer in order and leaves the rest of them alone") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    std::string text = "head and a longer tail";
    for (std::size_t length = 1; length <= text.size(); ++length) {
      std::string room(64, '.');
      const Segment from = segment_of(text, 0, length);
      const std::array<Segment, 3> to{
          {segment_of(room, 0, 4), segment_of(room, 8, 8), segment_of(room, 32, 32)}};
      CHECK(exchange(rig, {&from, 1}, to).bytes == length);
      const std::string got = room.substr(0, 4) + room.substr(8, 8) + room.substr(32, 32);
      CHECK(got == text.substr(0, length) + std::string(44 - length, '.'));
      CHECK(room.substr(4, 4) == "....");
      CHECK(room.substr(16, 16) == std::string(16, '.'));
    }
  }
}

TEST_CASE("a message longer than the buffer is truncated to it, and the next one starts afresh") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    std::string text = "too long for this", room(16, '.'), next = "next";
    const Segment from = segment_of(text, 0, text.size());
    const std::array<Segment, 2> to{{segment_of(room, 0, 3), segment_of(room, 8, 4)}};
    CHECK(exchange(rig, {&from, 1}, to).bytes == 7);
    CHECK(room == "too..... lon....");
    room.assign(16, '.');
    const Segment from_next = segment_of(next, 0, next.size());
    CHECK(exchange(rig, {&from_next, 1}, to).bytes == 4);
    CHECK(room == "nex.....t.......");
  }
}

TEST_CASE("S1.1: any split of the source and any split of the room carry the same bytes") {
  const std::uint64_t seed = ring::test::announce_seed("splits", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto split = [&](std::string& text, std::size_t length) {
    std::vector<Segment> segments;
    std::size_t at = 0;
    while (at < length && segments.size() < 15) {
      const std::size_t part = 1 + random() % (length - at);
      segments.push_back(segment_of(text, at, part));
      at += part;
    }
    if (at < length) segments.push_back(segment_of(text, at, length - at));
    return segments;
  };
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    for (std::uint64_t round = 0; round < scaled(2000); ++round) {
      const std::size_t length = 1 + random() % 3000;
      std::string text(length, ' '), room(1 + random() % 4000, '.');
      for (char& c : text) c = static_cast<char>('a' + random() % 26);
      const std::string before = room;
      const Completion done = exchange(rig, split(text, length), split(room, room.size()));
      const std::size_t expected = std::min(length, room.size());
      REQUIRE(done.bytes == expected);
      REQUIRE(room == text.substr(0, expected) + before.substr(expected));
    }
  }
}

// Two channels over the two ends of a stream socket whose buffers are as small as they get.
struct StreamRig {
  explicit StreamRig(Placement placement) : engine({.placement = placement}) {
    const int small = 1;  // the kernel raises it to its minimum
    REQUIRE(::setsockopt(pair.left(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    REQUIRE(::setsockopt(pair.right(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    tx = engine.open_stream({}, writer(pair.left(), counters, 16, Framing::bytes));
    rx = engine.open_stream({}, reader(pair.right(), counters, 16, Framing::bytes));
  }

  SocketPair pair{SOCK_STREAM};
  FdCounters counters;
  Engine engine;
  std::unique_ptr<StreamChannel> tx;
  std::unique_ptr<StreamChannel> rx;
};

TEST_CASE(
    "S4.11: a byte stream carries on a short write until the transfer is whole, and ends with "
    "end_of_stream") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    StreamRig rig(placement);
    std::string text(300'000, ' ');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
    // Several segments, so that a write can stop in the middle of one.
    const std::array<Segment, 3> parts{{segment_of(text, 0, 100'001),
                                        segment_of(text, 100'001, 77'777),
                                        segment_of(text, 177'778, text.size() - 177'778)}};
    const Request request{parts, 9};
    REQUIRE(rig.tx->post({&request, 1}).kind == Kind::none);
    rig.tx->issue();
    full_round(rig.engine);
    CHECK(rig.tx->stats().completed == 0);  // more than the socket takes at once

    std::string got, room(1000, '.');
    while (got.size() < text.size()) {
      REQUIRE(post(*rig.rx, bytes_of(room), 1).kind == Kind::none);
      rig.rx->issue();
      const Completion done = collect(rig.engine, *rig.rx, 1).at(0);
      REQUIRE(done.status == Status::ok);
      got += room.substr(0, done.bytes);
    }
    CHECK(got == text);
    const Completion sent = collect(rig.engine, *rig.tx, 1).at(0);
    CHECK(sent.status == Status::ok);
    CHECK(sent.bytes == text.size());

    rig.tx.reset();
    rig.pair.close_left();
    for (int i = 0; i < 3; ++i) {
      REQUIRE(post(*rig.rx, bytes_of(room), 1).kind == Kind::none);
      rig.rx->issue();
      const Completion end = collect(rig.engine, *rig.rx, 1).at(0);
      CHECK(end.status == Status::end_of_stream);
      CHECK(end.bytes == 0);
      CHECK(end.error == 0);
    }
  }
}

TEST_CASE(
    "a byte stream whose peer closes in the middle of a transfer reports the bytes that went out") {
  std::signal(SIGPIPE, SIG_IGN);
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    StreamRig rig(placement);
    std::string text(300'000, 'x');
    REQUIRE(post(*rig.tx, bytes_of(text), 1).kind == Kind::none);
    REQUIRE(post(*rig.tx, bytes_of(text), 2).kind == Kind::none);
    rig.tx->issue();
    full_round(rig.engine);
    rig.rx.reset();
    rig.pair.close_right();
    const auto done = collect(rig.engine, *rig.tx, 2);
    REQUIRE(done.size() == 2);
    CHECK(done[0].status == Status::failed);
    CHECK((done[0].error == EPIPE || done[0].error == ECONNRESET));
    CHECK(done[0].bytes > 0);
    CHECK(done[0].bytes < text.size());
    CHECK(done[1].status == Status::failed);
    CHECK(done[1].bytes == 0);  // it starts from nothing, not from where the other one stopped
    CHECK(rig.tx->stats().bytes == done[0].bytes);
  }
}

// A blocked reader and a blocked writer over one end of a socket.
struct SharedEnd {
  explicit SharedEnd(Placement placement) : engine({.placement = placement}) {
    tx = engine.open_stream({.size = 1024}, writer(pair.left(), counters));
    rx = engine.open_stream({.size = 1024}, reader(pair.left(), counters));
    REQUIRE(post(*rx, bytes_of(room), 1).kind == Kind::none);
    rx->issue();
    while (post(*tx, bytes_of(text), 2).kind == Kind::none) {
    }
    tx->issue();
    for (int i = 0; i < 20; ++i) full_round(engine);
    REQUIRE(tx->stats().completed < 1024);
    REQUIRE(rx->stats().completed == 0);
  }

  // Makes the socket writable and readable from the other end.
  void stir() {
    std::array<char, 4096> drain;
    while (::recv(pair.right(), drain.data(), drain.size(), 0) > 0) {
    }
    REQUIRE(::send(pair.right(), "hello", 5, 0) == 5);
  }

  SocketPair pair{SOCK_SEQPACKET};
  FdCounters counters;
  std::string room = std::string(16, '.');
  std::string text = std::string(2048, 'x');
  Engine engine;
  std::unique_ptr<StreamChannel> tx;
  std::unique_ptr<StreamChannel> rx;
};

TEST_CASE("two channels over one descriptor both hear of its events on an autonomous engine") {
  SharedEnd shared(Placement::autonomous);
  const std::uint64_t sent = shared.tx->stats().completed;
  shared.stir();
  CHECK(collect(shared.engine, *shared.rx, 1).at(0).bytes == 5);
  CHECK(until(shared.engine, [&] { return shared.tx->stats().completed > sent; }));
}

TEST_CASE(
    "two channels over one descriptor share one wait source with both events, until one closes") {
  SharedEnd shared(Placement::driven);
  auto sources = shared.engine.wait_sources();
  REQUIRE(sources.size() == 1);
  CHECK(sources[0].fd == shared.pair.left());
  CHECK(sources[0].events == (EPOLLIN | EPOLLOUT));

  const std::uint64_t sent = shared.tx->stats().completed;
  CHECK_FALSE(shared.engine.runnable());
  shared.stir();
  shared.engine.source_ready(1);  // no such position: nothing happens
  CHECK_FALSE(shared.engine.runnable());
  shared.engine.source_ready(0);
  CHECK(shared.engine.runnable());
  shared.engine.run(2000);
  CHECK(shared.rx->stats().completed == 1);
  CHECK(shared.tx->stats().completed > sent);

  shared.tx.reset();
  sources = shared.engine.wait_sources();
  REQUIRE(sources.size() == 1);
  CHECK(sources[0].events == EPOLLIN);
  shared.rx.reset();
  CHECK(shared.engine.wait_sources().empty());
}

TEST_CASE(
    "the wait sources name each descriptor once; one without a descriptor is not among them") {
  Engine engine({});
  FdCounters counters;
  SocketPair first(SOCK_DGRAM), second(SOCK_DGRAM);
  std::vector<std::unique_ptr<StreamChannel>> channels;
  for (int i = 0; i < 3; ++i) {
    channels.push_back(engine.open_stream({}, reader(first.left(), counters)));
    channels.push_back(engine.open_stream({}, writer(second.left(), counters)));
  }
  REQUIRE(engine.wait_sources().size() == 2);
  CHECK(engine.wait_sources()[0].fd == first.left());
  CHECK(engine.wait_sources()[0].events == EPOLLIN);
  CHECK(engine.wait_sources()[1].fd == second.left());
  CHECK(engine.wait_sources()[1].events == EPOLLOUT);
  channels.erase(channels.begin());
  CHECK(engine.wait_sources().size() == 2);
  channels.clear();
  CHECK(engine.wait_sources().empty());

  Engine autonomous({.placement = Placement::autonomous});
  const auto channel = autonomous.open_stream({}, reader(first.left(), counters));
  CHECK(autonomous.wait_sources().empty());  // its own thread waits for them
}

}  // namespace
}  // namespace bellpull::engine::test
