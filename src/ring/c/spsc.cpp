// SPDX-License-Identifier: BSD-2-Clause
#include "spsc.hpp"

#include <cstddef>
#include <cstring>
#include <span>

#include "bellpull/ring/spsc_positions.hpp"

namespace bellpull::ring::c {
namespace {

// Slots of values whose size is known at run time only.
struct ByteSlots {
  std::byte* data = nullptr;
  std::uint32_t mask = 0;
  std::uint32_t element_bytes = 0;

  explicit ByteSlots(const ValueMemory& memory) noexcept
      : data(memory.elements), mask(memory.slots - 1), element_bytes(memory.element_bytes) {}
  ByteSlots() = default;

  void runs(std::uint64_t position, std::uint32_t count, bp_run* to) const noexcept {
    const auto begin = static_cast<std::uint32_t>(position & mask);
    const std::uint32_t to_end = mask + 1 - begin;
    const std::uint32_t first = count < to_end ? count : to_end;
    to[0] = {data + std::size_t{begin} * element_bytes, first};
    to[1] = {data, count - first};
  }
  [[nodiscard]] std::size_t bytes(const bp_run& run) const noexcept {
    return std::size_t{run.count} * element_bytes;
  }
};

struct Producer {
  detail::SpscProducerPositions<Untrusted, NativeAccess> positions;
  ByteSlots slots;
  std::uint32_t reserved = 0;
  ProducerCounters counters;
};

struct Consumer {
  detail::SpscConsumerPositions<Untrusted, NativeAccess> positions;
  ByteSlots slots;
  ConsumerCounters counters;
};

// Attaches the half anew; on an error it is as it was.
template <class Half, class Handle>
int attach(Handle* handle, const bp_spsc* ring) noexcept {
  const ValueMemory* const memory = in<ValueMemory>(ring);
  if (memory == nullptr) return BP_NULL_PART;
  Half half;
  if (const SetupError error = half.positions.start(*memory); error != SetupError::none) {
    return number(error);
  }
  half.slots = ByteSlots(*memory);
  Opaque<Half, Handle>(handle).make() = half;
  return BP_OK;
}

std::uint32_t reserve(Producer& producer, std::uint32_t most, bp_run* runs) noexcept {
  producer.reserved = producer.positions.room(most, producer.counters);
  if (producer.reserved == 0) producer.counters.full += most;
  producer.slots.runs(producer.positions.tail(), producer.reserved, runs);
  return producer.reserved;
}

// How many of `count` slots are to be shown; the reservation ends.
std::uint32_t end(Producer& producer, std::uint32_t count) noexcept {
  if (count > producer.reserved) {
    count = producer.reserved;
    ++producer.counters.misuses;
  }
  producer.counters.cancelled += producer.reserved - count;
  producer.reserved = 0;
  if (count != 0) ++producer.counters.publishes;
  producer.counters.values += count;
  return count;
}

std::uint32_t end(Consumer& consumer, std::uint32_t count) noexcept {
  if (count > consumer.positions.known_ready()) {
    count = consumer.positions.known_ready();
    ++consumer.counters.misuses;
  }
  if (count != 0) ++consumer.counters.releases;
  consumer.counters.values += count;
  return count;
}

int tell(bool asks, std::uint64_t& bells, std::uint64_t& suppressed) noexcept {
  ++(asks ? bells : suppressed);
  return asks ? 1 : 0;
}

}  // namespace
}  // namespace bellpull::ring::c

using namespace bellpull::ring;  // NOLINT(google-build-using-namespace): all below is C
using c::Consumer, c::in, c::Producer;

std::uint64_t bp_spsc_bytes(std::uint32_t capacity, std::uint32_t element_bytes,
                            std::uint32_t element_align) {
  return value_ring_bytes(
      ValueRing::spsc,
      {.capacity = capacity, .element_bytes = element_bytes, .element_align = element_align});
}

int bp_spsc_format(bp_spsc* ring, void* memory, std::uint64_t bytes, std::uint32_t capacity,
                   std::uint32_t element_bytes, std::uint32_t element_align) {
  ValueMemory found;
  const SetupError error = format_value_ring(
      {static_cast<std::byte*>(memory), bytes}, ValueRing::spsc,
      {.capacity = capacity, .element_bytes = element_bytes, .element_align = element_align},
      found);
  if (error == SetupError::none) c::SpscHandle(ring).make() = found;
  return c::number(error);
}

int bp_spsc_open(bp_spsc* ring, void* memory, std::uint64_t bytes, std::uint32_t element_bytes,
                 std::uint32_t element_align) {
  ValueMemory found;
  const SetupError error = open_value_ring({static_cast<std::byte*>(memory), bytes},
                                           ValueRing::spsc, element_bytes, element_align, found);
  if (error == SetupError::none) c::SpscHandle(ring).make() = found;
  return c::number(error);
}

std::uint32_t bp_spsc_capacity(const bp_spsc* ring) {
  const ValueMemory* const memory = in<ValueMemory>(ring);
  return memory == nullptr ? 0 : memory->capacity;
}

int bp_producer_attach(bp_producer* producer, const bp_spsc* ring) {
  return c::attach<Producer>(producer, ring);
}

std::uint32_t bp_producer_reserve(bp_producer* producer, std::uint32_t most, bp_run runs[2]) {
  runs[0] = runs[1] = bp_run{};
  auto* const half = in<Producer>(producer);
  return half == nullptr ? 0 : c::reserve(*half, most, runs);
}

void bp_producer_commit(bp_producer* producer, std::uint32_t count) {
  auto* const half = in<Producer>(producer);
  if (half == nullptr) return;
  if (const std::uint32_t shown = c::end(*half, count); shown != 0) half->positions.publish(shown);
}

int bp_producer_commit_and_test(bp_producer* producer, std::uint32_t count) {
  auto* const half = in<Producer>(producer);
  if (half == nullptr) return 0;
  const std::uint32_t shown = c::end(*half, count);
  if (shown == 0) return 0;
  return c::tell(half->positions.publish_and_test(shown), half->counters.bells,
                 half->counters.bells_suppressed);
}

std::uint32_t bp_producer_push(bp_producer* producer, const void* values, std::uint32_t count) {
  bp_run to[2];
  const std::uint32_t room = bp_producer_reserve(producer, count, to);
  if (room == 0) return 0;
  auto* const half = in<Producer>(producer);
  if (room < count) half->counters.full += count - room;
  const auto* from = static_cast<const std::byte*>(values);
  std::memcpy(to[0].data, from, half->slots.bytes(to[0]));
  if (to[1].count != 0) {
    std::memcpy(to[1].data, from + half->slots.bytes(to[0]), half->slots.bytes(to[1]));
  }
  bp_producer_commit(producer, room);
  return room;
}

int bp_producer_arm(bp_producer* producer) {
  auto* const half = in<Producer>(producer);
  return half != nullptr && half->positions.arm(half->counters) ? 1 : 0;
}

void bp_producer_disarm(bp_producer* producer) {
  if (auto* const half = in<Producer>(producer)) half->positions.disarm();
}

bp_producer_counters bp_producer_count(const bp_producer* producer) {
  const auto* const half = in<Producer>(producer);
  if (half == nullptr) return {};
  const ProducerCounters& counted = half->counters;
  return {counted.values, counted.publishes,        counted.full,    counted.cancelled,
          counted.bells,  counted.bells_suppressed, counted.misuses, counted.peer_faults};
}

int bp_consumer_attach(bp_consumer* consumer, const bp_spsc* ring) {
  return c::attach<Consumer>(consumer, ring);
}

std::uint32_t bp_consumer_peek(bp_consumer* consumer, std::uint32_t most, bp_run runs[2]) {
  runs[0] = runs[1] = bp_run{};
  auto* const half = in<Consumer>(consumer);
  if (half == nullptr) return 0;
  const std::uint32_t count = half->positions.ready(most, half->counters);
  half->slots.runs(half->positions.head(), count, runs);
  return count;
}

void bp_consumer_release(bp_consumer* consumer, std::uint32_t count) {
  auto* const half = in<Consumer>(consumer);
  if (half == nullptr) return;
  if (const std::uint32_t free = c::end(*half, count); free != 0) half->positions.release(free);
}

int bp_consumer_release_and_test(bp_consumer* consumer, std::uint32_t count) {
  auto* const half = in<Consumer>(consumer);
  if (half == nullptr) return 0;
  const std::uint32_t free = c::end(*half, count);
  if (free == 0) return 0;
  return c::tell(half->positions.release_and_test(free), half->counters.bells,
                 half->counters.bells_suppressed);
}

std::uint32_t bp_consumer_pop(bp_consumer* consumer, void* values, std::uint32_t count) {
  bp_run from[2];
  const std::uint32_t waiting = bp_consumer_peek(consumer, count, from);
  if (waiting == 0) return 0;
  const auto* const half = in<Consumer>(consumer);
  auto* const to = static_cast<std::byte*>(values);
  std::memcpy(to, from[0].data, half->slots.bytes(from[0]));
  if (from[1].count != 0) {
    std::memcpy(to + half->slots.bytes(from[0]), from[1].data, half->slots.bytes(from[1]));
  }
  bp_consumer_release(consumer, waiting);
  return waiting;
}

int bp_consumer_arm(bp_consumer* consumer) {
  auto* const half = in<Consumer>(consumer);
  return half != nullptr && half->positions.arm(half->counters) ? 1 : 0;
}

void bp_consumer_disarm(bp_consumer* consumer) {
  if (auto* const half = in<Consumer>(consumer)) half->positions.disarm();
}

bp_consumer_counters bp_consumer_count(const bp_consumer* consumer) {
  const auto* const half = in<Consumer>(consumer);
  if (half == nullptr) return {};
  const ConsumerCounters& counted = half->counters;
  return {counted.values, counted.releases,         counted.empty,   counted.most_waiting,
          counted.bells,  counted.bells_suppressed, counted.misuses, counted.peer_faults};
}
