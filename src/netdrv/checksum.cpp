// SPDX-License-Identifier: BSD-2-Clause
#include "checksum.hpp"

#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// The carry out of the upper end comes in at the lower one, as in a sum of 16-bit words.
constexpr std::uint64_t add_carry(std::uint64_t sum, std::uint64_t word) noexcept {
  sum += word;
  return sum + (sum < word ? 1 : 0);
}

// Words are taken as the CPU reads them and eight bytes at a time: the sum comes out the same but
// for the order of its two bytes, because 2^16 - 1 divides 2^64 - 1 (RFC 1071 section 2). Four
// sums, so that none waits for another.
std::uint64_t sum_words(std::span<const std::byte> bytes) noexcept {
  std::uint64_t sum = 0;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  if (left >= 32) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    std::uint64_t fourth = 0;
    for (; left >= 32; left -= 32, at += 32) {
      sum = add_carry(sum, read_at<std::uint64_t>(at));
      second = add_carry(second, read_at<std::uint64_t>(at + 8));
      third = add_carry(third, read_at<std::uint64_t>(at + 16));
      fourth = add_carry(fourth, read_at<std::uint64_t>(at + 24));
    }
    sum = add_carry(add_carry(sum, second), add_carry(third, fourth));
  }
  for (; left >= 8; left -= 8, at += 8) sum = add_carry(sum, read_at<std::uint64_t>(at));
  if (left >= 4) {
    sum = add_carry(sum, read_at<std::uint32_t>(at));
    left -= 4;
    at += 4;
  }
  if (left >= 2) {
    sum = add_carry(sum, read_at<std::uint16_t>(at));
    left -= 2;
    at += 2;
  }
  if (left != 0) {
    std::uint16_t last = 0;  // padded with a zero behind it, in either byte order
    std::memcpy(&last, at, 1);
    sum = add_carry(sum, last);
  }
  // Folded once, so that many of them can be added.
  return (sum & 0xffff'ffff) + (sum >> 32);
}

}  // namespace

void InternetSum::add(std::span<const std::byte> piece) noexcept {
  if (piece.empty()) return;
  const std::uint16_t sum = fold(sum_words(piece));
  // Behind an odd number of bytes each byte falls into the other half of its word.
  sum_ += odd_ ? __builtin_bswap16(sum) : sum;
  odd_ ^= piece.size() % 2 != 0;
}

void InternetSum::add_word(std::uint16_t word) noexcept {
  sum_ += wire16(word);
}

std::uint16_t InternetSum::value() const noexcept {
  return wire16(fold(sum_));
}

}  // namespace bellpull::netdrv
