// SPDX-License-Identifier: BSD-2-Clause
// Where the parts of a value ring lie, which shapes and headers are refused, and what does not
// compile.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "seeds.hpp"
#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

template <class T>
void check_blocks(ValueRing kind, std::uint32_t capacity, std::uint32_t producers) {
  const ValueShape shape = shape_of<T>(capacity, producers);
  const ValueHeap heap(kind, shape);
  const ValueMemory& memory = heap.memory();
  const auto block = [&](const void* at) {
    return (static_cast<const std::byte*>(at) - heap.bytes().data()) / 128;
  };
  const ValueControl& control = heap.control();
  std::vector<std::ptrdiff_t> blocks = {
      block(&control.header),      block(&control.tail.value),
      block(&control.head.value),  block(&control.data_event.value),
      block(&control.floor.value), block(&control.space_event.value)};
  for (std::uint32_t i = 0; i < memory.producers && memory.notes != nullptr; ++i) {
    blocks.push_back(block(&memory.notes[i].value));
  }
  std::ptrdiff_t last = *std::max_element(blocks.begin(), blocks.end());
  if (memory.tags != nullptr) {
    CHECK(block(memory.tags) > block(&control.floor.value));
    CHECK(block(memory.tags + memory.slots - 1) < block(memory.notes));
  }
  CHECK(std::set(blocks.begin(), blocks.end()).size() == blocks.size());
  CHECK(block(memory.elements) > last);
  CHECK(reinterpret_cast<std::uintptr_t>(memory.elements) % 128 == 0);
  // A whole block of nothing stands behind the elements.
  const std::byte* const end = memory.elements + std::size_t{memory.slots} * sizeof(T);
  CHECK(block(end - 1) + 2 == block(heap.bytes().data() + heap.bytes().size()));
}

TEST_CASE("check 29: header, indices, event words, notes, tags, elements share no block of 128") {
  static_assert(sizeof(ValueWord) == 128 && alignof(ValueWord) == 128 && kCacheLine == 128);
  static_assert(sizeof(ValueControl) == 6 * 128);
  static_assert(offsetof(ValueControl, tail) == 128 && offsetof(ValueControl, floor) == 5 * 128);
  for (const std::uint32_t capacity : kCapacities) {
    for (const std::uint32_t producers : {1U, 2U, 17U}) {
      check_blocks<std::uint64_t>(ValueRing::mpsc, capacity, producers);
      check_blocks<unsigned char>(ValueRing::mpsc, capacity, producers);
    }
    check_blocks<std::uint64_t>(ValueRing::spsc, capacity, 1);
    check_blocks<std::array<char, 129>>(ValueRing::spsc, capacity, 1);
    check_blocks<std::uint64_t>(ValueRing::overwrite, capacity, 1);
  }
}

TEST_CASE("check 29: the two halves of a ring of one's own share no block of 128") {
  const auto ring = std::make_unique<SpscRing<std::uint64_t>>();
  const auto block = [](const void* at) { return reinterpret_cast<std::uintptr_t>(at) / 128; };
  const auto* const producer = reinterpret_cast<const std::byte*>(&ring->producer());
  const auto* const consumer = reinterpret_cast<const std::byte*>(&ring->consumer());
  CHECK(block(producer + sizeof(ring->producer()) - 1) < block(consumer));
}

TEST_CASE("zero and absurd shapes are refused with the rule that was broken, and nothing written") {
  struct Case {
    ValueShape shape;
    ValueRing kind;
    SetupError error;
  };
  constexpr ValueShape kGood{.capacity = 4, .element_bytes = 8, .element_align = 8};
  const auto with = [&](auto change) {
    ValueShape shape = kGood;
    change(shape);
    return shape;
  };
  const std::vector<Case> cases = {
      {with([](auto& s) { s.capacity = 0; }), ValueRing::spsc, SetupError::capacity_zero},
      {with([](auto& s) { s.capacity = (1U << 30U) + 1; }), ValueRing::spsc,
       SetupError::capacity_too_large},
      {with([](auto& s) { s.capacity = 0xffffffff; }), ValueRing::mpsc,
       SetupError::capacity_too_large},
      {with([](auto& s) { s.element_bytes = 0; }), ValueRing::spsc, SetupError::element_unfit},
      {with([](auto& s) { s.element_bytes = 65544; }), ValueRing::spsc, SetupError::element_unfit},
      {with([](auto& s) { s.element_bytes = 12; }), ValueRing::spsc, SetupError::element_unfit},
      {with([](auto& s) { s.element_align = 0; }), ValueRing::spsc, SetupError::element_unfit},
      {with([](auto& s) { s.element_align = 3; }), ValueRing::spsc, SetupError::element_unfit},
      {with([](auto& s) { s.element_align = s.element_bytes = 256; }), ValueRing::spsc,
       SetupError::element_unfit},
      {with([](auto& s) { s.producers = 0; }), ValueRing::mpsc, SetupError::producers_unfit},
      {with([](auto& s) { s.producers = 1025; }), ValueRing::mpsc, SetupError::producers_unfit},
      {with([](auto& s) { s.producers = 2; }), ValueRing::spsc, SetupError::producers_unfit},
  };
  const AlignedBytes bytes(1 << 20, 128);
  const std::vector<std::byte> before(bytes.data(), bytes.data() + bytes.size());
  for (const Case& one : cases) {
    ValueMemory memory;
    CHECK(value_ring_bytes(one.kind, one.shape) == 0);
    CHECK(format_value_ring(bytes.span(), one.kind, one.shape, memory) == one.error);
    CHECK(memory.control == nullptr);
    RingStorage storage;
    CHECK(storage.make(one.kind, one.shape) == one.error);
  }
  ValueMemory memory;
  CHECK(format_value_ring({}, ValueRing::spsc, kGood, memory) == SetupError::null_part);
  CHECK(format_value_ring(bytes.span().subspan(64), ValueRing::spsc, kGood, memory) ==
        SetupError::ring_misaligned);
  const std::uint64_t needed = value_ring_bytes(ValueRing::spsc, kGood);
  CHECK(format_value_ring(bytes.span().first(needed - 1), ValueRing::spsc, kGood, memory) ==
        SetupError::memory_too_short);
  CHECK(std::equal(before.begin(), before.end(), bytes.data()));
  CHECK(value_ring_bytes(ValueRing::mpsc,
                         {.capacity = 1U << 30U, .element_bytes = 1U << 16U, .producers = 1024}) >
        std::uint64_t{1} << 46U);
}

TEST_CASE(
    "check 18: a header of another version, kind, element or size is refused, and not a word "
    "of it believed before") {
  const ValueHeap heap(ValueRing::mpsc, shape_of<std::uint64_t>(5, 3));
  const ValueHeader good = heap.control().header;
  const auto open = [&](std::size_t bytes) {
    ValueMemory memory;
    const SetupError error =
        open_value_ring(heap.bytes().first(bytes), ValueRing::mpsc, 8, 8, memory);
    CHECK((memory.control == nullptr) == (error != SetupError::none));
    return error;
  };
  const auto broken = [&](auto change) {
    ValueHeader& header = heap.control().header;
    change(header);
    const SetupError error = open(heap.bytes().size());
    header = good;
    return error;
  };
  CHECK(open(heap.bytes().size()) == SetupError::none);
  CHECK(open(heap.bytes().size() - 1) == SetupError::memory_too_short);
  CHECK(open(sizeof(ValueControl)) == SetupError::memory_too_short);
  CHECK(open(sizeof(ValueControl) - 1) == SetupError::memory_too_short);
  CHECK(broken([](auto& h) { ++h.magic; }) == SetupError::not_a_ring);
  CHECK(broken([](auto& h) { ++h.version; }) == SetupError::other_version);
  CHECK(broken([](auto& h) { h.kind = 1; }) == SetupError::other_kind);
  CHECK(broken([](auto& h) { h.kind = 77; }) == SetupError::other_kind);
  CHECK(broken([](auto& h) { h.capacity = 0; }) == SetupError::capacity_zero);
  CHECK(broken([](auto& h) { h.capacity = 0xffffffff; }) == SetupError::capacity_too_large);
  CHECK(broken([](auto& h) { h.capacity = 9; }) == SetupError::state_invalid);
  CHECK(broken([](auto& h) { h.slots = 16; }) == SetupError::state_invalid);
  CHECK(broken([](auto& h) { h.slots = 0; }) == SetupError::state_invalid);
  CHECK(broken([](auto& h) { ++h.bytes; }) == SetupError::state_invalid);
  CHECK(broken([](auto& h) { h.producers = 0; }) == SetupError::producers_unfit);
  CHECK(broken([](auto& h) { h.producers = 1024; }) == SetupError::state_invalid);
  CHECK(broken([](auto& h) { h.element_bytes = 16; }) == SetupError::other_element);
  CHECK(broken([](auto& h) { h.element_align = 4; }) == SetupError::other_element);
  CHECK(broken([](auto& h) { h.element_align = 0; }) == SetupError::element_unfit);
  CHECK(broken([](auto& h) {
          h.capacity = 1U << 30U;
          h.slots = 1U << 30U;
          h.bytes = value_ring_bytes(ValueRing::mpsc, shape_of<std::uint64_t>(1U << 30U, 3));
        }) == SetupError::memory_too_short);
}

TEST_CASE("check 18: whatever stands in a header, what is opened lies in its memory") {
  std::mt19937_64 random(announce_seed("value header", 7));
  const ValueHeap heap(ValueRing::mpsc, shape_of<std::uint64_t>(64, 2));
  const ValueHeader good = heap.control().header;
  std::uint64_t opened = 0;
  for (unsigned round = 0; round < 200'000; ++round) {
    std::array<std::byte, sizeof(ValueHeader)> raw;
    std::memcpy(raw.data(), &good, sizeof good);
    const std::size_t changes = random() % 3;
    for (std::size_t i = 0; i < changes; ++i) raw[random() % 40] ^= std::byte(1U << random() % 8);
    std::memcpy(&heap.control().header, raw.data(), sizeof raw);
    ValueMemory memory;
    if (open_value_ring(heap.bytes(), ValueRing::mpsc, 8, 8, memory) != SetupError::none) continue;
    ++opened;
    const std::byte* const end = heap.bytes().data() + heap.bytes().size();
    CHECK(memory.capacity <= memory.slots);
    CHECK(memory.elements + std::size_t{memory.slots} * 8 <= end);
    CHECK(reinterpret_cast<std::byte*>(memory.notes + memory.producers) <= memory.elements);
    CHECK(reinterpret_cast<std::byte*>(memory.tags + memory.slots) <=
          reinterpret_cast<std::byte*>(memory.notes));
  }
  CHECK(opened > 50'000);  // those that were not changed
}

TEST_CASE_TEMPLATE(
    "a half is refused a ring of another kind or element, or with impossible indices", K,
    Spsc<std::uint64_t>, Mpsc<std::uint64_t>, Overwrite<std::uint64_t>) {
  using Next =
      std::conditional_t<K::kRing == ValueRing::spsc, Mpsc<std::uint64_t>, Spsc<std::uint64_t>>;
  const ValueHeap other(Next::kRing, shape_of<std::uint64_t>(4));
  const ValueHeap half(K::kRing, shape_of<std::uint32_t>(4));
  typename K::Producer producer;
  typename K::Consumer consumer;
  CHECK(K::attach(producer, {}) == SetupError::null_part);
  CHECK(consumer.attach({}) == SetupError::null_part);
  CHECK(K::attach(producer, other.memory()) == SetupError::other_kind);
  CHECK(consumer.attach(other.memory()) == SetupError::other_kind);
  CHECK(K::attach(producer, half.memory()) == SetupError::other_element);
  CHECK(consumer.attach(half.memory()) == SetupError::other_element);
  CHECK(!producer.attached());
  CHECK(!consumer.attached());
  const ValueHeap wrong(K::kRing, shape_of<std::uint64_t>(4));
  wrong.control().tail.value = 5;
  if constexpr (K::kRing != ValueRing::overwrite) {
    CHECK(consumer.attach(wrong.memory()) == SetupError::state_invalid);
    if constexpr (K::kRing == ValueRing::spsc) {
      CHECK(K::attach(producer, wrong.memory()) == SetupError::state_invalid);
    }
  }
}

template <class Half, class T>
concept PushesCopy = requires(Half half, const T& value) {
  half.push(value);
};
template <class Half, class T>
concept PushesMoved = requires(Half half, T value) {
  half.push(std::move(value));
};
template <class Half, class T>
concept PushesMany = requires(Half half, std::span<const T> values) {
  half.push(values);
};
template <class Half>
concept FillsInPlace = requires(Half half) {
  half.reserve(1U).slots();
};
template <class Half, class... Arguments>
concept Emplaces = requires(Half half, Arguments... arguments) {
  half.reserve(1U).emplace(arguments...);
};
template <class Half>
concept CommitsSome = requires(Half half) {
  half.reserve(1U).commit(1U);
};
template <class Half>
concept Pops = requires(Half half) {
  half.pop();
};
template <class Half>
concept Reserves = requires(Half half) {
  half.reserve(1U);
};
template <class Half, class T>
concept PopsMany = requires(Half half, std::span<T> values) {
  half.pop(values);
};

/// Can be moved only, and made of an int that may throw.
struct Moved {
  explicit Moved(int);
  Moved(Moved&&) noexcept;
  ~Moved();
};

TEST_CASE("check 30: what must not compile does not") {
  using Plain = SpscProducer<std::uint64_t>;
  using Alive = SpscProducer<std::unique_ptr<int>>;
  using AliveMany = MpscProducer<std::unique_ptr<int>>;
  static_assert(PushesCopy<Plain, std::uint64_t> && PushesMany<Plain, std::uint64_t>);
  // A value with a life of its own is moved, never copied byte by byte.
  static_assert(!PushesCopy<Alive, std::unique_ptr<int>> &&
                PushesMoved<Alive, std::unique_ptr<int>>);
  static_assert(!PushesCopy<AliveMany, std::unique_ptr<int>> &&
                PushesMoved<AliveMany, std::unique_ptr<int>>);
  static_assert(!PushesMany<Alive, std::unique_ptr<int>>);
  static_assert(!PopsMany<SpscConsumer<std::unique_ptr<int>>, std::unique_ptr<int>>);
  // It is emplaced, and exactly the emplaced ones are shown; others are filled in place.
  static_assert(FillsInPlace<Plain> && CommitsSome<Plain> && !Emplaces<Plain, std::uint64_t>);
  static_assert(!FillsInPlace<Alive> && !CommitsSome<Alive> && Emplaces<Alive, int*>);
  // Making a value in the ring must not throw.
  static_assert(!Emplaces<SpscProducer<Moved>, int>);
  static_assert(!PopsMany<MpscConsumer<std::unique_ptr<int>>, std::unique_ptr<int>>);
  // The wrong half.
  static_assert(!Pops<Plain> && Reserves<Plain> && !Reserves<SpscConsumer<std::uint64_t>>);
  static_assert(!Pops<AliveMany> && !Reserves<MpscConsumer<std::uint64_t>>);
  static_assert(!Reserves<OverwriteProducer<std::uint64_t>>);  // it may overtake a reservation
  // Halves and reservations are not copied, and a half stays where it is.
  static_assert(!std::is_copy_constructible_v<Plain> && !std::is_move_constructible_v<Plain>);
  static_assert(!std::is_copy_constructible_v<Reservation<Plain>> &&
                std::is_nothrow_move_constructible_v<Reservation<Plain>> &&
                !std::is_move_assignable_v<Reservation<Plain>>);
  CHECK(true);
}

}  // namespace
}  // namespace bellpull::ring::test
