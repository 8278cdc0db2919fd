// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "bellpull/engine/engine.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/prepare.hpp"
#include "bellpull/engine/stream_channel.hpp"

namespace bellpull::engine {

/// How prepare_or_wait() ended.
enum class WaitEnd : std::uint8_t {
  prepared,  ///< the transfers hold their slots
  refused,   ///< never: `error` says why. It did not wait
  late,      ///< not before the deadline; `error` says how many slots were free at last
  stuck,     ///< not by waiting: nothing that was issued is left to end. Issue what was submitted,
             ///< drop what was prepared, or resume a channel that stands still
};

/// Answer of prepare_or_wait().
struct [[nodiscard]] WaitResult {
  WaitEnd end = WaitEnd::stuck;  ///< how it ended
  Prepared prepared{};           ///< empty unless prepared
  PrepareError error{};          ///< of the last try; kind none when prepared
  /// Whether all transfers were prepared.
  explicit operator bool() const noexcept { return end == WaitEnd::prepared; }
};

/// What a channel takes: OperationRequest or Request.
template <class C>
using RequestOf = std::conditional_t<std::same_as<C, OperationChannel>, OperationRequest, Request>;
/// What a channel gives back: OperationCompletion or Completion.
template <class C>
using CompletionOf =
    std::conditional_t<std::same_as<C, OperationChannel>, OperationCompletion, Completion>;

/// What prepare_or_wait() needs of its caller: a clock of any kind, where completions go, and a way
/// to sleep. None of it throws.
///
/// `now()` is the time, in what the deadline is in. `completed()` takes completions that were
/// polled while waiting: they are the client's, with their buffers. `rest()` sleeps until the
/// channel's bell rings, or the deadline at the latest; with a driven engine also until one of its
/// wait sources is ready, which it tells the engine; it may return early.
template <class W, class C, class Time>
concept Waiter = requires(W& waiter, const Time& deadline,
                          std::span<const CompletionOf<C>> completions) {
  requires std::convertible_to<decltype(waiter.now() >= deadline), bool>;
  requires noexcept(waiter.now());
  requires noexcept(waiter.completed(completions));
  requires noexcept(waiter.rest(deadline));
};

/// Prepares as channel.prepare() does, and where that would block, waits for slots to come back: it
/// polls the channel, hands the completions to the waiter, runs a driven engine and rests. It
/// submits and issues nothing. So it ends at once, as `stuck`, when what was issued cannot free the
/// slots, however long one would wait. A deadline that is over means one try.
///
/// `engine` is the one that opened the channel. Owner thread of the channel; blocks as the waiter
/// does; allocates nothing.
template <class C, class Time, Waiter<C, Time> W>
WaitResult prepare_or_wait(Engine& engine, C& channel,
                           std::type_identity_t<std::span<const RequestOf<C>>> requests,
                           const Time& deadline, W& waiter) noexcept {
  constexpr unsigned kRound = 16;
  const bool driven = engine.placement() == Placement::driven;
  for (;;) {
    PrepareResult result = channel.prepare(requests);
    if (result) return {WaitEnd::prepared, std::move(result.prepared), {}};
    if (result.error.kind != PrepareError::Kind::would_block) {
      return {WaitEnd::refused, {}, result.error};
    }
    const std::uint32_t before = channel.in_flight();
    if (before == channel.unissued()) return {WaitEnd::stuck, {}, result.error};
    if (waiter.now() >= deadline) return {WaitEnd::late, {}, result.error};
    std::array<CompletionOf<C>, kRound> some;
    if (const unsigned count = channel.poll(some); count != 0) {
      waiter.completed(std::span<const CompletionOf<C>>(some).first(count));
      continue;
    }
    if (channel.in_flight() != before) continue;  // a push sink had them
    if constexpr (requires { channel.paused(); }) {
      if (channel.paused()) return {WaitEnd::stuck, {}, result.error};
    }
    if (driven) {
      const RunResult run = engine.run(kRound);
      if (run.completed != 0 || run.runnable) continue;
      if (engine.wait_sources().empty()) return {WaitEnd::stuck, {}, result.error};
    }
    if (channel.arm() == Armed::work_pending) continue;
    waiter.rest(deadline);
    channel.disarm();
  }
}

}  // namespace bellpull::engine
