// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include "queue_pair.hpp"
#include "raw_queue.hpp"

namespace bellpull::ring::test {

template <class Layout>
using UntrustedKind = Kind<Layout, Untrusted, RegionMap<>>;

/// A device half that a hostile driver is let loose on, and beside it another queue of the same
/// program which has to go on working.
template <class Layout>
class HostileBench {
 public:
  explicit HostileBench(std::uint32_t size = 8, const Features& features = {.indirect = true})
      : queue(size, features), driver(queue.memory), used(queue.memory), neighbour_(4) {
    REQUIRE(queue.attach_device() == SetupError::none);
    REQUIRE(neighbour_.attach() == SetupError::none);
    std::fill_n(queue.arena.data(), queue.arena.size(), std::byte{0x5a});
  }
  HostileBench(const HostileBench&) = delete;
  HostileBench& operator=(const HostileBench&) = delete;
  ~HostileBench() { neighbour_.step(5); }

  /// A descriptor of memory that is there.
  [[nodiscard]] RawDesc buffer(std::uint32_t length = 16, std::uint16_t flags = 0) const {
    return {queue.address(0), length, flags, 0};
  }
  /// A descriptor of a table with `descs`, `at` bytes into the arena.
  [[nodiscard]] RawDesc table(const std::vector<RawDesc>& descs, std::size_t at = 1024) {
    write_table<Layout>(queue.arena.data() + at, descs);
    return {queue.address(at), static_cast<std::uint32_t>(16 * descs.size()), kIndirect, 0};
  }
  /// The same, linked as the layout wants it.
  [[nodiscard]] RawDesc linked_table(std::vector<RawDesc> descs, std::size_t at = 1024) {
    if constexpr (kIsSplit<Layout>) {
      for (std::size_t i = 0; i + 1 < descs.size(); ++i) {
        descs[i].flags |= kNext;
        descs[i].next = static_cast<std::uint16_t>(i + 1);
      }
    }
    return table(descs, at);
  }

  /// The chain that was posted as `id` is given back with length 0, counted under its reason and
  /// under no other, and the queue goes on. Packed: it took up `descriptors` places.
  void expect_chain_fault(ChainFault fault, std::uint16_t id, std::uint32_t descriptors = 1) {
    const auto before = queue.device.counters();
    CHECK_FALSE(queue.take());
    CHECK(queue.device.fault() == QueueFault::none);
    CHECK(queue.device.in_flight() == 0);
    const auto& counters = queue.device.counters();
    CHECK(counters.taken == before.taken + 1);
    CHECK(counters.completed == before.completed + 1);
    for (std::size_t i = 0; i < kChainFaultCount; ++i) {
      CAPTURE(i);
      CHECK(counters.chain_faults[i] ==
            before.chain_faults[i] + (i == static_cast<std::size_t>(fault) ? 1 : 0));
    }
    queue.device.publish();
    expect_used(id, 0, descriptors);
    expect_good_chain();
  }

  /// The queue breaks for this reason, touches nothing from then on, and works after a reset.
  void expect_broken(QueueFault fault) {
    Budget budget;
    Chain chain;
    CHECK(queue.device.take(budget, queue.pieces, chain) == Pull::broken);
    expect_dead(fault);
  }
  void expect_dead(QueueFault fault) {
    CHECK(queue.device.fault() == fault);
    const std::vector<std::byte> image = bytes();
    CHECK_FALSE(queue.take());
    queue.device.complete(Chain{}, 0);
    queue.device.publish();
    CHECK_FALSE(queue.device.publish_and_test());
    CHECK_FALSE(queue.device.arm());
    queue.device.disarm();
    CHECK(queue.device.refresh() == 0);
    CHECK(queue.device.ready() == 0);
    CHECK(bytes() == image);
    queue.device.reset();
    queue.memory.clear();
    driver = RawDriverHolder(queue.memory);
    used = UsedReaderHolder(queue.memory);
    REQUIRE(queue.attach_device() == SetupError::none);
    expect_good_chain();
  }

  /// The next chain is good: returns it.
  std::optional<Chain> expect_chain(std::uint32_t readable, std::uint32_t writable) {
    const auto chain = queue.take();
    CHECK(queue.device.fault() == QueueFault::none);
    REQUIRE(chain);
    CHECK(chain->readable == readable);
    CHECK(chain->writable == writable);
    return chain;
  }
  /// The same, and it comes back used with all its writable bytes (0xee) written.
  void expect_accepted(std::uint16_t id, std::uint32_t readable, std::uint32_t writable,
                       std::uint32_t descriptors = 1) {
    const auto chain = expect_chain(readable, writable);
    finish(*chain, id, descriptors);
  }
  void finish(const Chain& chain, std::uint16_t id, std::uint32_t descriptors = 1) {
    CHECK(chain.head == id);
    for (const Piece& piece : chain.writable_of(queue.pieces)) {
      std::fill_n(piece.data, piece.length, std::byte{0xee});
    }
    const auto written = static_cast<std::uint32_t>(chain.writable_bytes);
    queue.complete(chain, written);
    queue.device.publish();
    expect_used(id, written, descriptors);
  }
  void expect_used(std::uint16_t id, std::uint32_t length, std::uint32_t descriptors = 1) {
    RawUsed entry;
    REQUIRE(used->next(entry, descriptors));
    CHECK(entry.id == id);
    CHECK(entry.length == length);
  }
  void expect_good_chain() {
    const std::uint16_t id = driver->chain({buffer(), buffer(8, kWrite)});
    expect_accepted(id, 1, 1, 2);
  }
  void expect_nothing() {
    const std::vector<std::byte> image = bytes();
    CHECK_FALSE(queue.take());
    queue.device.publish();
    CHECK(queue.device.fault() == QueueFault::none);
    CHECK(bytes() == image);
  }

  /// Every byte that the driver can see.
  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<std::byte> all;
    for (const AlignedBytes& part : queue.memory.parts) {
      all.insert(all.end(), part.span().begin(), part.span().end());
    }
    all.insert(all.end(), queue.arena.span().begin(), queue.arena.span().end());
    return all;
  }

 private:
  // Holds what is made anew after a reset.
  template <class Side>
  class Holder {
   public:
    explicit Holder(const QueueMemory<Layout>& memory) : side_(std::in_place, memory) {}
    Holder& operator=(const Holder& other) {
      side_.emplace(*other.side_);
      return *this;
    }
    Side* operator->() { return &*side_; }

   private:
    std::optional<Side> side_;
  };
  using RawDriverHolder = Holder<RawDriver<Layout>>;
  using UsedReaderHolder = Holder<UsedReader<Layout>>;

 public:
  Pair<UntrustedKind<Layout>> queue;
  RawDriverHolder driver;
  UsedReaderHolder used;

 private:
  Pair<UntrustedKind<Layout>> neighbour_;
};

}  // namespace bellpull::ring::test
