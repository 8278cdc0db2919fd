// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "crc32c_polynomial.hpp"
#include "kernels.hpp"

namespace bellpull::engine::kernels {

namespace {

// tables[k][b]: the checksum of byte b with k zero bytes behind it.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCastagnoli : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

constexpr bool kLittleEndian = std::endian::native == std::endian::little;

std::uint64_t word_at(const std::byte* from) noexcept {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

void copy(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  // memcpy must not be given a null pointer, whatever the length.
  if (bytes != 0) std::memcpy(to, from, bytes);
}

void fill(std::byte* to, std::size_t bytes, const Pattern& pattern, std::size_t phase) noexcept {
  // Whole periods, so that the next copy goes on where the last one ended.
  std::array<std::byte, 840> block;
  const std::size_t whole = block.size() / pattern.size * pattern.size;
  const std::size_t made = std::min(bytes, whole);
  phase %= pattern.size;
  for (std::size_t i = 0; i < made; ++i) {
    block[i] = pattern.bytes[phase];
    if (++phase == pattern.size) phase = 0;
  }
  for (std::size_t at = 0; at < bytes; at += whole) {
    std::memcpy(to + at, block.data(), std::min(whole, bytes - at));
  }
}

std::uint32_t crc32c(std::uint32_t seed, const std::byte* from, std::size_t bytes,
                     std::size_t /*whole*/) noexcept {
  std::uint32_t crc = ~seed;
  if constexpr (kLittleEndian) {
    for (; bytes >= 8; from += 8, bytes -= 8) {
      const std::uint64_t word = word_at(from) ^ crc;
      crc = 0;
      for (unsigned i = 0; i < 8; ++i) crc ^= kTables[7 - i][(word >> (8 * i)) & 0xFF];
    }
  }
  for (; bytes != 0; ++from, --bytes) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(*from)) & 0xFF];
  }
  return ~crc;
}

std::uint32_t copy_crc32c(std::uint32_t seed, std::byte* to, const std::byte* from,
                          std::size_t bytes, std::size_t /*whole*/) noexcept {
  // Small enough for the piece to be still in the first cache when its checksum is made.
  constexpr std::size_t kPiece = 4096;
  while (bytes != 0) {
    const std::size_t piece = std::min(bytes, kPiece);
    std::memcpy(to, from, piece);
    seed = crc32c(seed, from, piece, piece);
    to += piece;
    from += piece;
    bytes -= piece;
  }
  return seed;
}

std::size_t mismatch(const std::byte* a, const std::byte* b, std::size_t bytes) noexcept {
  // Where they differ is left to the bytes: that works for either byte order.
  std::size_t at = 0;
  while (bytes - at >= 8 && word_at(a + at) == word_at(b + at)) at += 8;
  while (at < bytes && a[at] == b[at]) ++at;
  return at;
}

// What memcpy() does is its own affair.
std::size_t streams_from() noexcept {
  return std::numeric_limits<std::size_t>::max();
}

constexpr Kernels kPortable = {"portable", copy,   copy,        streams_from,
                               fill,       crc32c, copy_crc32c, mismatch};

}  // namespace

const Kernels& portable() noexcept {
  return kPortable;
}

}  // namespace bellpull::engine::kernels
