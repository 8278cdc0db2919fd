// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bellpull/engine/operation.hpp"

namespace bellpull::tools::dmatest {

/// Bytes of guard in front of every segment at least, and behind the last one.
inline constexpr std::size_t kGuard = 64;
/// Addresses are misaligned against this.
inline constexpr std::size_t kLine = 64;

/// What transfers may look like.
struct Shape {
  std::vector<engine::Operation> operations;  ///< one of these each time
  std::size_t least = 1;                      ///< bytes
  std::size_t most = 65536;                   ///< bytes
  unsigned segments = 8;                      ///< in a list at most
  std::size_t alignment = 1;                  ///< of addresses and lengths, as the back-end wants
};

/// A segment: where it begins in the memory of its list, and its bytes.
struct Part {
  std::size_t offset;
  std::size_t length;
};

/// One transfer, before it has memory: all that is random about it but its bytes.
struct Plan {
  unsigned thread = 0;                                   ///< that runs it
  std::uint64_t iteration = 0;                           ///< of that thread
  std::uint64_t key = 0;                                 ///< of its random bytes
  engine::Operation operation = engine::Operation::nop;  ///< what it does
  std::size_t length = 0;                                ///< bytes
  std::vector<Part> source;                              ///< empty where there is none
  std::vector<Part> destination;                         ///< empty where there is none
  std::uint64_t pattern = 0;                             ///< fill
  unsigned pattern_bytes = 1;                            ///< fill
  std::uint32_t seed = 0;                                ///< checksums
  /// compare: the first byte that differs; `length` when none does.
  std::size_t differs_at = 0;
};

/// Bytes of memory that a list of any plan of that shape needs.
[[nodiscard]] std::size_t memory_for(const Shape& shape) noexcept;

/// Plans the transfer: the same for the same numbers, whatever went before and whatever the time
/// is. Reuses the memory of `plan`.
void make_plan(const Shape& shape, std::uint64_t seed, unsigned thread, std::uint64_t iteration,
               Plan& plan);

/// A number that is the same for equal plans. Sums of it tell whether two runs did the same.
[[nodiscard]] std::uint64_t digest_of(const Plan& plan) noexcept;

/// The plan in words: operation, length, segments with their misalignment, what else it depends on.
[[nodiscard]] std::string describe(const Plan& plan);

}  // namespace bellpull::tools::dmatest
