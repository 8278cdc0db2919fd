// SPDX-License-Identifier: BSD-2-Clause
// What must not compile, and where things lie. Most of it is decided by the compiler; the tests
// name what was decided.
#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <type_traits>

#include "queue_pair.hpp"

namespace bellpull::ring::test {
namespace {

template <class Half>
concept TakesChains = requires(Half half, std::span<Piece> pieces, Chain chain) {
  half.take(pieces, chain);
};
template <class Half>
concept CompletesChains = requires(Half half, Chain chain) {
  half.complete(chain, 0U);
};
template <class Half>
concept RefreshesChains = requires(Half half) {
  half.refresh();
};
template <class Half>
concept PostsChains = requires(Half half, std::span<const Segment> segments) {
  half.post(segments, segments, std::uint64_t{0});
};
template <class Half>
concept ReservesChains = requires(Half half, std::span<const Segment> segments) {
  half.reserve(segments, segments, std::uint64_t{0});
};
template <class Half>
concept PollsUsed = requires(Half half) {
  half.poll(1U, [](const Used&) {});
};
template <class Half, class Memory, class Options>
concept Attaches = requires(Half half, Memory memory, Options options) {
  half.attach(memory, options);
};

TEST_CASE_TEMPLATE("check 30: the wrong half of a queue does not compile", K, BELLPULL_KINDS) {
  using Driver = typename K::Driver;
  using Device = typename K::Device;
  static_assert(PostsChains<Driver> && ReservesChains<Driver> && PollsUsed<Driver>);
  static_assert(!TakesChains<Driver> && !CompletesChains<Driver> && !RefreshesChains<Driver>);
  static_assert(TakesChains<Device> && CompletesChains<Device> && RefreshesChains<Device>);
  static_assert(!PostsChains<Device> && !ReservesChains<Device> && !PollsUsed<Device>);
  CHECK(true);
}

TEST_CASE("check 30: the memory and the options of the other layout do not compile") {
  static_assert(Attaches<Driver<Split>, SplitMemory, DriverOptions<Split>>);
  static_assert(!Attaches<Driver<Split>, PackedMemory, DriverOptions<Split>>);
  static_assert(!Attaches<Driver<Split>, SplitMemory, DriverOptions<Packed>>);
  static_assert(!Attaches<Driver<Packed>, SplitMemory, DriverOptions<Packed>>);
  static_assert(Attaches<Device<Packed>, PackedMemory, DeviceOptions<Packed>>);
  static_assert(!Attaches<Device<Packed>, SplitMemory, DeviceOptions<Packed>>);
  static_assert(!Attaches<Device<Packed>, PackedMemory, DeviceOptions<Split>>);
  // A device half that looks addresses up needs options that can name a map.
  static_assert(!Attaches<Device<Split, Trusted, RegionMap<>>, SplitMemory, DeviceOptions<Split>>);
  CHECK(true);
}

TEST_CASE_TEMPLATE("check 29: what the two sides write never shares a block of 128 bytes", Layout,
                   Split, Packed) {
  for (const std::uint32_t size : sizes<Layout>()) {
    CAPTURE(size);
    const AlignedBytes region(Layout::bytes(size), 128);
    typename Layout::Memory memory;
    REQUIRE(Layout::place(region.data(), region.size(), size, memory) == SetupError::none);
    const auto block = [](const void* at, std::size_t offset) {
      return (reinterpret_cast<std::uintptr_t>(at) + offset) / 128;
    };
    const auto bytes = part_bytes<Layout>(size);
    const std::uintptr_t descriptors_end = block(memory.desc, bytes[0] - 1);
    if constexpr (kIsSplit<Layout>) {
      CHECK(block(memory.avail, 0) > descriptors_end);
      CHECK(block(memory.used, 0) > block(memory.avail, bytes[1] - 1));
      CHECK(block(region.data(), region.size() - 1) >= block(memory.used, bytes[2] - 1));
      CHECK(block(memory.used, 0) + (bytes[2] + 127) / 128 == block(region.data(), region.size()));
    } else {
      CHECK(block(memory.driver_event, 0) > descriptors_end);
      CHECK(block(memory.device_event, 0) > block(memory.driver_event, 3));
      CHECK(block(region.data(), region.size()) > block(memory.device_event, 3));
    }
  }
}

TEST_CASE("check 29: event words and entries lie where 2.7 says, for every size") {
  for (std::uint32_t size = 1; size <= kMaxQueueSize; size *= 2) {
    CAPTURE(size);
    const AlignedBytes region(split_offsets(size).end, 128);
    SplitMemory memory;
    REQUIRE(place_split(region.data(), region.size(), size, memory) == SetupError::none);
    const auto offset_of = [&](const void* part) {
      return static_cast<std::size_t>(static_cast<const std::byte*>(part) - region.data());
    };
    const std::size_t avail = offset_of(memory.avail);
    const std::size_t used = offset_of(memory.used);
    CHECK(offset_of(memory.desc) == 0);
    CHECK(offset_of(&memory.avail->idx) == avail + 2);
    CHECK(offset_of(memory.avail->ring) == avail + 4);
    CHECK(offset_of(&used_event_word(memory)) == avail + 4 + 2 * std::size_t{size});
    CHECK(offset_of(&memory.used->idx) == used + 2);
    CHECK(offset_of(memory.used->ring) == used + 4);
    CHECK(offset_of(&avail_event_word(memory)) == used + 4 + 8 * std::size_t{size});
  }
}

TEST_CASE("check 29: the structures are as wide as the specification says") {
  static_assert(sizeof(PackedDescriptor) == 16 && alignof(PackedDescriptor) == 8);
  static_assert(sizeof(vring_desc) == 16 && sizeof(vring_used_elem) == 8);
  static_assert(std::is_trivially_copyable_v<DriverSlot> && std::is_trivially_copyable_v<Chain>);
  static_assert(std::is_trivially_copyable_v<DriverState> &&
                std::is_trivially_copyable_v<DeviceState> &&
                std::is_trivially_copyable_v<InFlight>);
  // Laid out as `struct iovec`: pieces go to readv() as they are.
  static_assert(offsetof(Piece, data) == 0 && offsetof(Piece, length) == sizeof(void*) &&
                sizeof(Piece) == 2 * sizeof(void*));
  static_assert(kCacheLine == 128);
  CHECK(true);
}

}  // namespace
}  // namespace bellpull::ring::test
