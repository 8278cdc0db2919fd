// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>

namespace bellpull::engine::kernels {

/// What a fill repeats: the first `size` bytes of `bytes`, 1 <= size <= 8. A plain array, because
/// files that are compiled for newer processors must not bring in functions that others share.
struct Pattern {
  std::byte bytes[8] = {};  ///< those behind `size` are ignored
  std::size_t size = 1;     ///< 1 to 8
};

/// One way to do the work, for one kind of processor. All of them give the same results. Every
/// function takes any alignment and any length, 0 too (with null pointers if you like), allocates
/// nothing and touches no byte outside of what it was given.
struct Kernels {
  /// "portable", "avx2" or "avx512".
  const char* name;

  /// Copies between ranges that do not overlap. Chooses by length whether the cache is used.
  void (*copy)(std::byte* to, const std::byte* from, std::size_t bytes) noexcept;

  /// The same past the cache, for bytes that this processor does not need soon; what it wrote is
  /// ordered before every later store. Where there are no such stores it is copy().
  void (*copy_streaming)(std::byte* to, const std::byte* from, std::size_t bytes) noexcept;

  /// The length from which on copy() goes past the cache: for who copies a longer range in slices.
  std::size_t (*streams_from)() noexcept;

  /// Repeats the pattern, beginning with its byte at `phase` (taken modulo its size), so that a
  /// fill can be done in slices: each has the offset of its first byte as phase.
  void (*fill)(std::byte* to, std::size_t bytes, const Pattern& pattern,
               std::size_t phase) noexcept;

  /// CRC-32C (Castagnoli). Begin with seed 0; both inversions are inside, as in zlib's crc32(), so
  /// the result is the finished checksum (0xE3069283 for "123456789") and also the seed for the
  /// bytes behind: crc32c(crc32c(s, a), b) == crc32c(s, ab).
  [[nodiscard]] std::uint32_t crc32c(std::uint32_t seed, const std::byte* from,
                                     std::size_t bytes) const noexcept {
    return crc32c_of(seed, from, bytes, bytes);
  }

  /// copy() and crc32c() in one pass over the memory.
  std::uint32_t copy_crc32c(std::uint32_t seed, std::byte* to, const std::byte* from,
                            std::size_t bytes) const noexcept {
    return copy_crc32c_of(seed, to, from, bytes, bytes);
  }

  /// The same of a slice of `bytes`, in the way that suits a range of `whole` bytes.
  std::uint32_t (*crc32c_of)(std::uint32_t seed, const std::byte* from, std::size_t bytes,
                             std::size_t whole) noexcept;
  std::uint32_t (*copy_crc32c_of)(std::uint32_t seed, std::byte* to, const std::byte* from,
                                  std::size_t bytes, std::size_t whole) noexcept;

  /// The offset of the first difference, or `bytes` when there is none.
  std::size_t (*mismatch)(const std::byte* a, const std::byte* b, std::size_t bytes) noexcept;
};

/// Standard C++ and memcpy: runs everywhere.
[[nodiscard]] const Kernels& portable() noexcept;

/// AVX2, PCLMULQDQ and the crc32 instruction; nullptr where the build or the processor has none.
[[nodiscard]] const Kernels* avx2() noexcept;

/// AVX-512 (F, BW, VL) and VPCLMULQDQ; nullptr where the build or the processor has none.
[[nodiscard]] const Kernels* avx512() noexcept;

/// The last of these three that there is; chosen at the first call. Keep the reference.
[[nodiscard]] const Kernels& best() noexcept;

}  // namespace bellpull::engine::kernels
