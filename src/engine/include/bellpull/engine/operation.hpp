// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <initializer_list>

namespace bellpull::engine {

/// What a transfer does. The values stay what they are: they are in records and in programs.
enum class Operation : std::uint8_t {
  write = 0,        ///< stream: the device takes the bytes of the source
  read = 1,         ///< stream: the device fills as much of the destination as it has
  nop = 2,          ///< nothing, in its turn (dmaengine's DMA_INTERRUPT)
  copy = 3,         ///< the source to the destination, which is as long (DMA_MEMCPY, DMA_SG)
  fill = 4,         ///< the destination with a pattern of 1 to 8 bytes (DMA_MEMSET)
  crc32c = 5,       ///< the checksum of the source (RFC 3720 section 12.1, Castagnoli)
  copy_crc32c = 6,  ///< copy and crc32c at once
  compare = 7,      ///< the source with the destination, which is as long and only read
};

/// How many operations there are.
inline constexpr unsigned kOperations = 8;

/// Operations that something can do.
class OperationSet {
 public:
  /// None.
  constexpr OperationSet() = default;
  /// Those that are named.
  constexpr OperationSet(std::initializer_list<Operation> operations) noexcept {
    for (const Operation operation : operations) bits_ |= bit(operation);
  }
  /// Whether `operation` is one of them. False for a value that names no operation.
  [[nodiscard]] constexpr bool contains(Operation operation) const noexcept {
    return static_cast<unsigned>(operation) < kOperations && (bits_ & bit(operation)) != 0;
  }
  /// Whether all of `others` are among them.
  [[nodiscard]] constexpr bool contains(OperationSet others) const noexcept {
    return (others.bits_ & ~bits_) == 0;
  }
  /// Whether there is none.
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  /// Those that are in either.
  [[nodiscard]] constexpr OperationSet operator|(OperationSet others) const noexcept {
    others.bits_ |= bits_;
    return others;
  }
  /// Whether both name the same operations.
  constexpr bool operator==(const OperationSet&) const = default;

 private:
  [[nodiscard]] static constexpr std::uint32_t bit(Operation operation) noexcept {
    return 1U << static_cast<unsigned>(operation);
  }
  std::uint32_t bits_ = 0;
};

/// The operations of operation channels; a stream channel has `read` or `write`.
inline constexpr OperationSet kMemoryOperations{Operation::nop,         Operation::copy,
                                                Operation::fill,        Operation::crc32c,
                                                Operation::copy_crc32c, Operation::compare};

/// Whether the operation reads a source.
[[nodiscard]] constexpr bool reads_source(Operation operation) noexcept {
  return OperationSet{Operation::write, Operation::copy, Operation::crc32c, Operation::copy_crc32c,
                      Operation::compare}
      .contains(operation);
}
/// Whether the operation names a destination; `compare` only reads it.
[[nodiscard]] constexpr bool has_destination(Operation operation) noexcept {
  return OperationSet{Operation::read, Operation::copy, Operation::fill, Operation::copy_crc32c,
                      Operation::compare}
      .contains(operation);
}
/// Whether the operation changes its destination.
[[nodiscard]] constexpr bool writes_destination(Operation operation) noexcept {
  return has_destination(operation) && operation != Operation::compare;
}

/// Whether its result is a checksum.
[[nodiscard]] constexpr bool makes_checksum(Operation operation) noexcept {
  return OperationSet{Operation::crc32c, Operation::copy_crc32c}.contains(operation);
}

/// Its name, as programs print and parse it.
[[nodiscard]] constexpr const char* name_of(Operation operation) noexcept {
  switch (operation) {
    case Operation::write:
      return "write";
    case Operation::read:
      return "read";
    case Operation::nop:
      return "nop";
    case Operation::copy:
      return "copy";
    case Operation::fill:
      return "fill";
    case Operation::crc32c:
      return "crc32c";
    case Operation::copy_crc32c:
      return "copy_crc32c";
    case Operation::compare:
      return "compare";
  }
  return "unknown";
}

}  // namespace bellpull::engine
