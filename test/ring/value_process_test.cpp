// SPDX-License-Identifier: BSD-2-Clause
// Two sides of one region at different addresses: two mappings in one process, and two processes.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>

#include "bellpull/ring/shared_region.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

/// A value that fills more than a word and never looks like an address.
struct Mark {
  std::uint64_t number = 0;
  std::uint64_t check = 0;
};
Mark mark(std::uint64_t number) {
  return {number & 0xffffffff, ~number & 0xffffffff};
}
bool fits(const Mark& value, std::uint64_t number) {
  return value.number == (number & 0xffffffff) && value.check == (~number & 0xffffffff);
}

template <class K>
RegionPlan plan(std::uint32_t capacity, std::uint64_t start) {
  ValueShape shape = shape_of<Mark>(capacity, K::kRing == ValueRing::mpsc ? 2 : 1);
  shape.start = start;
  RegionPlan plan;
  REQUIRE(plan.add_value_ring(K::kRing, shape) == SetupError::none);
  return plan;
}

template <class K>
ValueMemory ring_of(const SharedRegion& region) {
  ValueMemory memory;
  REQUIRE(region.value_ring<Mark>(0, K::kRing, memory) == SetupError::none);
  return memory;
}

/// No word of the region is an address in it, in whichever mapping.
void check_no_address(const SharedRegion& region, const SharedRegion& other) {
  const auto lies_in = [](std::uint64_t value, const SharedRegion& of) {
    return value - reinterpret_cast<std::uintptr_t>(of.bytes().data()) < of.bytes().size();
  };
  const std::span<std::byte> bytes = region.bytes();
  std::uint64_t addresses = 0;
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 4) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    addresses += lies_in(word, region) || lies_in(word, other);
  }
  CHECK(addresses == 0);
}

#define BELLPULL_SHARED Spsc<Mark>, Spsc<Mark, Untrusted>, Mpsc<Mark>, Mpsc<Mark, Untrusted>

TEST_CASE_TEMPLATE("check 19: two mappings in one process share a ring, and no address is in it", K,
                   BELLPULL_SHARED) {
  std::mt19937_64 random(announce_seed("two mappings", 19));
  for (const std::uint32_t capacity : {1U, 5U, 64U}) {
    for (const std::uint64_t start : kStarts) {
      SharedRegion mine, theirs;
      REQUIRE(mine.create("test", plan<K>(capacity, start)));
      REQUIRE(theirs.open(mine.fd()));
      REQUIRE(mine.bytes().data() != theirs.bytes().data());
      typename K::Producer producer;
      typename K::Consumer consumer;
      REQUIRE(K::attach(producer, ring_of<K>(mine)) == SetupError::none);
      REQUIRE(consumer.attach(ring_of<K>(theirs)) == SetupError::none);
      std::uint64_t in = 0, out = 0;
      for (unsigned round = 0; round < 500; ++round) {
        auto batch = producer.reserve(static_cast<std::uint32_t>(random() % (capacity + 1)));
        for (std::uint32_t i = 0; i < batch.size(); ++i) batch.slots()[i] = mark(in++);
        static_cast<void>(batch.commit_and_test());
        static_cast<void>(producer.push(mark(in)) && ++in);
        consumer.poll(static_cast<std::uint32_t>(random() % (capacity + 1)),
                      [&](const Mark& value) { CHECK(fits(value, out++)); });
        if (consumer.arm()) CHECK(in != out);
      }
      auto held = producer.reserve(1);
      check_no_address(mine, theirs);
      CHECK(producer.counters().peer_faults + consumer.counters().peer_faults == 0);
    }
  }
}

/// The producer's side of a run, in a process of its own. Returns its exit status.
template <class K>
int produce(int memfd, const void* other_address, std::uint64_t values) {
  // Something else stands where the parent has the region, and so the mapping comes elsewhere.
  SharedRegion region;
  if (!region.open(memfd)) return 1;
  if (region.bytes().data() == other_address) return 2;
  ValueMemory memory;
  if (region.value_ring<Mark>(0, K::kRing, memory) != SetupError::none) return 3;
  typename K::Producer producer;
  if (K::attach(producer, memory) != SetupError::none) return 4;
  std::mt19937 random(5);
  for (std::uint64_t next = 0; next < values;) {
    auto batch = producer.reserve(static_cast<std::uint32_t>(1 + random() % 7));
    std::uint32_t filled = 0;
    while (filled < batch.size() && next < values) batch.slots()[filled++] = mark(next++);
    if (filled == 0) sched_yield();
    batch.commit(filled);
  }
  return producer.counters().peer_faults == 0 && producer.counters().values == values ? 0 : 5;
}

TEST_CASE_TEMPLATE("check 19: a producer and a consumer in two processes at different addresses", K,
                   BELLPULL_SHARED) {
  const std::uint64_t values = engine::test::scaled(200'000);
  for (const std::uint64_t start : kStarts) {
    CAPTURE(start);
    SharedRegion region;
    REQUIRE(region.create("test", plan<K>(13, start)));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    // The parent's mapping is still there in the child, so that its own one is elsewhere.
    if (child == 0) _exit(produce<K>(region.fd(), region.bytes().data(), values));
    typename K::Consumer consumer;
    REQUIRE(consumer.attach(ring_of<K>(region)) == SetupError::none);
    std::uint64_t out = 0, wrong = 0;
    int status = -1;
    bool ended = false;
    while (out < values) {
      const std::uint32_t count =
          consumer.poll(8, [&](const Mark& value) { wrong += !fits(value, out++); });
      if (count != 0) continue;
      if (ended) break;  // it is gone, and nothing is left of it
      ended = waitpid(child, &status, WNOHANG) == child;
      sched_yield();
    }
    if (!ended) REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(out == values);
    CHECK(wrong == 0);
    CHECK(consumer.counters().peer_faults == 0);
    check_no_address(region, region);
  }
}

TEST_CASE("check 19: a ring that is overwritten is shared by two mappings too") {
  SharedRegion mine, theirs;
  REQUIRE(mine.create("test", plan<Overwrite<Mark>>(5, kStarts.back())));
  REQUIRE(theirs.open(mine.fd()));
  OverwriteProducer<Mark> producer;
  OverwriteConsumer<Mark> consumer;
  REQUIRE(producer.attach(ring_of<Overwrite<Mark>>(mine)) == SetupError::none);
  REQUIRE(consumer.attach(ring_of<Overwrite<Mark>>(theirs)) == SetupError::none);
  for (std::uint64_t i = 0; i < 17; ++i) producer.push(mark(i), Overflow::overwrite_oldest);
  std::array<Mark, 17> out;
  CHECK(consumer.pop(std::span(out)) == 5);
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(fits(out[i], 12 + i));
  check_no_address(mine, theirs);
}

TEST_CASE("check 19: a side that attaches anew goes on where the former one of its kind stopped") {
  for (const std::uint64_t start : kStarts) {
    SharedRegion region;
    REQUIRE(region.create("test", plan<Spsc<Mark>>(5, start)));
    std::uint64_t in = 0, out = 0;
    for (unsigned round = 0; round < 20; ++round) {
      SpscProducer<Mark, Untrusted> producer;
      SpscConsumer<Mark, Untrusted> consumer;
      REQUIRE(producer.attach(ring_of<Spsc<Mark>>(region)) == SetupError::none);
      REQUIRE(consumer.attach(ring_of<Spsc<Mark>>(region)) == SetupError::none);
      while (producer.push(mark(in))) ++in;
      CHECK(in - out == 5);
      for (unsigned i = 0; i < 3; ++i) CHECK(fits(*consumer.pop(), out++));
    }
  }
}

}  // namespace
}  // namespace bellpull::ring::test
