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

  /// The same pull with the completions handed to `to` one by one, from inside this call, at most
  /// `limit` of them. Returns how many. For clients whose code is written as a callback per
  /// descriptor but who want to say when and how often it comes.
  unsigned deliver(unsigned limit, const CompletionSink& to) noexcept;

  /// Stops the reporting of completions after the one that is being reported; frames that come
  /// meanwhile wait in the posted buffers, or are lost to the device once these are full. Cheap:
  /// the engine does not stand still for it. May be called from the channel's sink. Any thread.
  void pause() noexcept;

  /// Undoes pause(), and wakes the engine if it went to sleep over it. Any thread.
  void resume() noexcept;

 private:
  friend class Engine;

  StreamChannel(Engine& engine, std::unique_ptr<StreamDevice> device, const StreamOptions& options);
  [[nodiscard]] PrepareError check(std::span<const Request> requests) const noexcept;
  [[nodiscard]] PrepareError check(const Request& request) const noexcept;
  template <bool kPost, class Driver>
  std::uint16_t place(Driver& driver, const Request& request) noexcept;
  void reclaim_pushed() noexcept;

  bool pushes_ = false;
  bool writes_ = false;  // the device writes the client's memory
  std::vector<ring::Segment> scratch_;
  std::unique_ptr<StreamDevice> device_;
};

}  // namespace bellpull::engine
