// SPDX-License-Identifier: BSD-2-Clause
// One thread per half, with bytes in the buffers: what ThreadSanitizer has to say about the code
// that ships, without a suppression.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "emulated.hpp"
#include "queue_pair.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::test {
namespace {

/// A doorbell that loses no ring: a count that only grows.
class Bell {
 public:
  void ring() {
    count_.fetch_add(1, std::memory_order_release);  // pairs with wait()
    count_.notify_one();
  }
  /// Returns when it was rung since `heard`, which it brings up to date.
  void wait(std::uint32_t& heard) {
    count_.wait(heard, std::memory_order_acquire);  // pairs with ring()
    heard = count_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<std::uint32_t> count_{0};
};

/// Whether the halves poll without end or sleep until they are told.
enum class Waiting { poll, sleep };

template <class K>
class Exchange {
 public:
  Exchange(std::uint32_t size, const Features& features, Waiting waiting, std::uint64_t chains)
      : pair_(size, features, std::size_t{kBuffer} * 2 * size), waiting_(waiting), chains_(chains) {
    REQUIRE(pair_.attach() == SetupError::none);
    for (std::uint32_t i = 0; i < size; ++i) free_.push_back(i);
  }

  void run() {
    std::thread device([this] { run_device(); });
    run_driver();
    device.join();
    CHECK(wrong_driver_ == 0);
    CHECK(wrong_device_ == 0);
    CHECK(pair_.driver.fault() == QueueFault::none);
    CHECK(pair_.device.fault() == QueueFault::none);
    CHECK(pair_.driver.counters().completed == chains_);
    CHECK(pair_.device.counters().completed == chains_);
  }

 private:
  static constexpr std::uint32_t kBuffer = 32;

  void run_driver() {
    std::uint64_t posted = 0, back = 0;
    std::uint32_t heard = 0;
    while (back < chains_) {
      bool moved = false;
      for (unsigned i = 0; i < 8 && posted < chains_; ++i) moved |= post(posted);
      if (waiting_ == Waiting::sleep) {
        if (pair_.driver.publish_and_test()) kick_.ring();
      } else {
        pair_.driver.publish();
      }
      const unsigned polled = pair_.driver.poll(16, [&](const Used& used) { finish(used); });
      back += polled;
      if (moved || polled != 0 || back == chains_) continue;
      if (waiting_ == Waiting::sleep) {
        if (!pair_.driver.arm()) bell_.wait(heard);
        pair_.driver.disarm();
      } else {
        std::this_thread::yield();
      }
    }
  }

  // A request to be read, and room for an answer.
  bool post(std::uint64_t& posted) {
    if (free_.empty()) return false;
    const std::uint32_t slot = free_.back();
    const std::size_t at = std::size_t{slot} * 2 * kBuffer;
    const Segment request = pair_.segment(at, kBuffer);
    const Segment answer = pair_.segment(at + kBuffer, kBuffer);
    std::memset(pair_.arena.data() + at, static_cast<int>(posted % 251), kBuffer);
    // Chains of two descriptors, or of one to be written, so that a queue of one entry works too.
    const bool with_request = pair_.driver.size() > 1;
    const std::uint16_t head = pair_.driver.post({&request, with_request ? 1U : 0U}, {&answer, 1},
                                                 std::uint64_t{slot} << 32 | posted % 251);
    if (head == kNoHead) return false;
    free_.pop_back();
    ++posted;
    return true;
  }

  void finish(const Used& used) {
    const auto slot = static_cast<std::uint32_t>(used.token >> 32);
    const auto expected = static_cast<unsigned char>(
        pair_.driver.size() > 1 ? (used.token & 0xffU) + 1 : std::uint64_t{7});
    const std::byte* const answer = pair_.arena.data() + std::size_t{slot} * 2 * kBuffer + kBuffer;
    wrong_driver_ += used.length != kBuffer;
    for (std::uint32_t i = 0; i < kBuffer; ++i) wrong_driver_ += answer[i] != std::byte{expected};
    free_.push_back(slot);
  }

  void run_device() {
    std::uint64_t done = 0;
    std::uint32_t heard = 0;
    std::vector<Chain> held;  // completed in another order than taken
    while (done < chains_) {
      Budget budget{.chains = 16};
      const std::uint64_t before = done;
      pair_.device.poll(budget, pair_.pieces, [&](const Chain& chain) {
        serve(chain);
        held.push_back(chain);
        ++done;
      });
      while (!held.empty()) {
        pair_.complete(held.back(), kBuffer);
        held.pop_back();
      }
      if (waiting_ == Waiting::sleep) {
        if (pair_.device.publish_and_test()) bell_.ring();
      } else {
        pair_.device.publish();
      }
      if (done != before || done == chains_) continue;
      if (waiting_ == Waiting::sleep) {
        if (!pair_.device.arm()) kick_.wait(heard);
        pair_.device.disarm();
      } else {
        std::this_thread::yield();
      }
    }
  }

  void serve(const Chain& chain) {
    std::byte value{6};
    for (const Piece& piece : chain.readable_of(pair_.pieces)) {
      value = piece.data[0];
      for (std::size_t i = 0; i < piece.length; ++i) wrong_device_ += piece.data[i] != value;
    }
    for (const Piece& piece : chain.writable_of(pair_.pieces)) {
      std::memset(piece.data, std::to_integer<int>(value) + 1, piece.length);
    }
  }

  Pair<K> pair_;
  Waiting waiting_;
  std::uint64_t chains_;
  Bell kick_;
  Bell bell_;
  std::vector<std::uint32_t> free_;
  std::uint64_t wrong_driver_ = 0;
  std::uint64_t wrong_device_ = 0;
};

template <class K>
void run_all(Waiting waiting, std::uint64_t chains) {
  for (const std::uint32_t size : {1U, 4U, 256U}) {
    for (const Features& features : all_features()) {
      CAPTURE(size);
      CAPTURE(features.event_idx);
      CAPTURE(features.indirect);
      CAPTURE(features.in_order);
      Exchange<K>(size, features, waiting, chains).run();
    }
  }
}

TEST_CASE_TEMPLATE("check 21: two threads that poll exchange chains and their bytes", K,
                   BELLPULL_KINDS) {
  run_all<K>(Waiting::poll, engine::test::scaled(5000));
}

TEST_CASE_TEMPLATE("check 21: two threads that sleep until they are told lose no notification", K,
                   BELLPULL_KINDS) {
  if (engine::test::left_out_when_emulated()) return;
  run_all<K>(Waiting::sleep, engine::test::scaled(5000));
}

}  // namespace
}  // namespace bellpull::ring::test
