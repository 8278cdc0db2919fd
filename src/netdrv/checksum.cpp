// SPDX-License-Identifier: BSD-2-Clause
#include "checksum.hpp"

#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Words are taken as the CPU reads them and several at a time: the sum comes out the same but for
// the order of its two bytes (RFC 1071 section 2). Two sums, so that neither waits for the other;
// each takes 2^32 additions before it could overflow.
std::uint64_t sum_words(std::span<const std::byte> bytes) noexcept {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const auto word = read_at<std::uint64_t>(at);
    low += word & 0xffff'ffff;
    high += word >> 32;
  }
  for (; left >= 2; left -= 2, at += 2) low += read_at<std::uint16_t>(at);
  if (left != 0) {
    std::uint16_t last = 0;  // padded with a zero behind it, in either byte order
    std::memcpy(&last, at, 1);
    high += last;
  }
  // Folded once, so that they cannot overflow each other.
  return (low & 0xffff'ffff) + (low >> 32) + (high & 0xffff'ffff) + (high >> 32);
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
