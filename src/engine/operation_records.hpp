// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bellpull/engine/operation.hpp"
#include "bellpull/ring/cacheline.hpp"

namespace bellpull::engine {

/// What an operation is, beside the ring, indexed by the head id of its chain; the chain itself
/// names the memory, the source first. The driver half writes it before it publishes the chain.
/// Holds no address: whoever maps the region elsewhere reads the same. `bytes` is its version: a
/// reader that knows fewer fields reads those.
///
/// Most transfers are like the one before them in their slot, so the driver half writes a record
/// only when it changes: then its cache line stays where it is, in both cores. That is why the
/// bytes of the transfer are not in it; the chain tells them.
struct alignas(32) RequestRecord {
  static constexpr std::uint8_t kFence = 1;
  static constexpr std::uint8_t kExternalControl = 2;

  std::uint16_t bytes = sizeof(RequestRecord);
  std::uint8_t operation = 0;  // an Operation
  std::uint8_t flags = 0;
  std::uint16_t sources = 0;  // segments of the chain that are the source
  std::uint8_t pattern_bytes = 0;
  std::uint8_t reserved = 0;
  std::uint32_t seed = 0;
  std::uint32_t burst = 0;
  std::uint64_t pattern = 0;
  std::uint64_t reserved_too = 0;
};
static_assert(sizeof(RequestRecord) == 32 &&
              std::has_unique_object_representations_v<RequestRecord>);

/// Whether all bytes are equal, without a detour over the stack.
[[nodiscard]] inline bool same(const RequestRecord& one, const RequestRecord& other) noexcept {
  std::uint64_t differs = 0;
  for (std::size_t at = 0; at < sizeof one; at += sizeof differs) {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, reinterpret_cast<const std::byte*>(&one) + at, sizeof a);
    std::memcpy(&b, reinterpret_cast<const std::byte*>(&other) + at, sizeof b);
    differs |= a ^ b;
  }
  return differs == 0;
}

/// Whether it is what a copy without any wish looks like.
[[nodiscard]] inline bool is_plain_copy(const RequestRecord& record) noexcept {
  constexpr RequestRecord kPlain{
      .operation = static_cast<std::uint8_t>(Operation::copy), .sources = 1, .pattern_bytes = 1};
  return same(record, kPlain);
}

/// What became of it, in the same place of a second array. The device half writes it before it
/// publishes the used entry, but for `progress`. It is not written for what the used length alone
/// says, see plain_length(): so the usual transfer costs no cache line on its way back.
struct alignas(ring::kCacheLine) ResultRecord {
  std::uint16_t bytes = sizeof(ResultRecord);
  std::uint8_t status = 0;  // a Status
  std::uint8_t side = 0;    // a Side
  std::uint16_t segment = 0;
  std::uint16_t reserved = 0;
  std::int32_t error = 0;
  std::uint32_t value = 0;
  std::uint64_t done = 0;
  std::uint64_t cause = 0;
  // Bytes done of a transfer under way; 0 before and after.
  std::atomic<std::uint64_t> progress{0};
};
static_assert(sizeof(ResultRecord) == ring::kCacheLine);

/// The used length that says all about a transfer of `length` bytes: it ended well, and that is how
/// much it wrote. 0 when no length says so, because the operation has a value as well or writes
/// nothing: then the result record does. What did not end well is used with another length.
[[nodiscard]] constexpr std::uint32_t plain_length(Operation operation,
                                                   std::uint64_t length) noexcept {
  const bool plain = operation == Operation::copy || operation == Operation::fill;
  return plain ? static_cast<std::uint32_t>(length) : 0;
}

}  // namespace bellpull::engine
