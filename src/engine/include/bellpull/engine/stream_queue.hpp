// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/channel.hpp"
#include "bellpull/engine/stream_result.hpp"
#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::engine {

class Engine;
class StreamDevice;
struct StreamOptions;

/// A stream whose virtqueue the client holds itself: the engine has the device half, the client
/// attaches a driver half of its own (`ring::Driver`, no features) to the memory of its layout and
/// makes chains available: addresses are pointers, all segments are writable for a back-end that
/// reads and readable for one that writes. Nothing of a channel is between the two: no cookie, no
/// token but the ring's, and none of the rules that StreamChannel::prepare() checks, which the
/// client keeps himself; only a chain of more segments than the back-end takes is given back, with
/// a length of 0 and no result. Opened by Engine::open_queue().
///
/// One owner thread calls everything that does not say otherwise; with a driven engine it is the
/// one that calls Engine::run(). Nothing blocks, allocates or makes a system call but what says so.
class StreamQueue {
 public:
  StreamQueue(const StreamQueue&) = delete;
  StreamQueue& operator=(const StreamQueue&) = delete;
  /// Stops it, and blocks as stop() does. Destroyed before its engine; the driver half must not be
  /// used afterwards.
  ~StreamQueue();

  /// The ring, if it was opened with QueueLayout::split. Valid for the life of the queue.
  [[nodiscard]] const ring::SplitMemory& split_memory() const noexcept;
  /// The ring, if it was opened with QueueLayout::packed. Valid for the life of the queue.
  [[nodiscard]] const ring::PackedMemory& packed_memory() const noexcept;

  /// How the chain of a head ended that was polled; all a virtqueue itself knows is a length. Valid
  /// until that head is made available again.
  [[nodiscard]] const StreamResult& result(std::uint16_t head) const noexcept;

  /// Wakes an autonomous engine, with one `write`. Call it when Driver::publish_and_test() asks for
  /// it; with a driven engine, which is woken by being run, Driver::publish() is enough and this
  /// does nothing.
  void kick() noexcept;

  /// A turn for this queue alone, under the terms of Channel::run(): what was published is begun,
  /// and at most `limit` chains are reaped. Makes the system calls of the back-end.
  std::optional<unsigned> run(unsigned limit) noexcept;

  /// Whether run() of a driven engine would find nothing to move, as Channel::arm() asks. After
  /// Driver::arm() found nothing, sleeping is safe only if this is true; with an autonomous engine
  /// it always is.
  [[nodiscard]] bool settled() noexcept;

  /// Ends all chains that were published, as Channel::stop() does; they can be polled afterwards.
  /// Chains that are published later end as not_attempted. Blocks until the back-end touches no
  /// client memory. Idempotent.
  void stop() noexcept;

  /// What the back-end takes. Nothing checks it but the number of segments.
  [[nodiscard]] const Capabilities& capabilities() const noexcept;

  /// Statistics, `submitted` and `kicks` excepted, which are 0: the driver half counts them. Any
  /// thread.
  [[nodiscard]] ChannelStats stats() const noexcept;

 private:
  friend class Engine;

  StreamQueue(Engine& engine, std::unique_ptr<StreamDevice> device) noexcept;

  Engine& engine_;
  const bool driven_;
  std::unique_ptr<StreamDevice> device_;
};

}  // namespace bellpull::engine
