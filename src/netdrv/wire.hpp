// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace bellpull::netdrv {

/// A copy of the T at `at`, which need not be aligned. Header structs of the C library hold their
/// fields in the order of the wire.
template <class T>
[[nodiscard]] T read_at(const std::byte* at) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Puts a T at `at`, which need not be aligned.
template <class T>
void write_at(std::byte* at, const T& value) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(at, &value, sizeof value);
}

/// A 16-bit number in the order of the wire, from the CPU's, or the other way round.
[[nodiscard]] constexpr std::uint16_t wire16(std::uint16_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) return __builtin_bswap16(value);
  return value;
}

/// A 32-bit number in the order of the wire, from the CPU's, or the other way round.
[[nodiscard]] constexpr std::uint32_t wire32(std::uint32_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) return __builtin_bswap32(value);
  return value;
}

/// A 64-bit number in the order of the wire, from the CPU's, or the other way round.
[[nodiscard]] constexpr std::uint64_t wire64(std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) return __builtin_bswap64(value);
  return value;
}

}  // namespace bellpull::netdrv
