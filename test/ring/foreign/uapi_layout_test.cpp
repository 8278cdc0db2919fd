// SPDX-License-Identifier: BSD-2-Clause
// The kernel's header as another reader of the specification: sizes, places, fields, numbers.
#include "ring/foreign/uapi_layout.h"

#include <doctest/doctest.h>
#include <linux/virtio_config.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::ring::test::foreign {

namespace {

static_assert(sizeof(vring_desc) == sizeof(Split::TableEntry));
static_assert(sizeof(vring_packed_desc) == sizeof(Packed::TableEntry));
static_assert(sizeof(vring_packed_desc_event) == kPackedEventBytes);
static_assert(offsetof(vring_avail, flags) == 0 && offsetof(vring_avail, idx) == 2 &&
              offsetof(vring_avail, ring) == 4);
static_assert(offsetof(vring_used, flags) == 0 && offsetof(vring_used, idx) == 2 &&
              offsetof(vring_used, ring) == 4);

static_assert(Features::kIndirectDesc == std::uint64_t{1} << VIRTIO_RING_F_INDIRECT_DESC);
static_assert(Features::kEventIdx == std::uint64_t{1} << VIRTIO_RING_F_EVENT_IDX);
static_assert(Features::kRingPacked == std::uint64_t{1} << VIRTIO_F_RING_PACKED);
static_assert(Features::kInOrder == std::uint64_t{1} << VIRTIO_F_IN_ORDER);
#ifdef VIRTIO_F_NOTIFICATION_DATA
static_assert(Features::kNotificationData == std::uint64_t{1} << VIRTIO_F_NOTIFICATION_DATA);
#endif
#ifdef VIRTIO_F_RING_RESET
static_assert(Features::kRingReset == std::uint64_t{1} << VIRTIO_F_RING_RESET);
#endif

constexpr std::uint64_t kSeed = 20'240'611;
constexpr unsigned kRounds = 100'000;

/// Memory for a queue as vring_init() places it.
struct Legacy {
  Legacy(std::uint32_t size, std::size_t align)
      : bytes(std::size_t{32} * size + 3 * align + 64), start(bytes.data()) {
    start += (align - reinterpret_cast<std::uintptr_t>(start) % align) % align;
    places = uapi_place(start, size, align);
    memory = {size, reinterpret_cast<vring_desc*>(start),
              reinterpret_cast<vring_avail*>(start + places.avail),
              reinterpret_cast<vring_used*>(start + places.used)};
  }

  std::vector<std::byte> bytes;
  std::byte* start;
  uapi_places places{};
  SplitMemory memory;
};

template <class Body>
void for_each_split_size(Body&& body) {
  for (std::uint32_t size = 1; size <= kMaxQueueSize; size *= 2) {
    CAPTURE(size);
    body(size);
  }
}

template <class Value>
std::array<std::byte, sizeof(Value)> bytes_of(const Value& value) {
  std::array<std::byte, sizeof(Value)> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <std::size_t kBytes, class Fill>
std::array<std::byte, kBytes> filled(Fill&& fill) {
  std::array<std::byte, kBytes> bytes{};
  fill(bytes.data());
  return bytes;
}

}  // namespace

TEST_CASE(
    "foreign reading: the parts of a split queue are as long as the kernel's header has them") {
  for_each_split_size([](std::uint32_t size) {
    for (const std::size_t align : {4U, 64U, 128U, 4096U}) {
      CAPTURE(align);
      const Legacy legacy(size, align);
      CHECK(legacy.places.avail == split_desc_bytes(size));
      CHECK(legacy.places.end == legacy.places.used + split_used_bytes(size));
      const std::size_t avail_end = legacy.places.avail + split_avail_bytes(size);
      CHECK(legacy.places.used == (avail_end + align - 1) / align * align);
    }
  });
}

TEST_CASE(
    "foreign reading: a split queue that vring_init() laid out is accepted, with its event words") {
  for_each_split_size([](std::uint32_t size) {
    for (const std::size_t align : {4U, 64U, 128U, 4096U}) {
      CAPTURE(align);
      const Legacy legacy(size, align);
      CHECK(check_split(legacy.memory) == SetupError::none);
      const auto* const used_event = reinterpret_cast<std::byte*>(&used_event_word(legacy.memory));
      const auto* const avail_event =
          reinterpret_cast<std::byte*>(&avail_event_word(legacy.memory));
      CHECK(used_event == legacy.start + legacy.places.used_event);
      CHECK(avail_event == legacy.start + legacy.places.avail_event);
    }
  });
}

TEST_CASE("foreign reading: place_split() and vring_init() agree at the alignment of cache lines") {
  for_each_split_size([](std::uint32_t size) {
    if (split_desc_bytes(size) % kCacheLine != 0) return;  // only ours begins a new line there
    Legacy legacy(size, kCacheLine);
    SplitMemory placed;
    REQUIRE(place_split(legacy.start, legacy.bytes.size() - kCacheLine, size, placed) ==
            SetupError::none);
    CHECK(placed.desc == legacy.memory.desc);
    CHECK(placed.avail == legacy.memory.avail);
    CHECK(placed.used == legacy.memory.used);
  });
}

TEST_CASE("foreign reading: entries and event words are the kernel's structures, byte for byte") {
  std::mt19937_64 random(kSeed);
  CAPTURE(kSeed);
  for (unsigned i = 0; i < 1000; ++i) {
    const std::uint64_t address = random();
    const auto length = static_cast<std::uint32_t>(random());
    const auto one = static_cast<std::uint16_t>(random());
    const auto other = static_cast<std::uint16_t>(random());
    CHECK(bytes_of(make_desc(address, length, one, other)) ==
          filled<16>([&](void* to) { uapi_split_desc(to, address, length, one, other); }));
    CHECK(bytes_of(make_used(length, static_cast<std::uint32_t>(address))) ==
          filled<8>(
              [&](void* to) { uapi_split_used(to, length, static_cast<std::uint32_t>(address)); }));
    CHECK(bytes_of(PackedDescriptor{address, packed_tail(length, one, other)}) ==
          filled<16>([&](void* to) { uapi_packed_desc(to, address, length, one, other); }));
    CHECK(bytes_of(packed_event(one, other)) ==
          filled<4>([&](void* to) { uapi_packed_event(to, one, other); }));
    const std::uint64_t tail = packed_tail(length, one, other);
    CHECK(packed_length(tail) == length);
    CHECK(packed_id(tail) == one);
    CHECK(packed_flags(tail) == other);
  }
}

TEST_CASE("foreign reading: the packed layout's bits are those of the kernel's header") {
  const PackedPosition first(0, 5);
  const PackedPosition second_lap(5, 5);
  CHECK(first.available() == 1U << VRING_PACKED_DESC_F_AVAIL);
  CHECK(first.used() == (1U << VRING_PACKED_DESC_F_AVAIL | 1U << VRING_PACKED_DESC_F_USED));
  CHECK(second_lap.available() == 1U << VRING_PACKED_DESC_F_USED);
  CHECK(second_lap.used() == 0);
  CHECK(first.to_wrap() == 1U << VRING_PACKED_EVENT_F_WRAP_CTR);
  CHECK(second_lap.to_wrap() == 0);
}

TEST_CASE("foreign reading: a notification is due exactly when vring_need_event() says so") {
  std::mt19937_64 random(kSeed);
  CAPTURE(kSeed);
  const auto agree = [](std::uint16_t event, std::uint16_t after, std::uint16_t before) {
    return event_crossed(event, after, before, 0x10000) ==
           (uapi_need_event(event, after, before) != 0);
  };
  unsigned differ = 0;
  for (unsigned i = 0; i < kRounds; ++i) {
    const std::uint64_t word = random();
    const auto before = static_cast<std::uint16_t>(word);
    // Mostly close to each other, where the answer changes.
    const auto after = static_cast<std::uint16_t>(before + (word >> 16) % 40);
    const auto event = static_cast<std::uint16_t>(before + (word >> 32) % 48 - 4);
    differ += agree(event, after, before) ? 0 : 1;
    differ += agree(static_cast<std::uint16_t>(word >> 48), after, before) ? 0 : 1;
    differ += agree(event, static_cast<std::uint16_t>(word >> 48), before) ? 0 : 1;
  }
  CHECK(differ == 0);
}

}  // namespace bellpull::ring::test::foreign
