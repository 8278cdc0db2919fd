// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/value_claim.hpp"  // IWYU pragma: export
#include "bellpull/ring/value_event.hpp"

namespace bellpull::ring {

/// Which kind of value ring a memory holds.
enum class ValueRing : std::uint16_t {
  spsc = 1,       ///< one producer, one consumer
  mpsc = 2,       ///< several producers, one consumer
  overwrite = 3,  ///< one producer that may overwrite, one consumer
};

/// How many producers a ring of several can have.
inline constexpr std::uint32_t kMaxValueProducers = 1024;

/// How a value ring is made.
struct ValueShape {
  std::uint32_t capacity = 0;       ///< values that it holds, from 1 to 2^30; all of them usable
  std::uint32_t element_bytes = 0;  ///< of one value, from 1 to 2^16
  std::uint32_t element_align = 1;  ///< of one value, a power of two up to kCacheLine
  std::uint32_t producers = 1;      ///< how many there can be; mpsc: up to kMaxValueProducers
  std::uint64_t start = 0;          ///< the first position; any, for tests of the turn of numbers
};

/// The head of a value ring's memory: written once by format(), then only read. Offsets and sizes,
/// no addresses. Every field is checked against the memory before another is used.
struct ValueHeader {
  std::uint32_t magic = 0;          ///< kValueMagic
  std::uint16_t version = 0;        ///< kValueVersion
  std::uint16_t kind = 0;           ///< a ValueRing
  std::uint32_t capacity = 0;       ///< see ValueShape
  std::uint32_t slots = 0;          ///< capacity, rounded up to a power of two
  std::uint32_t element_bytes = 0;  ///< see ValueShape
  std::uint32_t element_align = 0;  ///< see ValueShape
  std::uint32_t producers = 0;      ///< see ValueShape
  std::uint32_t reserved = 0;       ///< 0
  std::uint64_t bytes = 0;          ///< of the whole ring, this header included
};

/// What ValueHeader::magic holds.
inline constexpr std::uint32_t kValueMagic = 0x42505652;
/// What ValueHeader::version holds: it changes with the layout.
inline constexpr std::uint16_t kValueVersion = 1;

/// An index or an event word of a value ring, alone on its lines: who writes one never disturbs who
/// reads another.
struct alignas(kCacheLine) ValueWord {
  std::uint64_t value = 0;  ///< a position; positions run freely over 64 bits
};

/// What both sides of a value ring share, before the elements. `Site` says who stores what.
struct alignas(kCacheLine) ValueControl {
  ValueHeader header;     ///< constant
  ValueWord tail;         ///< the next position to fill; several producers: to claim
  ValueWord data_event;   ///< the consumer's event word
  ValueWord head;         ///< the next position to consume
  ValueWord space_event;  ///< the producer's event word
  ValueWord floor;        ///< overwrite: the oldest position that is not overwritten
};

/// Where a value ring lies: what the halves attach to. A view of the caller's memory, with the
/// sizes copied out of it, which a peer may write.
struct ValueMemory {
  ValueControl* control = nullptr;   ///< null: no ring
  ValueRing kind = ValueRing::spsc;  ///< what it was made as
  std::byte* elements = nullptr;     ///< the slots, one after the other
  std::uint32_t* tags = nullptr;     ///< mpsc: one per slot
  ValueWord* notes = nullptr;        ///< mpsc: one per producer
  std::uint32_t capacity = 0;        ///< values
  std::uint32_t slots = 0;           ///< a power of two
  std::uint32_t element_bytes = 0;   ///< of one slot
  std::uint32_t producers = 0;       ///< notes
};

namespace detail {

struct ValueOffsets {
  std::uint64_t tags = 0;
  std::uint64_t notes = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::uint32_t slots = 0;
};

[[nodiscard]] constexpr std::uint64_t line_up(std::uint64_t bytes) noexcept {
  return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

// Tags, notes and elements each begin on lines of their own, and nothing stands on the line behind
// the elements: the next one is fetched with each.
[[nodiscard]] constexpr ValueOffsets value_offsets(ValueRing kind,
                                                   const ValueShape& shape) noexcept {
  ValueOffsets at;
  at.slots = 1;
  while (at.slots < shape.capacity) at.slots *= 2;
  const bool many = kind == ValueRing::mpsc;
  at.tags = sizeof(ValueControl);
  at.notes = line_up(at.tags + (many ? std::uint64_t{at.slots} * sizeof(std::uint32_t) : 0));
  at.elements = at.notes + (many ? std::uint64_t{shape.producers} * sizeof(ValueWord) : 0);
  at.bytes = line_up(at.elements + std::uint64_t{at.slots} * shape.element_bytes) + kCacheLine;
  return at;
}

[[nodiscard]] inline ValueMemory value_view(std::byte* base, const ValueOffsets& at,
                                            const ValueShape& shape, ValueRing kind) noexcept {
  ValueMemory memory;
  memory.kind = kind;
  memory.control = reinterpret_cast<ValueControl*>(base);
  memory.elements = base + at.elements;
  if (kind == ValueRing::mpsc) {
    memory.tags = reinterpret_cast<std::uint32_t*>(base + at.tags);
    memory.notes = reinterpret_cast<ValueWord*>(base + at.notes);
  }
  memory.capacity = shape.capacity;
  memory.slots = at.slots;
  memory.element_bytes = shape.element_bytes;
  memory.producers = shape.producers;
  return memory;
}

[[nodiscard]] constexpr SetupError check_shape(ValueRing kind, const ValueShape& shape) noexcept {
  if (shape.capacity == 0) return SetupError::capacity_zero;
  if (shape.capacity > (1U << 30U)) return SetupError::capacity_too_large;
  const std::uint32_t align = shape.element_align;
  if (shape.element_bytes == 0 || shape.element_bytes > (1U << 16U) || align == 0 ||
      (align & (align - 1)) != 0 || align > kCacheLine || shape.element_bytes % align != 0) {
    return SetupError::element_unfit;
  }
  const std::uint32_t most = kind == ValueRing::mpsc ? kMaxValueProducers : 1;
  if (shape.producers == 0 || shape.producers > most) return SetupError::producers_unfit;
  return SetupError::none;
}

}  // namespace detail

/// The shape of a ring of `capacity` values of the type `T`.
template <class T>
[[nodiscard]] constexpr ValueShape shape_of(std::uint32_t capacity,
                                            std::uint32_t producers = 1) noexcept {
  return {.capacity = capacity,
          .element_bytes = sizeof(T),
          .element_align = alignof(T),
          .producers = producers};
}

/// Bytes of memory that a ring of this shape takes; 0 for a shape that format() refuses.
[[nodiscard]] constexpr std::uint64_t value_ring_bytes(ValueRing kind,
                                                       const ValueShape& shape) noexcept {
  if (detail::check_shape(kind, shape) != SetupError::none) return 0;
  return detail::value_offsets(kind, shape).bytes;
}

/// Makes an empty ring in `bytes`, which begin on a kCacheLine boundary, and says where it is. On
/// an error nothing was written. Nobody else may touch the memory meanwhile.
[[nodiscard]] inline SetupError format_value_ring(std::span<std::byte> bytes, ValueRing kind,
                                                  const ValueShape& shape,
                                                  ValueMemory& memory) noexcept {
  if (const SetupError error = detail::check_shape(kind, shape); error != SetupError::none) {
    return error;
  }
  if (bytes.data() == nullptr) return SetupError::null_part;
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kCacheLine != 0) {
    return SetupError::ring_misaligned;
  }
  const detail::ValueOffsets at = detail::value_offsets(kind, shape);
  if (bytes.size() < at.bytes) return SetupError::memory_too_short;
  const bool many = kind == ValueRing::mpsc;
  memory = detail::value_view(bytes.data(), at, shape, kind);
  ValueControl& control = *memory.control;
  control = ValueControl{};
  control.tail.value = control.head.value = control.floor.value = shape.start;
  control.data_event.value = control.space_event.value = detail::value_event_parked(shape.start);
  for (std::uint32_t i = 0; many && i < at.slots; ++i) {
    // As if the lap before had been consumed.
    const std::uint64_t position = shape.start + i - at.slots;
    memory.tags[position & (at.slots - 1)] = detail::tag_of(position, at.slots, false);
  }
  for (std::uint32_t i = 0; many && i < shape.producers; ++i) memory.notes[i] = ValueWord{};
  control.header = {.magic = kValueMagic,
                    .version = kValueVersion,
                    .kind = static_cast<std::uint16_t>(kind),
                    .capacity = shape.capacity,
                    .slots = at.slots,
                    .element_bytes = shape.element_bytes,
                    .element_align = shape.element_align,
                    .producers = shape.producers,
                    .bytes = at.bytes};
  return SetupError::none;
}

/// Says where the ring is that somebody else, maybe a peer nobody trusts, made in `bytes`. The
/// header is copied once and the copy checked against the memory and against `kind` and the element
/// that the caller expects; nothing is written. The indices are not believed here, but by the
/// halves, each in its own way.
[[nodiscard]] inline SetupError open_value_ring(std::span<std::byte> bytes, ValueRing kind,
                                                std::uint32_t element_bytes,
                                                std::uint32_t element_align,
                                                ValueMemory& memory) noexcept {
  if (bytes.data() == nullptr) return SetupError::null_part;
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kCacheLine != 0) {
    return SetupError::ring_misaligned;
  }
  if (bytes.size() < sizeof(ValueControl)) return SetupError::memory_too_short;
  const ValueHeader header =
      NativeAccess::copy_once(reinterpret_cast<const ValueControl*>(bytes.data())->header);
  if (header.magic != kValueMagic) return SetupError::not_a_ring;
  if (header.version != kValueVersion) return SetupError::other_version;
  if (header.kind != static_cast<std::uint16_t>(kind)) return SetupError::other_kind;
  const ValueShape shape{.capacity = header.capacity,
                         .element_bytes = header.element_bytes,
                         .element_align = header.element_align,
                         .producers = header.producers};
  if (const SetupError error = detail::check_shape(kind, shape); error != SetupError::none) {
    return error;
  }
  if (header.element_bytes != element_bytes || header.element_align != element_align) {
    return SetupError::other_element;
  }
  const detail::ValueOffsets at = detail::value_offsets(kind, shape);
  if (header.slots != at.slots || header.bytes != at.bytes) return SetupError::state_invalid;
  if (bytes.size() < at.bytes) return SetupError::memory_too_short;
  memory = detail::value_view(bytes.data(), at, shape, kind);
  return SetupError::none;
}

}  // namespace bellpull::ring
