// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/queue_layout.hpp"
#include "bellpull/engine/stream_channel.hpp"
#include "bellpull/engine/stream_queue.hpp"

namespace bellpull::engine {

/// Who runs an engine.
enum class Placement : std::uint8_t {
  driven,      ///< its owner, by calling run() on the owner's thread
  autonomous,  ///< a thread of its own
};

/// How an engine is made.
struct EngineOptions {
  Placement placement = Placement::driven;  ///< see Placement
  /// Autonomous: never sleep, ask the devices again and again; give way when there was nothing.
  bool spin = false;
};

/// What becomes of what is issued and not over when its channel is closed.
enum class OnClose : std::uint8_t {
  abort,   ///< it ends there and then, as after stop()
  finish,  ///< it runs to its end first: for who knows that the device will get there; of a
           ///< channel that is paused it ends there and then all the same
};

/// How a stream channel is opened.
struct StreamOptions {
  std::uint32_t size = 256;  ///< slots, one per segment: 1 to 32768, split: a power of two
  Notify notify{};           ///< the bell
  CompletionSink sink{};     ///< where completions go
  QueueLayout layout = QueueLayout::split;  ///< of the ring
  Cookie first_cookie = 1;                  ///< of the first transfer, not 0
  OnClose on_close = OnClose::abort;        ///< see OnClose
};

/// What becomes of the transfers behind one that failed.
enum class ErrorPolicy : std::uint8_t {
  go_on,  ///< they run, but for fenced ones
  halt,   ///< those that were not begun are not_attempted, until OperationChannel::reset()
};

/// How an operation channel is opened.
struct OperationOptions {
  std::uint32_t size = 256;  ///< slots, one per segment: 1 to 32768, split: a power of two
  Notify notify{};           ///< the bell
  OperationSink sink{};      ///< where completions go
  QueueLayout layout = QueueLayout::split;    ///< of the ring
  ErrorPolicy on_error = ErrorPolicy::go_on;  ///< see ErrorPolicy
  Cookie first_cookie = 1;                    ///< of the first transfer, not 0
  OnClose on_close = OnClose::abort;          ///< see OnClose
};

/// What a run() did.
struct RunResult {
  unsigned completed = 0;  ///< transfers that ended
  bool runnable = false;   ///< another run() would find something to do at once
};

/// Statistics of an engine.
struct EngineStats {
  std::uint64_t runs = 0;       ///< rounds over the channels
  std::uint64_t waits = 0;      ///< autonomous: times the thread asked the kernel to let it sleep
  std::uint64_t doorbells = 0;  ///< autonomous: eventfd writes that woke the thread
  std::uint64_t opened = 0;     ///< channels that were opened
  std::uint64_t closed = 0;     ///< of these, that were closed
};

/// Runs the device halves of its channels: takes what was issued, starts it on the back-ends, reaps
/// what is done and elects the next, all in one place. Back-ends execute nowhere else.
///
/// Members are called on the owner's thread, which for a driven engine owns the channels too. The
/// channels of an autonomous engine may be opened, used and closed by threads of their own.
class Engine {
 public:
  /// Starts the thread of an autonomous engine. Throws std::system_error when the kernel refuses
  /// the thread, the epoll instance or the eventfd.
  explicit Engine(const EngineOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  /// Stops the thread. All channels are closed by then.
  ~Engine();

  /// Opens a channel over `backend`, which it owns from then on. Allocates all the channel will
  /// ever need. Throws std::system_error for a size the ring cannot have or a wait source that
  /// cannot be watched, and std::invalid_argument for a back-end that is missing or declares
  /// segments out of range. Blocks until an autonomous engine has taken the channel in.
  [[nodiscard]] std::unique_ptr<StreamChannel> open_stream(const StreamOptions& options,
                                                           std::unique_ptr<Backend> backend);

  /// The same with the driver half left to the client. There are no cookies to begin with
  /// `first_cookie`. Throws std::invalid_argument too for a sink, since completions stay in the
  /// used ring, and for OnClose::finish, since only the client knows what is issued.
  [[nodiscard]] std::unique_ptr<StreamQueue> open_queue(const StreamOptions& options,
                                                        std::unique_ptr<Backend> backend);

  /// The same for an operation channel. Whatever the limits of the back-end, the channel takes
  /// transfers of up to kMaxSegments segments in a list and 2^32 - 1 bytes, and cuts up what is too
  /// large for it. Throws std::invalid_argument too when the back-end declares no memory operation.
  [[nodiscard]] std::unique_ptr<OperationChannel> open_operations(const OperationOptions& options,
                                                                  std::unique_ptr<Backend> backend);

  /// Driven engines: one round over the channels, those that send first, so that what was just
  /// issued does not wait behind reads. At most `limit` completions per channel. A channel whose
  /// device would block is left out until source_ready() or retry_blocked(). Never blocks.
  RunResult run(unsigned limit) noexcept;

  /// Driven engines: whether run() would find something to do now. When false, sleep on the wait
  /// sources.
  [[nodiscard]] bool runnable() noexcept;

  /// Driven engines: what to sleep on, each file descriptor once. Register edge-triggered with the
  /// position as the user data. Valid until a channel is opened or closed.
  [[nodiscard]] std::span<const WaitSource> wait_sources() const noexcept;

  /// Driven engines: the wait source at `position` reported `events`, as epoll or poll have them;
  /// all, where it is not known which.
  void source_ready(std::size_t position, std::uint32_t events = ~0U) noexcept;

  /// Driven engines: asks all devices again that would have blocked. For an owner who polls.
  void retry_blocked() noexcept;

  /// Autonomous engines: changes EngineOptions::spin from the thread's next round on. Any thread.
  void set_spin(bool spin) noexcept;

  /// Who runs it.
  [[nodiscard]] Placement placement() const noexcept;

  /// Statistics. Any thread.
  [[nodiscard]] EngineStats stats() const noexcept;

 private:
  friend class Channel;
  friend class StreamQueue;
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace bellpull::engine
