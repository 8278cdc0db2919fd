// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/channel.hpp"
#include "bellpull/engine/stream_result.hpp"
#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::engine {

class Engine;
class StreamDevice;
struct StreamOptions;

/// A stream whose virtqueue the client holds itself: the engine has the device half, the client
/// attaches a driver half of its own (`ring::Driver`) to memory() and makes chains of at most
/// capabilities().max_segments segments available, addresses being pointers. Nothing of a channel
/// is between the two: no check, no cookie, no token but the ring's. Opened by
/// Engine::open_queue().
///
/// One owner thread, which with a driven engine is the one that calls Engine::run().
class StreamQueue {
 public:
  StreamQueue(const StreamQueue&) = delete;
  StreamQueue& operator=(const StreamQueue&) = delete;
  /// Stops it. Destroyed before its engine; the driver half must not be used afterwards.
  ~StreamQueue();

  /// The ring, if it was opened with QueueLayout::split. Valid for the life of the queue.
  [[nodiscard]] const ring::SplitMemory& split_memory() const noexcept;
  /// The ring, if it was opened with QueueLayout::packed. Valid for the life of the queue.
  [[nodiscard]] const ring::PackedMemory& packed_memory() const noexcept;

  /// How the chain of a head ended that was polled; all a virtqueue itself knows is a length.
  [[nodiscard]] const StreamResult& result(std::uint16_t head) const noexcept;

  /// Wakes an autonomous engine. Call it when Driver::publish_and_test() asks for it; with a driven
  /// engine, which is woken by being run, Driver::publish() is enough.
  void kick() noexcept;

  /// Whether run() of a driven engine would find nothing to move. After Driver::arm() found
  /// nothing, sleeping is safe only if this is true; with an autonomous engine it always is.
  [[nodiscard]] bool settled() noexcept;

  /// Ends all chains, as Channel::stop() does; they can be polled afterwards. Blocks until the
  /// back-end touches no client memory.
  void stop() noexcept;

  /// What the back-end takes.
  [[nodiscard]] const Capabilities& capabilities() const noexcept;

  /// Statistics, `submitted` and `kicks` excepted, which the driver half counts. Any thread.
  [[nodiscard]] ChannelStats stats() const noexcept;

 private:
  friend class Engine;

  StreamQueue(Engine& engine, std::unique_ptr<StreamDevice> device) noexcept;

  Engine& engine_;
  const bool driven_;
  std::unique_ptr<StreamDevice> device_;
};

}  // namespace bellpull::engine
