// SPDX-License-Identifier: BSD-2-Clause
#include "checksum.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "frame_builder.hpp"
#include "seeds.hpp"

using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;

namespace {

std::uint16_t sum_of(const Bytes& bytes) {
  InternetSum sum;
  sum.add(std::as_bytes(std::span(bytes)));
  return sum.value();
}

TEST_CASE("the sum of the example in RFC 1071 section 3 is ddf2") {
  CHECK(sum_of({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}) == 0xddf2);
}

TEST_CASE("nothing and nothing but zeros sum up to 0 and have the checksum ffff") {
  CHECK(InternetSum().value() == 0);
  CHECK(InternetSum().checksum() == 0xffff);
  CHECK_FALSE(InternetSum().intact());
  CHECK(sum_of(Bytes(1000, 0)) == 0);
  CHECK(sum_of(Bytes(1001, 0)) == 0);
}

TEST_CASE("a sum that comes to the other zero is ffff, not 0") {
  CHECK(sum_of({0xff, 0xff}) == 0xffff);
  CHECK(sum_of({0x12, 0x34, 0xed, 0xcb}) == 0xffff);
  CHECK(sum_of(Bytes(65536, 0xff)) == 0xffff);
}

TEST_CASE("the last byte of an odd number is the upper half of its word") {
  CHECK(sum_of({0xab}) == 0xab00);
  CHECK(sum_of({0x00, 0x01, 0xab}) == 0xab01);
}

TEST_CASE("every length from 0 to 300 sums up as the reference says") {
  const Bytes bytes = pattern(300);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    CAPTURE(length);
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK(0xffffU - sum_of(part) == reference_checksum(part));
  }
}

TEST_CASE("the largest sums do not overflow: 128 KiB of ff, then one more") {
  InternetSum sum;
  const Bytes ones(131072, 0xff);
  for (int i = 0; i < 64; ++i) sum.add(std::as_bytes(std::span(ones)));
  sum.add_word(1);
  CHECK(sum.value() == 1);
}

TEST_CASE(
    "where the bytes are cut into pieces makes no difference, odd pieces and empty ones too") {
  const Bytes bytes = pattern(40);
  const std::uint16_t whole = sum_of(bytes);
  const auto all = std::as_bytes(std::span(bytes));
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); ++second) {
      CAPTURE(first);
      CAPTURE(second);
      InternetSum sum;
      sum.add(all.first(first));
      sum.add(all.subspan(first, second - first));
      sum.add(all.subspan(second));
      CHECK(sum.value() == whole);
    }
  }
}

TEST_CASE("random bytes, cut at random, at any alignment, sum up as the reference says") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("checksum", 1));
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes(random() % 5000);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
    const std::size_t skip = std::min<std::size_t>(random() % 8, bytes.size());
    auto rest = std::as_bytes(std::span(bytes)).subspan(skip);
    InternetSum sum;
    while (!rest.empty()) {
      const std::size_t piece = std::min<std::size_t>(random() % 700, rest.size());
      sum.add(rest.first(piece));
      rest = rest.subspan(piece);
    }
    const Bytes summed(bytes.begin() + static_cast<std::ptrdiff_t>(skip), bytes.end());
    REQUIRE(sum.checksum() == reference_checksum(summed));
  }
}

TEST_CASE("a word of a pseudo header counts the same before, between and after odd pieces") {
  const Bytes bytes = {0x12, 0x34, 0x56};
  const auto all = std::as_bytes(std::span(bytes));
  const unsigned expected = 0x1234 + 0x5600 + 0xbeef - 0xffff;
  for (int when = 0; when < 3; ++when) {
    CAPTURE(when);
    InternetSum sum;
    if (when == 0) sum.add_word(0xbeef);
    sum.add(all.first(1));
    if (when == 1) sum.add_word(0xbeef);
    sum.add(all.subspan(1));
    if (when == 2) sum.add_word(0xbeef);
    CHECK(sum.value() == expected);
  }
}

TEST_CASE("what holds its own checksum is intact, and no longer after any change of one bit") {
  Bytes bytes = pattern(33);
  set16(bytes, 10, 0);
  set16(bytes, 10, reference_checksum(bytes));
  const auto intact = [&bytes] {
    InternetSum sum;
    sum.add(std::as_bytes(std::span(bytes)));
    return sum.intact();
  };
  CHECK(intact());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    CAPTURE(bit);
    const auto flip = static_cast<std::uint8_t>(1U << bit % 8);
    bytes[bit / 8] ^= flip;
    CHECK_FALSE(intact());
    bytes[bit / 8] ^= flip;
  }
}

}  // namespace
