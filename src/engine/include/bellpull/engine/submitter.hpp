// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "bellpull/engine/channel.hpp"
#include "bellpull/engine/operation_channel.hpp"

namespace bellpull::engine {

class SharedChannel;
class SharedSeat;

/// Most segments in a list of a transfer that goes through a shared channel: the lists are carried
/// to the owner by value.
inline constexpr unsigned kSharedSegments = 8;

/// One of several users of a SharedChannel. To its user it is a channel of its own, with cookies,
/// order, fences and credits that no other user's transfers touch; what it posts the channel's
/// owner submits, inside of SharedChannel::run().
///
/// Used by one thread at a time, which may be another one later. Nothing blocks, locks or
/// allocates; nothing makes a system call but the bell that issue() may have to ring. Destroyed
/// before its SharedChannel. Calls of an empty one do nothing.
class [[nodiscard]] Submitter {
 public:
  /// No user of any channel.
  Submitter() = default;
  /// Takes over the place of `other`, which is empty afterwards.
  Submitter(Submitter&& other) noexcept { *this = std::move(other); }
  /// Leaves its own place as the destructor does, then takes over that of `other`.
  Submitter& operator=(Submitter&& other) noexcept;
  /// Leaves. What was posted and not issued never begins and its memory is the client's at once.
  /// What was issued is still carried out, and nobody hears of it: its memory has to stay until the
  /// channel is stopped. So poll until in_flight() is 0 before, if the memory is to be used again.
  /// The place is free for another user when the owner has seen the last of these end.
  ~Submitter();

  /// Whether it has a place.
  explicit operator bool() const noexcept { return seat_ != nullptr; }

  /// Takes all of `requests`, or none, and starts nothing. Reads the requests and their lists
  /// during the call. Refuses what OperationChannel::prepare() would refuse, with the same answer,
  /// and lists of more than kSharedSegments segments; would_block when they are more than
  /// free_slots(): poll, then try again. From here on the buffers are lent.
  PrepareError post(std::span<const OperationRequest> requests) noexcept;

  /// Lets everything posted begin, in order, as soon as the owner's run() has taken it over: one
  /// store for the lot, and the owner's bell if the owner armed it. The only call that starts
  /// anything.
  void issue() noexcept;

  /// Pulls at most completions.size() completions, oldest first, and returns how many. Cookies are
  /// those of this user: 1, 2, 3 … in the order of post(); a `cause` is one of them, or 0.
  unsigned poll(std::span<OperationCompletion> completions) noexcept;

  /// Asks for one ring of the bell that was given to join() at the next completion, then looks once
  /// more.
  [[nodiscard]] Armed arm() noexcept;

  /// Takes arm() back. A ring may be under way already.
  void disarm() noexcept;

  /// Fenced transfers that are posted from now on do not look at the failures before them.
  void reset() noexcept { fresh_ = true; }

  /// Transfers posted and not yet polled.
  [[nodiscard]] std::uint32_t in_flight() const noexcept {
    return static_cast<std::uint32_t>(next_ - 1 - polled_);
  }
  /// Transfers that post() can still take.
  [[nodiscard]] std::uint32_t free_slots() const noexcept { return size() - in_flight(); }
  /// Transfers that can be in flight; 0 of an empty one.
  [[nodiscard]] std::uint32_t size() const noexcept;
  /// The limits that post() checks; of an empty one, none can be kept.
  [[nodiscard]] const Capabilities& capabilities() const noexcept;
  /// The cookie that the next transfer gets.
  [[nodiscard]] Cookie next_cookie() const noexcept { return next_; }

 private:
  friend class SharedChannel;
  explicit Submitter(SharedSeat& seat) noexcept : seat_(&seat) {}
  [[nodiscard]] PrepareError check(std::span<const OperationRequest> requests) const noexcept;

  SharedSeat* seat_ = nullptr;
  Cookie next_ = 1;    // of the next transfer that is posted
  Cookie issued_ = 0;  // of the last that the owner was told of
  Cookie ended_ = 0;   // of the last that the owner is known to have seen end
  Cookie polled_ = 0;  // of the last that was polled
  bool fresh_ = false;
};

}  // namespace bellpull::engine
