// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/channel.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/notify.hpp"

namespace bellpull::engine {

class Engine;
class StreamDevice;
struct StreamOptions;

/// What a client of a stream asks for: one transfer of one or more segments.
struct Request {
  std::span<const Segment> segments;  ///< read during the call only; the memory it names is lent
  std::uint64_t token = 0;            ///< comes back in the completion
};

/// A channel for transfers that are just bytes: frames, a byte stream. Opened by
/// Engine::open_stream().
class StreamChannel final : public Channel {
 public:
  /// Stops the channel. Completions that were not polled are lost to the client.
  ~StreamChannel();

  /// Takes the slots for all of `requests`, or for none. Reads the requests, lends no memory, moves
  /// nothing.
  PrepareResult prepare(std::span<const Request> requests) noexcept;

  /// prepare() and submit() in one call: one call per batch for a receive ring.
  PrepareError post(std::span<const Request> requests) noexcept;

  /// Pulls at most completions.size() completions, oldest first, and returns how many. Transfers
  /// that are posted while the caller handles them do not extend the call. An empty span does
  /// nothing. With a push sink there is nothing to pull and it only takes the slots back.
  unsigned poll(std::span<Completion> completions) noexcept;

  /// poll() that hands the completions to `to.push`, which is not null, one by one on the calling
  /// thread. At most `limit`; returns how many. The slots of a transfer are free when it is handed
  /// over, so push() may prepare, submit and issue; what it submits does not extend the call. For
  /// clients that are written as a function per transfer and want to say when it is called.
  unsigned deliver(unsigned limit, const CompletionSink& to) noexcept;

  /// From inside of the channel's push sink: transfers that it has heard of begin anew with what
  /// `requests` name, one each, as if they were posted and issued, but without a way through the
  /// ring: their slots stay taken, and they are begun before what the ring still holds. For a
  /// receiver that hands full buffers on and lends others at once, as DPDK's recycling of mbufs
  /// does. At most repostable() of them. True for none. False, and nothing is lent: they are more,
  /// or one breaks a rule; post() says which.
  bool repost(std::span<const Request> requests) noexcept;

  /// From inside of the channel's push sink: how many requests repost() takes. The transfer that is
  /// being reported, and those reported before it in the same turn of the engine, up to 64, that
  /// were not begun anew yet; when the sink returns from the last, all that are left end for good.
  /// 0 when the channel has stopped, and outside of the sink.
  [[nodiscard]] unsigned repostable() const noexcept;

  /// Stops the reporting of completions, to a sink or into the used ring, until resume(). Asked for
  /// from the channel's sink, the one that is being reported is the last; from another thread one
  /// more may be under way. Transfers go on being started, and what has ended is kept and reported
  /// later: frames that come meanwhile wait in the posted buffers and in the device, which may
  /// drop what it has no room for. What is in the used ring can be polled; arm() of a driven
  /// engine's channel says `armed` when all the rest is withheld. Unlike OperationChannel::pause()
  /// it does not wait for anything, and the engine does not stand still. stop() reports what has
  /// ended, ends the rest, and a pause holds back nothing from then on; closing does not wait for a
  /// channel that is paused, whatever OnClose says. Not counted: any number of pauses, one
  /// resume(). Any thread, while the channel exists.
  void pause() noexcept;

  /// Takes pause() back. Wakes an autonomous engine that sleeps over it, with one `write`. A driven
  /// engine has to be run again: whoever resumes on another thread than the owner's wakes the owner
  /// himself. What the client wrote before, the sink sees. Any thread, while the channel exists.
  void resume() noexcept;

 private:
  friend class Engine;

  StreamChannel(Engine& engine, std::unique_ptr<StreamDevice> device, const StreamOptions& options);
  [[nodiscard]] PrepareError check(std::span<const Request> requests) const noexcept;
  [[nodiscard]] PrepareError check(const Request& request) const noexcept;
  [[nodiscard]] bool plain(const Request& request) const noexcept;
  template <bool kPost, class Driver>
  std::uint16_t place(Driver& driver, const Request& request) noexcept;
  [[nodiscard]] Completion completion(std::uint16_t head) const noexcept;
  void reclaim_pushed() noexcept;

  bool pushes_ = false;
  bool writes_ = false;  // the device writes the client's memory
  std::vector<ring::Segment> scratch_;
  std::unique_ptr<StreamDevice> device_;
};

}  // namespace bellpull::engine
