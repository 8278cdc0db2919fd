// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/prepare.hpp"
#include "bellpull/engine/queue_layout.hpp"
#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/driver.hpp"

namespace bellpull::engine {

class ChannelDevice;
class Engine;
struct Ticket;
enum class Control : std::uint8_t;
enum class OnClose : std::uint8_t;

/// Answer of arm().
enum class Armed : std::uint8_t {
  armed,         ///< the next completion rings the bell; sleeping is safe
  work_pending,  ///< there may be something already: poll again instead of sleeping
};

/// Statistics of a channel. Each value is exact; together they are a snapshot only when the engine
/// rests.
struct ChannelStats {
  std::uint64_t submitted = 0;  ///< transfers
  std::uint64_t completed = 0;  ///< transfers, whatever their status; counted before shown
  std::uint64_t failed = 0;     ///< of these, not ok
  std::uint64_t bytes = 0;      ///< moved, those of failed transfers too
  std::uint64_t notifies = 0;   ///< times the bell was rung
  std::uint64_t kicks = 0;      ///< times a sleeping engine was woken
  std::uint64_t bad_done = 0;   ///< reports of the back-end that named no transfer it had
};

/// The client's half of a channel, of either kind: a virtqueue with a DMA engine on its device
/// half.
///
/// prepare -> submit -> issue -> *bell* -> poll. One owner thread calls everything that does not
/// say otherwise; with a driven engine that is the thread that calls Engine::run(). Nothing blocks,
/// allocates or makes a system call but issue() when it has to wake a sleeping engine, run(), and
/// what asks the engine to stand still, which says so. Destroyed before its engine.
class alignas(ring::kCacheLine) Channel {
 public:
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Puts prepared transfers in line, in order, and returns the cookie of the first; the others
  /// follow. Cannot fail and starts nothing. From here on the buffers are the engine's until the
  /// completion was polled. Returns 0 for an empty batch, and for one of another channel, which is
  /// dropped.
  Cookie submit(Prepared prepared) noexcept;

  /// Lets everything submitted begin: one store for the lot, and a doorbell if the engine sleeps.
  /// Nothing begins that was not issued.
  void issue() noexcept;

  /// A turn for this channel alone, for the client of a driven engine who cannot wait for the next
  /// Engine::run(): begins what was issued and reaps at most `limit` transfers, with the system
  /// calls of the back-end, and with sink and bell called from inside. Returns how many it reaped.
  /// Nothing, when it gave no turn: from inside of any channel's (a sink of this engine), and with
  /// an autonomous engine, which takes its turns itself. Does not block.
  std::optional<unsigned> run(unsigned limit) noexcept;

  /// Asks for one ring of `bell` as soon as so many slots are free: for who got would_block. It is
  /// rung inside of the poll() that frees them, or at once when they are free already, once, and
  /// replaces what was asked for before. False when the ring has not so many; `slots` of 0 takes it
  /// back. Starts nothing.
  bool notify_space(std::uint32_t slots, const Notify& bell) noexcept;

  /// Asks for one ring of the bell at the next completion, then looks once more. With a driven
  /// engine it also answers work_pending when a run() could move something: more than the last one
  /// did, or what was issued since, unless the last one ended in would-block. Moves nothing.
  [[nodiscard]] Armed arm() noexcept;

  /// Takes arm() back. A ring may be under way already.
  void disarm() noexcept;

  /// Stops the back-end. When it returns, no client memory is touched any more, and every transfer
  /// that was submitted has its completion in the ring: aborted if it was under way, not_attempted
  /// if it was not begun. Transfers that are issued later complete as not_attempted. Blocks until
  /// an autonomous engine has answered. Idempotent.
  void stop() noexcept;

  /// Transfers submitted and not yet polled (with a push sink: whose slots are not back yet).
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }

  /// Of these, submitted and not issued: they wait for issue(), and the engine ends none of them.
  [[nodiscard]] std::uint32_t unissued() const noexcept {
    return static_cast<std::uint32_t>(submitted_.value() - shown_.value());
  }

  /// Slots, one per segment, that prepare() can still take.
  [[nodiscard]] std::uint32_t free_slots() const noexcept;

  /// Slots of the ring.
  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(slots_.size());
  }

  /// The limits that prepare() checks.
  [[nodiscard]] const Capabilities& capabilities() const noexcept { return capabilities_; }

  /// Statistics. Any thread.
  [[nodiscard]] ChannelStats stats() const noexcept;

 protected:
  /// Attaches to the queue of `device`, which the channel owns from then on.
  Channel(Engine& engine, ChannelDevice& device, const Capabilities& limits, Cookie first,
          OnClose on_close);
  ~Channel() = default;

  /// Calls `act` with the driver half. Which layout is asked once per call, never per transfer.
  template <class Do>
  decltype(auto) with_driver(Do&& act) noexcept {
    auto* const split = std::get_if<ring::Driver<ring::Split>>(&driver_);
    return split != nullptr ? act(*split) : act(*std::get_if<ring::Driver<ring::Packed>>(&driver_));
  }
  /// prepare(): `reserve(driver, request)` takes the slots of one request and returns its head.
  template <class Each, class Reserve>
  PrepareResult reserve_all(std::span<const Each> requests, Reserve&& reserve) noexcept;
  /// prepare() and submit() in one: `place(driver, request)` puts a request into the ring and
  /// returns its head.
  template <class Each, class Place>
  void post_all(std::span<const Each> requests, Place&& place) noexcept;
  /// Submits and issues transfers once more: `repeat(request)` has the device half start one anew
  /// and returns its head.
  template <class Each, class Repeat>
  void count_anew(std::span<const Each> requests, Repeat&& repeat) noexcept;
  /// Whether so many slots are there, or why not.
  [[nodiscard]] PrepareError check_slots(std::size_t needed) const noexcept;
  /// After poll() freed slots: rings for who waits for them.
  void space_freed() noexcept {
    if (space_wanted_ != 0) [[unlikely]]
      ring_for_space();
  }
  /// Shows what was submitted, and asks for no kick.
  void publish() noexcept;
  /// Before the device half goes. One that stands still is not waited for.
  void leave(bool stands_still) noexcept;
  /// Asks that of the device half, on the thread that runs the engine. Returns when it is done.
  void control(Control wanted) noexcept;
  /// Wakes an engine that sleeps.
  void wake() noexcept;
  /// Whether stop() was called.
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  /// Whether this cookie was given to a transfer that was not polled. They are polled in order.
  [[nodiscard]] bool holds(Cookie cookie) const noexcept {
    // 1 for the one that was submitted last
    return cookie != 0 && cookie_distance(cookie, next_cookie_) - 1 < in_flight_;
  }
  /// Keeps free slots back, for reusable transfers.
  void keep(std::uint32_t slots) noexcept { kept_ += slots; }
  /// Takes keep() back.
  void unkeep(std::uint32_t slots) noexcept { kept_ -= slots; }
  /// How many were submitted.
  [[nodiscard]] std::uint64_t submitted() const noexcept { return submitted_.value(); }
  /// From now on head_of() knows what is submitted. Throws std::bad_alloc.
  void keep_heads() { heads_.resize(size()); }
  /// Where the transfer is that got this cookie and was not polled; anywhere for another one. With
  /// keep_heads() only.
  [[nodiscard]] std::uint16_t head_of(Cookie cookie) const noexcept {
    return heads_[(next_head_ + heads_.size() - cookie_distance(cookie, next_cookie_)) %
                  heads_.size()];
  }
  /// The engine that runs the device half.
  [[nodiscard]] Engine& engine() noexcept { return engine_; }
  /// The ticket of a head. Reached from here, for the device half's own fields change all the time.
  [[nodiscard]] Ticket& ticket(std::uint16_t head) const noexcept;

  std::uint32_t in_flight_ = 0;  ///< see in_flight()
  Cookie next_cookie_;           ///< of the next transfer that is submitted

 private:
  friend class Prepared;
  void count_in(std::uint16_t head) noexcept;
  void drop(std::uint16_t first, std::uint32_t count) noexcept;
  void ring_for_space() noexcept;
  void finish() noexcept;

  Engine& engine_;
  ChannelDevice& device_;
  Ticket* const tickets_;
  Capabilities capabilities_;
  std::variant<ring::Driver<ring::Split>, ring::Driver<ring::Packed>> driver_;
  std::vector<ring::DriverSlot> slots_;
  std::vector<std::uint16_t> heads_;  // of the last submitted, in turn; empty: nobody asks
  std::uint32_t next_head_ = 0;       // of heads_, for the next cookie
  const bool driven_;
  const bool finishes_;
  bool stopped_ = false;
  std::uint32_t kept_ = 0;          // free slots of reusable transfers
  std::uint32_t space_wanted_ = 0;  // slots that somebody waits for, or 0
  Notify space_bell_;
  Counter submitted_;
  Counter shown_;  // transfers that were issued
  Counter kicks_;
};

}  // namespace bellpull::engine
