// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/submitter.hpp"

namespace bellpull::engine {

struct SharedDoor;

/// How a channel is shared.
struct SharedOptions {
  std::uint32_t submitters = 8;  ///< places, 1 to 1024
  std::uint32_t depth = 64;      ///< transfers that each can have in flight, 1 to 32768
  /// The owner's bell: rung on the thread of a submitter that issues, once after each arm().
  Notify notify{};
};

/// What a SharedChannel::run() did.
struct SharedRun {
  unsigned submitted = 0;  ///< transfers given to the channel
  unsigned completed = 0;  ///< transfers whose end was handed to their submitter
  bool runnable = false;   ///< it stopped at its limit: another run() would find something at once
};

/// Statistics of a shared channel, each exact.
struct SharedStats {
  std::uint64_t submitted = 0;  ///< transfers given to the channel
  std::uint64_t completed = 0;  ///< transfers that ended, those included that never began
  std::uint64_t abandoned = 0;  ///< of these, after their submitter had left
  std::uint64_t bells = 0;      ///< times the owner's bell was rung
};

/// Hands the transfers of several threads over to the one that owns an operation channel, and their
/// ends back.
///
/// A submitter writes its requests into records of its own and shows them with one store; the
/// owner's run() takes them over, prepares, submits and issues them, and hands the completions to
/// whom they belong. Nobody waits for anybody and there is no lock: submitters share nothing but
/// the owner's bell. Submitters take turns, some transfers each; one whose next transfer finds too
/// few slots keeps its turn, so that a large transfer is not passed by small ones for ever.
///
/// What one submitter does reaches no other: fences order its transfers only, its failures concern
/// its own fences only, and a completion always has a place, as a submitter that polls nothing soon
/// may post nothing. (A channel with ErrorPolicy::halt is halted for all; open it with go_on.)
class SharedChannel {
 public:
  /// Shares `channel`, which outlives it, pulls its completions (no push sink), and is not used to
  /// prepare or poll by anybody else meanwhile. Allocates all that it will ever need. Throws
  /// std::invalid_argument for a number out of range and for a channel that has transfers in
  /// flight, std::bad_alloc when there is no memory. Owner thread of the channel.
  SharedChannel(OperationChannel& channel, const SharedOptions& options);
  SharedChannel(const SharedChannel&) = delete;
  SharedChannel& operator=(const SharedChannel&) = delete;
  /// All submitters are gone by then. What they left in flight stays with the channel.
  ~SharedChannel();

  /// A place for another user, or an empty Submitter when all are taken. Its bell is rung on the
  /// owner's thread inside of run(), and may only wake somebody. Any thread; no lock, no
  /// allocation.
  Submitter join(const Notify& notify = {}) noexcept;

  /// One round: hands over at most `limit` completions, then takes over at most `limit` requests
  /// and issues them. Does not run a driven engine. Never blocks. Owner thread of the channel.
  SharedRun run(unsigned limit) noexcept;

  /// Asks for one ring of the owner's bell at the next issue of a submitter, and of the channel's
  /// own at the next completion, then looks once more. Owner thread of the channel.
  [[nodiscard]] Armed arm() noexcept;

  /// Takes arm() back. A ring may be under way already. Owner thread of the channel.
  void disarm() noexcept;

  /// Places that are taken, those included whose last transfers have not ended. Any thread.
  [[nodiscard]] std::uint32_t submitters() const noexcept;

  /// Statistics. Any thread.
  [[nodiscard]] SharedStats stats() const noexcept;

 private:
  void collect() noexcept;
  [[nodiscard]] unsigned route(unsigned limit) noexcept;
  void finish(const OperationCompletion& completion) noexcept;
  [[nodiscard]] SharedRun take(unsigned limit) noexcept;
  struct Burst;
  [[nodiscard]] Burst take_from(std::uint32_t number, unsigned most) noexcept;
  [[nodiscard]] unsigned give(std::uint32_t number,
                              std::span<const OperationRequest> requests) noexcept;
  void tell() noexcept;

  OperationChannel& channel_;
  const std::uint32_t count_;
  std::unique_ptr<SharedDoor> door_;
  std::unique_ptr<SharedSeat[]> seats_;
  const std::uint32_t mask_;           // of the channel's cookies
  std::vector<std::uint16_t> owners_;  // of what is in flight, by masked cookie
  std::uint32_t turn_ = 0;             // whose requests are taken next
  bool more_ = false;                  // the last run() stopped at its limit
  Counter submitted_;
  Counter completed_;
  Counter abandoned_;
};

}  // namespace bellpull::engine
