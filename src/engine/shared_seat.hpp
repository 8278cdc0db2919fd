// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/submitter.hpp"
#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/spsc_ring.hpp"

namespace bellpull::engine {

/// Throws std::invalid_argument unless both numbers are in range; returns the first.
std::uint32_t check_sharing(const char* tried, std::uint32_t submitters, std::uint32_t depth);

/// Where submitters ring for the owner.
struct alignas(ring::kCacheLine) SharedDoor {
  explicit SharedDoor(const Notify& bell) : notify(bell) {}

  /// Rings once after the owner armed, whoever comes first.
  void ring() noexcept {
    // pairs with the store in arm(): who does not see it was seen by the look behind it. Who comes
    // from a ring's event word read what the owner stored later still.
    if (!armed.load(std::memory_order_seq_cst)) return;
    if (!armed.exchange(false, std::memory_order_relaxed)) return;
    rung.fetch_add(1, std::memory_order_relaxed);
    if (notify.ring != nullptr) notify.ring(notify.context);
  }

  const Notify notify;
  std::atomic<bool> armed{false};
  std::atomic<std::uint64_t> rung{0};
};

/// A request on its way to the owner, with its lists.
struct alignas(64) SharedRecord {
  OperationRequest request;
  std::uint32_t slots = 0;  ///< that it takes in the channel's ring
  bool fresh = false;       ///< failures before it do not count for it and those behind it
  std::array<Segment, kSharedSegments> source;
  std::array<Segment, kSharedSegments> destination;
};

/// The place of one submitter. Records and results are found by cookie; what the two rings carry is
/// up to which cookie the other side may look. Both are full only if more transfers were in flight
/// than there are credits.
class alignas(ring::kCacheLine) SharedSeat {
 public:
  /// Makes the rings and the records. Throws std::bad_alloc.
  void open(const Capabilities& limits, std::uint32_t size, std::uint32_t depth, SharedDoor& door);

  [[nodiscard]] SharedRecord& record(Cookie cookie) noexcept { return records_[cookie & mask_]; }
  [[nodiscard]] OperationCompletion& result(Cookie cookie) noexcept {
    return results_[cookie & mask_];
  }
  [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }
  [[nodiscard]] const Capabilities& limits() const noexcept { return limits_; }
  [[nodiscard]] std::uint32_t ring_size() const noexcept { return ring_size_; }

  /// Any thread: takes the place if it is free.
  [[nodiscard]] bool claim() noexcept {
    State free = State::free;
    // pairs with the release in vacate()
    return state_.compare_exchange_strong(free, State::claimed, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  [[nodiscard]] bool claimed() const noexcept {
    return state_.load(std::memory_order_relaxed) != State::free;
  }

  /// Submitter: shows the owner all records up to `cookie`.
  void show(Cookie cookie) noexcept {
    if (put(issued_.producer(), cookie)) door_->ring();
  }
  /// Submitter: the last thing it does.
  void leave() noexcept {
    state_.store(State::leaving, std::memory_order_seq_cst);  // pairs with the load in arm()
    door_->ring();
    // Only now may the owner free the place, and the door. pairs with the loads in collect() and
    // vacate()
    state_.store(State::gone, std::memory_order_release);
  }
  /// Submitter: up to where the results are there.
  [[nodiscard]] Cookie ended(Cookie known) noexcept { return newest(ended_.consumer(), known); }
  [[nodiscard]] bool arm_ended() noexcept { return ended_.consumer().arm(); }
  void disarm_ended() noexcept { ended_.consumer().disarm(); }

  /// Owner: looks how far the records go, and whether the submitter has left.
  void collect() noexcept;
  /// Owner: asks for a ring of the door, then looks once more, after the door was armed. True:
  /// there is something to collect, or a place that will be free at any moment.
  [[nodiscard]] bool arm() noexcept {
    const State state = state_.load(std::memory_order_seq_cst);  // pairs with the store in leave()
    const bool leaves = state == State::leaving || state == State::gone;
    return issued_.consumer().arm() || (leaves && (!owner.left || owner.ended == owner.issued));
  }
  /// Owner: shows the submitter all results, and rings if it asked.
  void tell() noexcept;
  /// Owner: makes the place free for another, once the submitter left and nothing is in flight.
  void vacate() noexcept;

  Notify bell;  ///< the submitter's; written before it shows anything

  /// What the owner knows, in cookies.
  struct Owner {
    Cookie issued = 0;  ///< records are there up to it
    Cookie taken = 0;   ///< given to the channel, or ended here
    Cookie ended = 0;   ///< have a result
    Cookie told = 0;    ///< whose result was shown
    Cookie fresh = 0;   ///< failures before it do not count
    Cookie cause = 0;   ///< the failure that fenced ones name, or 0
    bool left = false;
  };
  Owner owner;  ///< the owner's alone

 private:
  enum class State : std::uint8_t { free, claimed, leaving, gone };
  using Ring = ring::SpscRing<Cookie>;

  template <class Producer>
  [[nodiscard]] static bool put(Producer& producer, Cookie cookie) noexcept {
    auto place = producer.reserve(1);
    for (Cookie& slot : place.slots().first) slot = cookie;
    return place.commit_and_test(place.size());
  }
  template <class Consumer>
  [[nodiscard]] static Cookie newest(Consumer& consumer, Cookie known) noexcept {
    consumer.poll(std::numeric_limits<std::uint32_t>::max(),
                  [&known](Cookie& cookie) noexcept { known = cookie; });
    return known;
  }

  Capabilities limits_;
  std::uint32_t ring_size_ = 0;
  std::uint32_t depth_ = 0;
  std::uint32_t mask_ = 0;  // of cookies, to find records and results
  SharedDoor* door_ = nullptr;
  std::vector<SharedRecord> records_;
  std::vector<OperationCompletion> results_;
  Ring issued_;  // the owner consumes
  Ring ended_;   // the submitter consumes
  alignas(ring::kCacheLine) std::atomic<State> state_{State::free};
};

}  // namespace bellpull::engine
