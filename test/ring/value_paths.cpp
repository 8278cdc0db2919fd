// SPDX-License-Identifier: BSD-2-Clause
// The paths of value rings as functions of their own, for value_paths_test.cpp to read in the
// disassembly. Nobody calls them.
#include <cstdint>

#include "bellpull/ring/spsc_consumer.hpp"
#include "bellpull/ring/spsc_producer.hpp"

namespace {
using Producer = bellpull::ring::SpscProducer<std::uint64_t>;
using Consumer = bellpull::ring::SpscConsumer<std::uint64_t>;
using WaryProducer = bellpull::ring::SpscProducer<std::uint64_t, bellpull::ring::Untrusted>;
using WaryConsumer = bellpull::ring::SpscConsumer<std::uint64_t, bellpull::ring::Untrusted>;

template <class Half>
bool put_batch(Half& half, std::uint64_t value, std::uint32_t count) {
  auto batch = half.reserve(count);
  batch.slots().for_each([&](std::uint64_t& slot) { slot = value; });
  batch.commit();
  return count != 0;
}
template <class Half>
std::uint64_t take_batch(Half& half, std::uint32_t count) {
  std::uint64_t sum = 0;
  const auto seen = half.peek(count);
  seen.for_each([&](std::uint64_t value) { sum += value; });
  half.release(static_cast<std::uint32_t>(seen.size()));
  return sum;
}
}  // namespace

// The names say what is expected of each: "plain" no barrier, "tested" one.
extern "C" {
[[gnu::visibility("default")]] bool plain_push(Producer* half, std::uint64_t value);
[[gnu::visibility("default")]] bool plain_push_wary(WaryProducer* half, std::uint64_t value);
[[gnu::visibility("default")]] bool plain_reserve_commit(Producer* half, std::uint64_t value,
                                                         std::uint32_t count);
[[gnu::visibility("default")]] bool plain_reserve_commit_wary(WaryProducer* half,
                                                              std::uint64_t value,
                                                              std::uint32_t count);
[[gnu::visibility("default")]] bool plain_pop(Consumer* half, std::uint64_t* value);
[[gnu::visibility("default")]] bool plain_pop_wary(WaryConsumer* half, std::uint64_t* value);
[[gnu::visibility("default")]] std::uint64_t plain_peek_release(Consumer* half,
                                                                std::uint32_t count);
[[gnu::visibility("default")]] std::uint64_t plain_peek_release_wary(WaryConsumer* half,
                                                                     std::uint32_t count);
[[gnu::visibility("default")]] bool tested_commit(
    bellpull::ring::Reservation<Producer>* reservation);

bool plain_push(Producer* half, std::uint64_t value) {
  return half->push(value);
}
bool plain_push_wary(WaryProducer* half, std::uint64_t value) {
  return half->push(value);
}
bool plain_reserve_commit(Producer* half, std::uint64_t value, std::uint32_t count) {
  return put_batch(*half, value, count);
}
bool plain_reserve_commit_wary(WaryProducer* half, std::uint64_t value, std::uint32_t count) {
  return put_batch(*half, value, count);
}
bool plain_pop(Consumer* half, std::uint64_t* value) {
  return half->pop(*value);
}
bool plain_pop_wary(WaryConsumer* half, std::uint64_t* value) {
  return half->pop(*value);
}
std::uint64_t plain_peek_release(Consumer* half, std::uint32_t count) {
  return take_batch(*half, count);
}
std::uint64_t plain_peek_release_wary(WaryConsumer* half, std::uint32_t count) {
  return take_batch(*half, count);
}
bool tested_commit(bellpull::ring::Reservation<Producer>* reservation) {
  return reservation->commit_and_test();
}
}
