// SPDX-License-Identifier: BSD-2-Clause
// Check 35: what sees an access of another thread to client memory, and outlives it.
#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "conformance/arena.hpp"
#include "sanitizers.hpp"

namespace bellpull::engine::conformance {
namespace {

using engine::test::scaled;

constexpr std::size_t kBytes = 4096;

void no_handler(int) {}

TEST_CASE("check 35: a seal is opened while a thread is just meeting it, which ends nothing") {
  Random random(1);
  Arena arena(kBytes, random);
  const volatile std::byte* const byte = arena.place(1, 1, random);
  REQUIRE((byte != nullptr));

  std::atomic<bool> over{false};
  std::atomic<unsigned> reads{0};
  std::thread reader([&] {
    while (!over.load(std::memory_order_relaxed)) {
      (void)*byte;
      reads.fetch_add(1, std::memory_order_relaxed);
    }
  });
  const auto reads_seen = [&] { return reads.load(std::memory_order_relaxed); };
  const std::uint64_t seals = scaled(20'000);
  std::uint64_t seen = 0;
  for (std::uint64_t i = 0; i < seals; ++i) {
    Seal seal(arena);
    // Now at once, now after the thread was there: both are in time.
    if (i % 2 == 0) {
      const unsigned before = reads_seen();
      while (reads_seen() - before < 2) std::this_thread::yield();
    }
    if (seal.open()) ++seen;
  }
  over = true;
  reader.join();
  CHECK(seen >= seals / 2);
}

TEST_CASE("SIGSEGV is whose it was, when no client memory is left") {
  struct sigaction mine {};
  mine.sa_handler = no_handler;
  struct sigaction before {};
  REQUIRE(::sigaction(SIGSEGV, &mine, &before) == 0);
  {
    Random random(1);
    Arena arena(kBytes, random);
    std::byte* const byte = arena.place(1, 1, random);
    for (unsigned i = 0; i < 2; ++i) {
      Seal seal(arena);
      *byte = std::byte{1};
      CHECK(seal.open());
    }
    Seal untouched(arena);
    CHECK(!untouched.open());
  }
  struct sigaction after {};
  REQUIRE(::sigaction(SIGSEGV, &before, &after) == 0);
  CHECK((after.sa_handler == no_handler));
}

}  // namespace
}  // namespace bellpull::engine::conformance
