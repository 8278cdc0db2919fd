// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/timed_frame.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "frame_checker.hpp"
#include "seeds.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

const TimedFrame kSaid{.flow = 0xfedc, .sequence = 0x1234'5678'9abc, .time_ns = 0x1122334455667788};

Bytes write(std::size_t size, const TimedFrame& said = kSaid, const FrameEnds& ends = {}) {
  Bytes frame(size);
  TimedFrameWriter(ends).write(std::as_writable_bytes(std::span(frame)), said);
  return frame;
}

FrameReading read(const Bytes& frame) {
  return read_timed_frame(std::as_bytes(std::span(frame)));
}

std::uint64_t time_of(const Bytes& frame) {
  return scheduled_time(std::as_bytes(std::span(frame)));
}

bool says(const FrameReading& reading, const TimedFrame& said) {
  return reading.kind == FrameKind::timed && reading.said.flow == said.flow &&
         reading.said.sequence == said.sequence && reading.said.time_ns == said.time_ns;
}

void swap_ranges(Bytes& frame, std::ptrdiff_t one, std::ptrdiff_t other, std::ptrdiff_t bytes) {
  std::swap_ranges(frame.begin() + one, frame.begin() + one + bytes, frame.begin() + other);
}

TEST_CASE(
    "a frame of every size from 60 to 9014 bytes says what was written, with right checksums") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("timed frames", 1));
  for (std::size_t size = kMinTimedFrame; size <= kMaxTimedFrame; ++size) {
    CAPTURE(size);
    const TimedFrame said{.flow = static_cast<std::uint16_t>(random()),
                          .sequence = random() >> 16,
                          .time_ns = random() | 1};
    const Bytes frame = write(size, said);
    REQUIRE(says(read(frame), said));
    REQUIRE(time_of(frame) == said.time_ns);
    const Anatomy anatomy = dissect(frame);
    REQUIRE(checksums_right(anatomy));
    REQUIRE(anatomy.fields.size() == 2);
    REQUIRE(anatomy.end == size);
    REQUIRE(get16(frame, 40) != 0);
  }
}

TEST_CASE("a frame has the addresses, ports and fields where they are said to be") {
  FrameEnds ends;
  ends.source_mac = {2, 1, 2, 3, 4, 5};
  ends.destination_mac = {6, 7, 8, 9, 10, 11};
  ends.source.bytes = {10, 1, 2, 3};
  ends.destination.bytes = {10, 4, 5, 6};
  const Bytes frame = write(60, kSaid, ends);
  const Bytes expected = {
      6,    7,    8,    9,    10,   11,   2,    1,    2,    3,    4, 5, 8,  0,  // Ethernet
      0x45, 0,    0,    46,   0,    0,    0x40, 0,    64,   17,   0, 0, 10, 1,
      2,    3,    10,   4,    5,    6,                             // IPv4
      0xfe, 0xdc, 0,    7,    0,    26,   0,    0,                 // UDP
      0,    0,    0xfe, 0xdc, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc,  // flow, sequence
      0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};             // time
  Bytes blanked = frame;
  for (const std::size_t checksum : {24U, 40U, 42U}) set16(blanked, checksum, 0);
  CHECK(blanked == expected);
}

TEST_CASE("any bit that is flipped, anywhere, makes it no timed frame") {
  for (const std::size_t size : {60U, 61U, 64U, 67U, 68U, 125U, 1514U}) {
    CAPTURE(size);
    Bytes frame = write(size);
    for (std::size_t bit = 0; bit < size * 8; ++bit) {
      const auto flip = static_cast<std::uint8_t>(1U << bit % 8);
      frame[bit / 8] ^= flip;
      if (read(frame).kind == FrameKind::timed) FAIL_CHECK("bit " << bit);
      // Behind Ethernet it is what carries the frame that is broken, but for what says its kind.
      if (bit / 8 >= 42 && read(frame).kind != FrameKind::corrupt) FAIL_CHECK("bit " << bit);
      frame[bit / 8] ^= flip;
    }
    CHECK(says(read(frame), kSaid));
  }
}

TEST_CASE("words that change places are found, although no checksum sees them") {
  for (std::ptrdiff_t one = 44; one < 60; one += 2) {
    for (std::ptrdiff_t other = one + 2; other < 60; other += 2) {
      Bytes frame = write(100);
      swap_ranges(frame, one, other, 2);
      CAPTURE(one);
      CAPTURE(other);
      REQUIRE(checksums_right(dissect(frame)));
      CHECK(read(frame).kind != FrameKind::timed);
      CHECK(time_of(frame) == 0);
    }
  }
  Bytes frame = write(1514);
  swap_ranges(frame, 60, 1400, 8);
  REQUIRE(checksums_right(dissect(frame)));
  CHECK(read(frame).kind == FrameKind::corrupt);
  CHECK(time_of(frame) == kSaid.time_ns);
  Bytes with_rest = write(72);
  swap_ranges(with_rest, 68, 70, 2);
  REQUIRE(checksums_right(dissect(with_rest)));
  CHECK(read(with_rest).kind == FrameKind::corrupt);
}

TEST_CASE("the rest of another frame, of another flow or the next sequence, is found") {
  for (const TimedFrame& other : {TimedFrame{.flow = 0xfedd, .sequence = kSaid.sequence},
                                  TimedFrame{.flow = 0xfedc, .sequence = kSaid.sequence + 1}}) {
    Bytes frame = write(200);
    const Bytes donor = write(200, other);
    std::copy(donor.begin() + 60, donor.end(), frame.begin() + 60);
    repair_checksums(frame);
    CHECK(read(frame).kind == FrameKind::corrupt);
  }
}

TEST_CASE("an echo stays what it is: addresses and ports swapped, hop limit and service changed") {
  for (const std::size_t size : {60U, 1514U}) {
    Bytes frame = write(size);
    swap_ranges(frame, 0, 6, 6);
    CHECK(says(read(frame), kSaid));
    swap_ranges(frame, 26, 30, 4);
    swap_ranges(frame, 34, 36, 2);
    CHECK(says(read(frame), kSaid));
    CHECK(time_of(frame) == kSaid.time_ns);
    frame[15] = 0xb8;
    frame[22] = 3;
    repair_checksums(frame);
    CHECK(says(read(frame), kSaid));
  }
}

TEST_CASE("a changed Ethernet address makes it foreign, for no checksum covers it") {
  for (std::size_t at = 0; at < 12; ++at) {
    Bytes frame = write(60);
    frame[at] ^= 4;
    CHECK(read(frame).kind == FrameKind::foreign);
    CHECK(time_of(frame) == 0);
  }
}

TEST_CASE("other traffic is foreign and has no time: random bytes, short, long, other datagrams") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("foreign", 3));
  for (int i = 0; i < 20000; ++i) {
    Bytes frame(random() % 200);
    std::generate(frame.begin(), frame.end(), [&] { return static_cast<std::uint8_t>(random()); });
    REQUIRE(read(frame).kind == FrameKind::foreign);
    REQUIRE(time_of(frame) == 0);
  }
  // Proper datagrams to port 7, of somebody else: one in 65536 has the check by chance.
  int timed = 0;
  int corrupt = 0;
  for (int i = 0; i < 20000; ++i) {
    Bytes frame = write(60);
    std::generate(frame.begin() + 42, frame.end(),
                  [&] { return static_cast<std::uint8_t>(random()); });
    repair_checksums(frame);
    timed += read(frame).kind == FrameKind::timed || time_of(frame) != 0;
    corrupt += read(frame).kind == FrameKind::corrupt;
  }
  CHECK(timed < 10);
  CHECK(corrupt == 0);
  for (const std::size_t at : {12U, 14U, 23U}) {  // type, version, protocol
    Bytes frame = write(60);
    frame[at] ^= 1;
    CHECK(read(frame).kind == FrameKind::foreign);
    CHECK(time_of(frame) == 0);
  }
  Bytes other_port = write(60);
  set16(other_port, 36, 8);
  CHECK(read(other_port).kind == FrameKind::foreign);
  CHECK(time_of(other_port) == 0);
  Bytes jumbo = write(kMaxTimedFrame);
  jumbo.push_back(0);
  CHECK(read(jumbo).kind == FrameKind::foreign);
}

TEST_CASE("a frame that was cut off or has something behind it is corrupt") {
  Bytes frame = write(200);
  frame.resize(199);
  CHECK(read(frame).kind == FrameKind::corrupt);
  CHECK(time_of(frame) == kSaid.time_ns);
  frame = write(200);
  frame.push_back(0);
  CHECK(read(frame).kind == FrameKind::corrupt);
  frame.resize(59);
  CHECK(read(frame).kind == FrameKind::foreign);
  CHECK(time_of(frame) == 0);
}

TEST_CASE("lengths that lie are corrupt, although the checksums are right") {
  Bytes frame = write(60);
  set16(frame, 16, 45);
  repair_checksums(frame);
  CHECK(read(frame).kind == FrameKind::corrupt);
  // The UDP length is in the sum twice. Two less, and the checksum is four more.
  frame = write(60);
  set16(frame, 38, get16(frame, 38) - 2);
  REQUIRE(get16(frame, 40) < 0xfffb);
  set16(frame, 40, get16(frame, 40) + 4);
  CHECK(read(frame).kind == FrameKind::corrupt);
}

TEST_CASE("a checksum that comes to 0 is written as ffff") {
  int found = 0;
  TimedFrame said = kSaid;
  for (int i = 0; i < 400'000; ++i, ++said.time_ns) {
    const Bytes frame = write(60, said);
    if (get16(frame, 40) != 0xffff) continue;
    ++found;
    REQUIRE(says(read(frame), said));
  }
  CHECK(found > 0);
}

TEST_CASE("ends that no such frame can have are refused") {
  FrameEnds ends;
  ends.source.family = 6;
  CHECK_THROWS_AS(TimedFrameWriter{ends}, std::invalid_argument);
  ends = {};
  ends.destination_mac = {1, 0, 0, 0, 0, 1};
  CHECK_THROWS_AS(TimedFrameWriter{ends}, std::invalid_argument);
  ends.destination_mac = {};
  CHECK_THROWS_AS(TimedFrameWriter{ends}, std::invalid_argument);
}

}  // namespace
