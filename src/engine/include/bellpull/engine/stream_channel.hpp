// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/queue_layout.hpp"
#include "bellpull/ring/driver.hpp"

namespace bellpull::engine {

class Engine;
class StreamChannel;
class StreamDevice;

/// What a client asks for: one transfer of one or more segments.
struct Request {
  std::span<const Segment> segments;  ///< read during the call only; the memory it names is lent
  std::uint64_t token = 0;            ///< comes back in the completion
};

/// Why prepare() took nothing.
struct PrepareError {
  /// The three ways to fail, each with its own cure.
  enum class Kind : std::uint8_t {
    none,         ///< it did not fail
    would_block,  ///< not now: `needed` slots, `free` are left; poll, then try again
    too_large,  ///< never: the limit is `max` (slots of the ring, segments or bytes of a transfer)
    bad_request,  ///< never: `segment` of `request` has no memory or no length, or there is none
  };
  Kind kind = Kind::none;     ///< which
  std::uint32_t needed = 0;   ///< descriptors, when would_block
  std::uint32_t free = 0;     ///< descriptors, when would_block
  std::uint32_t max = 0;      ///< when too_large
  std::uint32_t request = 0;  ///< index in the batch, when too_large or bad_request
  std::uint32_t segment = 0;  ///< index in the request, when bad_request
};

/// Transfers that hold their slots but are not submitted. Dropping it gives the slots back, and the
/// buffers were never lent. Owner thread of the channel only; must not outlive the channel.
class [[nodiscard]] Prepared {
 public:
  /// Holds nothing.
  Prepared() = default;
  /// Takes the slots over; `other` holds none afterwards.
  Prepared(Prepared&& other) noexcept
      : channel_(std::exchange(other.channel_, nullptr)),
        first_(other.first_),
        count_(std::exchange(other.count_, 0)) {}
  /// Gives its own slots back, then takes those of `other` over.
  Prepared& operator=(Prepared&& other) noexcept;
  /// Gives the slots back.
  ~Prepared();

  /// Transfers in it; 0 after it was moved from.
  [[nodiscard]] std::uint32_t size() const noexcept { return count_; }

 private:
  friend class StreamChannel;
  Prepared(StreamChannel* channel, std::uint16_t first, std::uint32_t count) noexcept
      : channel_(channel), first_(first), count_(count) {}

  StreamChannel* channel_ = nullptr;
  std::uint16_t first_ = 0;
  std::uint32_t count_ = 0;
};

/// Answer of prepare(): transfers, or the reason.
struct [[nodiscard]] PrepareResult {
  Prepared prepared;   ///< empty when it failed
  PrepareError error;  ///< kind none when it did not
  /// Whether all transfers were prepared.
  explicit operator bool() const noexcept { return error.kind == PrepareError::Kind::none; }
};

/// Answer of arm().
enum class Armed : std::uint8_t {
  armed,         ///< the next completion rings the bell; sleeping is safe
  work_pending,  ///< there may be something already: poll again instead of sleeping
};

/// Statistics of a channel. Each value is exact; together they are a snapshot only when the engine
/// rests.
struct StreamStats {
  std::uint64_t submitted = 0;  ///< transfers
  std::uint64_t completed = 0;  ///< transfers, whatever their status
  std::uint64_t failed = 0;     ///< of these, not ok
  std::uint64_t bytes = 0;      ///< moved, those of failed transfers too
  std::uint64_t notifies = 0;   ///< times the bell was rung
  std::uint64_t kicks = 0;      ///< times a sleeping engine was woken
  std::uint64_t bad_done = 0;   ///< reports of the back-end that named no transfer it had
};

/// The client's half of a stream channel: a virtqueue with a DMA engine on its device half, for
/// transfers that are just bytes (frames, a byte stream).
///
/// prepare -> submit -> issue -> *bell* -> poll. One owner thread calls everything but stats();
/// with a driven engine that is the thread that calls Engine::run(). Nothing blocks, allocates or
/// makes a system call but issue() when it has to wake a sleeping engine, and stop(). Opened by
/// Engine::open_stream(), destroyed before its engine.
class StreamChannel {
 public:
  StreamChannel(const StreamChannel&) = delete;
  StreamChannel& operator=(const StreamChannel&) = delete;
  /// Stops the channel. Completions that were not polled are lost to the client.
  ~StreamChannel();

  /// Takes the slots for all of `requests`, or for none. Reads the requests, lends no memory, moves
  /// nothing.
  PrepareResult prepare(std::span<const Request> requests) noexcept;

  /// Puts prepared transfers in line, in order, and returns the cookie of the first; the others
  /// follow. Cannot fail and starts nothing. From here on the buffers are the engine's until the
  /// completion was polled. Returns 0 for an empty batch, and for one of another channel, which is
  /// dropped.
  Cookie submit(Prepared prepared) noexcept;

  /// prepare() and submit() in one call: one call per burst for a receive ring.
  PrepareError post(std::span<const Request> requests) noexcept;

  /// Lets everything submitted begin: one store for the lot, and a doorbell if the engine sleeps.
  /// The only call that starts anything.
  void issue() noexcept;

  /// Pulls at most completions.size() completions, oldest first, and returns how many. Transfers
  /// that are posted while the caller handles them do not extend the call. An empty span does
  /// nothing. With a push sink there is nothing to pull and it only takes the slots back.
  unsigned poll(std::span<Completion> completions) noexcept;

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

  /// Slots (descriptors, one per segment) that prepare() can still take.
  [[nodiscard]] std::uint32_t free_slots() const noexcept;

  /// Slots of the ring.
  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(slots_.size());
  }

  /// The limits of the back-end.
  [[nodiscard]] const Capabilities& capabilities() const noexcept { return capabilities_; }

  /// Statistics. Any thread.
  [[nodiscard]] StreamStats stats() const noexcept;

 private:
  friend class Engine;
  friend class Prepared;

  StreamChannel(Engine& engine, std::unique_ptr<StreamDevice> device, bool pushes);
  [[nodiscard]] PrepareError check(std::span<const Request> requests) const noexcept;
  [[nodiscard]] PrepareError check(const Request& request) const noexcept;
  template <class Driver>
  std::uint16_t reserve(Driver& driver, const Request& request) noexcept;
  void drop(std::uint16_t first, std::uint32_t count) noexcept;
  void reclaim_pushed() noexcept;
  void publish() noexcept;

  Engine& engine_;
  Capabilities capabilities_;
  bool pushes_ = false;
  // Which layout is asked once per call, never per transfer.
  std::variant<ring::Driver<ring::Split>, ring::Driver<ring::Packed>> driver_;
  std::vector<ring::DriverSlot> slots_;
  std::vector<ring::Segment> scratch_;
  Cookie next_cookie_ = 1;
  std::uint32_t in_flight_ = 0;
  Counter submitted_;
  Counter kicks_;
  std::unique_ptr<StreamDevice> device_;
};

}  // namespace bellpull::engine
