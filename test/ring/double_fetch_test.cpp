// SPDX-License-Identifier: BSD-2-Clause
// A second thread changes every word of the ring while the device drains it: whatever is read, it
// is read once, and nothing outside of the peer's memory is touched. A fixed number of rounds, and
// nothing depends on which of the two threads is faster.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "hostile_bench.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

/// Every word a hostile driver shares, as 16-bit words that it flips one after the other.
class Flipper {
 public:
  Flipper(std::vector<std::span<std::byte>> parts, std::uint64_t seed) : random_(seed) {
    for (const auto& part : parts) {
      for (std::size_t at = 0; at + 8 <= part.size(); at += 8) {
        words_.push_back(reinterpret_cast<std::uint64_t*>(part.data() + at));
      }
    }
  }

  /// One pass over all words: each is replaced by one of the values that are most likely to hurt,
  /// or gets a bit flipped.
  void pass(const std::vector<std::uint64_t>& nasty) {
    for (std::uint64_t* const word : words_) {
      const std::uint64_t dice = random_();
      std::atomic_ref<std::uint64_t> shared(*word);
      shared.store(dice % 4 != 0 ? nasty[dice / 4 % nasty.size()]
                                 : shared.load(std::memory_order_relaxed) ^ 1ULL << dice / 4 % 64,
                   std::memory_order_relaxed);
    }
  }

 private:
  std::vector<std::uint64_t*> words_;
  std::mt19937_64 random_;
};

/// Second words of a descriptor: length, and then flags and next, or id and flags.
template <class Layout>
std::vector<std::uint64_t> nasty_words(const Pair<UntrustedKind<Layout>>& queue) {
  std::vector<std::uint64_t> words = {queue.address(0), queue.address(1024),
                                      queue.address(queue.arena.size() - 1), 0, ~std::uint64_t{0}};
  for (const std::uint64_t length : {1U, 16U, 32U, 128U, 0xffffffffU}) {
    for (const std::uint64_t flags : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 0xffffU}) {
      for (const std::uint64_t id : {0U, 1U, 7U, 8U}) {
        if constexpr (kIsSplit<Layout>) {
          words.push_back(length | flags << 32 | id << 48);
        } else {
          for (const std::uint64_t bits : {kAvail, kUsed}) {
            words.push_back(length | id << 32 | (flags | bits) << 48);
          }
        }
      }
    }
  }
  return words;
}

/// Copies every byte of every piece: AddressSanitizer is the judge of where they are. Returns how
/// many pieces are not inside of `arena`.
std::uint64_t touch(const Chain& chain, std::span<Piece> pieces, std::span<std::byte> arena) {
  std::vector<std::byte> copy(arena.size());
  std::uint64_t outside = 0;
  for (const Piece& piece : pieces.first(chain.readable + chain.writable)) {
    const auto offset = static_cast<std::size_t>(piece.data - arena.data());
    if (offset > arena.size() || piece.length > arena.size() - offset) {
      ++outside;
      continue;
    }
    NativeAccess::copy_once(copy.data(), piece.data, piece.length);
  }
  return outside;
}

TEST_CASE_TEMPLATE("check 15, D16: descriptors that change while they are read hurt nobody", Layout,
                   Split, Packed) {
  const std::uint64_t seed = announce_seed("double fetch", 77);
  HostileBench<Layout> bench(8);
  // Only the arena is the peer's memory, so that each piece must lie in it.
  std::vector<Region> regions = {
      {kArenaAddress, bench.queue.arena.size(), bench.queue.arena.data()}};
  RegionTable table;
  REQUIRE(RegionTable::make(regions, table) == SetupError::none);
  RegionMap<> map(table);
  auto options = bench.queue.device_options();
  options.map = &map;
  REQUIRE(bench.queue.device.attach(bench.queue.memory.queue, options) == SetupError::none);

  std::atomic<bool> started{false};
  std::atomic<bool> stop{false};
  const std::uint64_t rounds = engine::test::scaled(40000);
  std::thread flipper([&] {
    Flipper flip({bench.queue.memory.parts[0].span(), bench.queue.arena.span().subspan(1024, 256)},
                 seed);
    const auto nasty = nasty_words(bench.queue);
    while (!stop.load(std::memory_order_relaxed)) {
      flip.pass(nasty);
      started.store(true, std::memory_order_relaxed);
    }
  });
  while (!started.load(std::memory_order_relaxed)) std::this_thread::yield();
  std::uint64_t outside = 0, accepted = 0, broken = 0;
  std::array<std::uint64_t, kChainFaultCount> faults{};
  std::uint16_t index = 0;
  for (std::uint64_t round = 0; round < rounds || accepted == 0; ++round) {
    if (round % 2048 == 0) std::this_thread::yield();
    if constexpr (kIsSplit<Layout>) {
      // Each head is in flight at most once; the descriptors behind it are anything.
      auto& avail = *bench.queue.memory.queue.avail;
      for (std::uint16_t i = 0; i < 4; ++i) avail.ring[index % 8] = index % 8, ++index;
      std::atomic_ref(avail.idx).store(index, std::memory_order_release);
    }
    for (unsigned i = 0; i < 4; ++i) {
      const auto chain = bench.queue.take();
      if (!chain) continue;
      ++accepted;
      outside += touch(*chain, bench.queue.pieces, bench.queue.arena.span());
      bench.queue.complete(*chain, 0);
    }
    bench.queue.device.publish();
    if (bench.queue.device.fault() != QueueFault::none) {
      ++broken;
      for (std::size_t i = 0; i < kChainFaultCount; ++i) {
        faults[i] += bench.queue.device.counters().chain_faults[i];
      }
      bench.queue.device.reset();
      REQUIRE(bench.queue.device.attach(bench.queue.memory.queue, options) == SetupError::none);
    }
  }
  stop.store(true, std::memory_order_relaxed);
  flipper.join();
  CHECK(outside == 0);
  CHECK(accepted > 0);
  std::uint64_t refused = broken;
  for (std::size_t i = 0; i < kChainFaultCount; ++i) {
    refused += faults[i] + bench.queue.device.counters().chain_faults[i];
  }
  CHECK(refused > 0);
  bench.queue.device.reset();
  bench.queue.memory.clear();
}

}  // namespace
}  // namespace bellpull::ring::test
