// SPDX-License-Identifier: BSD-2-Clause
// What the transmit side says of frames that came back as they should, and of those that did not.
#include <doctest/doctest.h>

#include <functional>
#include <random>
#include <stdexcept>

#include "app_rig.hpp"
#include "bellpull/netdrv/apps.hpp"
#include "seeds.hpp"
#include "sim_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using test::Bytes;
using test::Pieces;

namespace {

Bytes timed(std::uint16_t flow, std::uint64_t sequence, std::size_t size = 60) {
  Bytes frame(size);
  TimedFrameWriter(FrameEnds{})
      .write(std::as_writable_bytes(std::span(frame)), {flow, sequence, 1000 + sequence});
  return frame;
}

struct Fixture {
  // Sends a frame behind a header that nobody looks at.
  void send(const Bytes& frame, std::vector<std::uint32_t> lengths = {}) {
    if (lengths.empty()) lengths = {static_cast<std::uint32_t>(kVnetHeader + frame.size())};
    Pieces pieces(lengths);
    std::vector<std::byte> whole(kVnetHeader, std::byte{0xff});
    for (const std::uint8_t byte : frame) whole.push_back(std::byte{byte});
    pieces.scatter(whole);
    const engine::Op op = test::operation(++id, engine::Operation::write, pieces.segments());
    REQUIRE(backend->start({&op, 1}) == 1);
    engine::Done done;
    const engine::Reaped reaped = backend->reap({&done, 1});
    REQUIRE(reaped.count == 1);
    CHECK_FALSE(reaped.would_block);
    CHECK(done.id == id);
    CHECK(done.bytes == kVnetHeader + frame.size());
    CHECK(done.error == 0);
  }

  // sent, corrupt, foreign, reordered, duplicated
  [[nodiscard]] std::array<std::uint64_t, 5> counts() const {
    const SimCounters c = nic.counters();
    return {c.sent, c.corrupt, c.foreign, c.reordered, c.duplicated};
  }

  SimNic nic{SimOptions{}};
  std::unique_ptr<engine::Backend> backend = nic.make_transmit();
  std::uint64_t id = 0;
};

using Counts = std::array<std::uint64_t, 5>;

TEST_CASE_FIXTURE(Fixture, "frames in order, with gaps, of several flows, have no fault") {
  for (const std::uint64_t sequence : {0U, 1U, 2U, 10U, 11U, 1000U}) {
    send(timed(0, sequence));
    send(timed(7, sequence / 2 + sequence));
    send(timed(65535, sequence));
  }
  CHECK(counts() == Counts{18, 0, 0, 0, 0});
}

TEST_CASE_FIXTURE(Fixture, "the same frame again is a duplicate, an older one is out of order") {
  send(timed(3, 0));
  send(timed(3, 0));
  CHECK(counts() == Counts{2, 0, 0, 0, 1});
  send(timed(3, 5));
  send(timed(3, 4));
  send(timed(3, 5));
  CHECK(counts() == Counts{5, 0, 0, 1, 2});
  send(timed(3, 6));
  send(timed(4, 0));
  CHECK(counts() == Counts{7, 0, 0, 1, 2});
}

TEST_CASE_FIXTURE(Fixture,
                  "a wrong bit is corrupt, another sender's frame foreign, and neither "
                  "says anything of the order") {
  Bytes wrong = timed(1, 9);
  wrong[50] ^= 1;
  send(wrong);
  CHECK(counts() == Counts{1, 1, 0, 0, 0});
  send(Bytes(60, 0x55));
  CHECK(counts() == Counts{2, 1, 1, 0, 0});
  send(timed(1, 0));
  CHECK(counts() == Counts{3, 1, 1, 0, 0});
}

TEST_CASE_FIXTURE(Fixture, "frames of all sizes are put together from scattered pieces") {
  std::mt19937_64 random(ring::test::announce_seed("gather", 1));
  std::uint64_t sent = 0;
  for (std::uint32_t size = 60; size <= 9014; size += 7) {
    CAPTURE(size);
    std::vector<std::uint32_t> lengths;
    std::uint32_t left = kVnetHeader + size;
    while (lengths.size() < 15 && left > 100) {
      lengths.push_back(static_cast<std::uint32_t>(1 + random() % (left / (1 + random() % 8))));
      left -= lengths.back();
    }
    if (left != 0) lengths.push_back(left);
    send(timed(2, size, size), lengths);
    ++sent;
  }
  CHECK(counts() == Counts{sent, 0, 0, 0, 0});
}

TEST_CASE_FIXTURE(Fixture, "what is too short or too long for a frame is taken, and foreign") {
  const engine::Capabilities limits = backend->capabilities();
  CHECK(limits.max_length == 1U << 20);
  for (const std::uint32_t bytes : {1U, 11U, 12U, 13U, 71U, 9027U, 1U << 20}) {
    CAPTURE(bytes);
    for (const bool cut : {false, true}) {
      if (cut && bytes < 2) continue;
      const Pieces pieces(cut ? std::vector{bytes / 2, bytes - bytes / 2} : std::vector{bytes});
      const engine::Op op = test::operation(++id, engine::Operation::write, pieces.segments());
      REQUIRE(backend->start({&op, 1}) == 1);
      engine::Done done;
      REQUIRE(backend->reap({&done, 1}).count == 1);
      CHECK(done.bytes == bytes);
    }
  }
  CHECK(counts() == Counts{13, 0, 13, 0, 0});
}

TEST_CASE_FIXTURE(Fixture, "it takes as many as its ring holds, and forgets them when stopped") {
  const Pieces pieces({72});
  std::vector<engine::Op> ops;
  for (std::uint64_t i = 1; i <= 300; ++i) {
    ops.push_back(test::operation(i, engine::Operation::write, pieces.segments()));
  }
  CHECK(backend->start(ops) == 256);
  CHECK(backend->window() == 0);
  CHECK(backend->cancel(256));
  CHECK_FALSE(backend->cancel(256));
  CHECK_FALSE(backend->cancel(257));
  std::array<engine::Done, 10> done;
  CHECK(backend->reap(done).count == 10);
  CHECK(backend->window() == 11);
  backend->stop();
  CHECK(backend->window() == 256);
  CHECK(backend->reap(done).count == 0);
  CHECK(nic.counters().sent == 10);
}

TEST_CASE_FIXTURE(Fixture,
                  "another back-end knows what was sent before, and there is one at a time") {
  send(timed(1, 5));
  CHECK_THROWS_AS(static_cast<void>(nic.make_transmit()), std::invalid_argument);
  backend.reset();
  backend = nic.make_transmit();
  send(timed(1, 4));
  CHECK(counts() == Counts{2, 0, 0, 1, 0});
}

TEST_CASE("what the applications answer is still a timed frame of the same time") {
  const FrameEnds ends;
  RespondOptions options;
  options.mac = ends.destination_mac;
  options.addresses = {ends.destination};
  RespondCounters counters;
  for (const bool responds : {false, true}) {
    CAPTURE(responds);
    test::AppRig rig(responds ? make_respond(options, counters) : make_reflect());
    for (const std::size_t size : {60U, 61U, 1514U}) {
      const Bytes answer = rig.answer(timed(9, 77, size));
      REQUIRE(answer.size() == size);
      const auto bytes = std::as_bytes(std::span(answer));
      const FrameReading reading = read_timed_frame(bytes);
      CHECK(reading.kind == FrameKind::timed);
      CHECK(reading.said.flow == 9);
      CHECK(reading.said.sequence == 77);
      CHECK(scheduled_time(bytes) == 1077);
    }
  }
  CHECK(counters.udp_echo.value() == 3);
}

}  // namespace
