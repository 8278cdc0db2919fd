// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <rte_memcpy.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "copy_memory.hpp"
#include "two_threads.hpp"
#include "value_rte.hpp"

namespace bellpull::bench {

/// A peer: two bare rings of DPDK, one that carries records to a thread that copies, and one that
/// carries them back. No channel, no errors, no order but the ring's.
class RingCopies {
 public:
  RingCopies(unsigned burst, std::size_t bytes)
      : burst_(burst), memory_(kInFlight, bytes), records_(kInFlight) {
    for (std::size_t i = 0; i < kInFlight; ++i) {
      records_[i] = {memory_.to(i), memory_.from(i), static_cast<std::uint32_t>(bytes), 0, i};
    }
    worker_ = std::thread([this] { copy_until_stopped(); });
    while (task_.load(std::memory_order_acquire) == 0) {  // pairs with the release of the worker
    }
    pin_to(kClientCore);
  }
  RingCopies(const RingCopies&) = delete;
  RingCopies& operator=(const RingCopies&) = delete;
  ~RingCopies() { stop(); }

  [[nodiscard]] pid_t worker() const { return task_.load(std::memory_order_relaxed); }

  unsigned step() {
    if (in_flight_ + burst_ <= kInFlight) {
      in_flight_ += put(there_.ring, &records_[at_], burst_);
      at_ = at_ + burst_ == kInFlight ? 0 : at_ + burst_;
    }
    const unsigned count = get(back_.ring, burst_);
    for (unsigned i = 0; i < count; ++i) wrong_ += done_[i].token != expected_++ % kInFlight;
    in_flight_ -= count;
    return count;
  }

  [[nodiscard]] bool right() {
    stop();
    return wrong_ == 0 && memory_.copied(kInFlight);
  }

 private:
  static constexpr unsigned kInFlight = 256;
  static constexpr unsigned kMaxBurst = 32;

  /// What a descriptor pair, a request record and a ticket of ours say about a copy.
  struct Record {
    std::byte* to;
    const std::byte* from;
    std::uint32_t length;
    std::uint32_t reserved;
    std::uint64_t token;
  };
  static_assert(sizeof(Record) == 32);

  static unsigned put(rte_ring* ring, const Record* records, unsigned count) {
    return rte_ring_sp_enqueue_burst_elem(ring, records, sizeof(Record), count, nullptr);
  }
  unsigned get(rte_ring* ring, unsigned count) {
    return rte_ring_sc_dequeue_burst_elem(ring, done_.data(), sizeof(Record), count, nullptr);
  }

  void copy_until_stopped() {
    pin_to(kEngineCore);
    task_.store(::gettid(), std::memory_order_release);  // pairs with the acquire of the maker
    std::array<Record, kMaxBurst> taken;
    while (!stop_.load(std::memory_order_relaxed)) {
      const unsigned count = rte_ring_sc_dequeue_burst_elem(there_.ring, taken.data(),
                                                            sizeof(Record), kMaxBurst, nullptr);
      for (unsigned i = 0; i < count; ++i) rte_memcpy(taken[i].to, taken[i].from, taken[i].length);
      if (count != 0) put(back_.ring, taken.data(), count);
    }
  }
  void stop() {
    stop_.store(true, std::memory_order_relaxed);
    if (worker_.joinable()) worker_.join();
  }

  const unsigned burst_;
  CopyMemory memory_;
  std::vector<Record> records_;
  RteRing<Record> there_{kInFlight, RING_F_SP_ENQ | RING_F_SC_DEQ};
  RteRing<Record> back_{kInFlight, RING_F_SP_ENQ | RING_F_SC_DEQ};
  std::array<Record, kMaxBurst> done_{};
  std::size_t at_ = 0;
  std::uint64_t expected_ = 0;
  std::uint64_t wrong_ = 0;
  unsigned in_flight_ = 0;
  std::atomic<pid_t> task_{0};
  std::atomic<bool> stop_{false};
  std::thread worker_;
};

}  // namespace bellpull::bench
