// SPDX-License-Identifier: BSD-2-Clause
// Two threads over a value ring: one makes batches in place, the other reads them in place. When
// there is nothing to do, each sleeps at the bell of the other.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "bellpull/ring/doorbell.hpp"
#include "bellpull/ring/spsc_ring.hpp"

using namespace bellpull::ring;

constexpr std::uint32_t kValues = 1'000'000;

// README begin
void produce(SpscProducer<std::uint64_t>& ring, Doorbell& data, Doorbell& space) {
  for (std::uint32_t next = 0; next < kValues;) {
    auto batch = ring.reserve(std::min(32U, kValues - next));  // as many slots as are free
    batch.slots().for_each([&](std::uint64_t& slot) { slot = next++; });
    const bool full = !batch;
    if (batch.commit_and_test()) data.ring();
    if (full && !ring.arm()) (void)space.wait(-1);
  }
}
// README end

std::uint64_t consume(SpscConsumer<std::uint64_t>& ring, Doorbell& data, Doorbell& space) {
  std::uint64_t sum = 0;
  for (std::uint64_t got = 0; got < kValues;) {
    const auto values = ring.peek(64);
    values.for_each([&](std::uint64_t value) { sum += value; });
    got += values.size();
    if (ring.release_and_test(static_cast<std::uint32_t>(values.size()))) space.ring();
    if (values.empty() && !ring.arm()) (void)data.wait(-1);
  }
  return sum;
}

int main() {
  SpscRing<std::uint64_t> ring;
  Doorbell data;
  Doorbell space;
  if (const SetupError error = ring.make(1000); error != SetupError::none) {
    std::fprintf(stderr, "two_threads: the ring was not made: %s\n", describe(error));
    return 1;
  }
  if (!data.make() || !space.make()) {
    std::perror("two_threads: a doorbell was not made: eventfd");
    return 1;
  }
  std::thread producer([&] { produce(ring.producer(), data, space); });
  const std::uint64_t sum = consume(ring.consumer(), data, space);
  producer.join();
  std::printf("%u values, sum %llu\n", kValues, static_cast<unsigned long long>(sum));
  return sum == std::uint64_t{kValues} * (kValues - 1) / 2 ? 0 : 1;
}
