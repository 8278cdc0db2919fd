// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/app.hpp"
#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/napi.hpp"
#include "bellpull/netdrv/nic_settings.hpp"
#include "bellpull/netdrv/nic_stats.hpp"
#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/style.hpp"
#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::netdrv {

class Instance;

/// Whom to call for a file descriptor that is no port's.
struct Watcher {
  /// Not null. Must not block, nor call the Nic but for settings() and configure().
  void (*ready)(void* context) noexcept = nullptr;
  void* context = nullptr;  ///< handed to ready(); outlives the Nic
};

/// A virtual NIC: ports, a NAPI instance per queue, an application, and no loop of its own.
///
/// The owner's loop calls run_once() when fd() is readable, or as long as run_once() returned true.
/// One owner thread, which with a driven engine is the engine's owner too. With threaded instances
/// each port is polled by a thread of its own, and App::receive() is called by several threads at
/// once, for different ports.
class Nic {
 public:
  /// Makes a port that rings the given bell and hands what it receives to the given stack.
  using PortFactory =
      std::function<std::unique_ptr<Port>(const engine::Notify& bell, Receiver& stack)>;

  /// `engine` and `app` outlive the Nic. Throws std::invalid_argument for settings out of range and
  /// std::system_error when the kernel refuses an epoll instance, an eventfd or a timer.
  Nic(engine::Engine& engine, App& app, const NicSettings& settings);
  Nic(const Nic&) = delete;
  Nic& operator=(const Nic&) = delete;
  /// Stops the ports. Frames on their way are lost; call drain() before.
  ~Nic();

  /// Adds a port over a link, which outlives the Nic, with a packet pool of its own, and returns
  /// its number: 0, 1 … Before start() only. Throws as make_port() does.
  unsigned add_port(Link& link, Style style = Style::poll, const PortOptions& options = {});

  /// The same with a port of the caller's making. Passes on what the factory throws.
  unsigned add_port(const PortFactory& factory);

  /// Leaves copies of port number `port`'s frames at these points, which outlive the Nic; they are
  /// a Capture's. Stays when the style changes. Before start() only.
  void capture(unsigned port, const CapturePoints& points) noexcept;

  /// Registers the wait sources, enables the instances, starts the ports and polls each once. Once,
  /// after the last add_port(). Throws std::system_error, and std::invalid_argument for threaded
  /// instances with a port that is not polled.
  void start();

  /// Changes the completion style of all ports over links, while frames are flowing: what was
  /// received is handed on first, and what is to be sent has `limit` to be sent. Counters go on.
  /// Owner thread, not from inside a round, after start(). Threaded instances
  /// and Style::push do not go together: std::invalid_argument. When a port cannot be made, what
  /// was thrown is passed on, and that port is gone.
  void set_style(Style style, std::chrono::milliseconds limit);

  /// Makes port number `port` anew over its link, in the style it has: after its interface came
  /// back (TapDevice::attach_again()), or for another MTU. It is running then, whatever it was.
  /// Counters go on. The other ports pause meanwhile and lose nothing: what was received is handed
  /// on first, and what is to be sent has `limit` to be sent. Owner thread, not from inside a
  /// round, after start(). std::invalid_argument: there is no such port over a link. When a port
  /// cannot be made, what was thrown is passed on, and that port is gone.
  void renew(unsigned port, std::chrono::milliseconds limit);

  /// Lets the owner wait for something else in the same sleep, at no system call of its own: a
  /// signalfd, a timer, a listening socket. run_once() calls `watcher` on the owner's thread as
  /// long as `fd` is readable, soon but not at once when the Nic is busy; drain(), set_style() and
  /// renew() never do. `fd` stays the caller's and open for the life of the Nic. Throws
  /// std::system_error.
  void watch(int fd, const Watcher& watcher);

  /// Readable when run_once() may have something to do. Add it to an epoll set of your own, and
  /// sleep on it after run_once(0) returned false. The Nic's, for its life.
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

  /// One round: sleeps at most `timeout_ms` (-1: as long as it takes, 0: not at all) if there is
  /// nothing to do and the mode lets it, runs a driven engine, and polls the scheduled instances in
  /// turn, each at most once, until the round's budget or its time is used up. True: there is more
  /// to do, or the owner pledged to busy-poll: do not sleep before the next call.
  bool run_once(int timeout_ms) noexcept;

  /// Changes the settings; takes effect in the next round. Throws std::invalid_argument, and
  /// changes nothing, for a value out of range. Owner thread.
  void configure(const NicSettings& settings);

  /// Throws what configure() would, and changes nothing. Owner thread.
  void check(const NicSettings& settings) const;

  /// The present settings. Owner thread.
  [[nodiscard]] const NicSettings& settings() const noexcept { return settings_; }

  /// Stops polling a port, or goes on; frames wait meanwhile where they are. False: it is so
  /// already, or its interface is gone. Owner thread, not from inside a round.
  bool set_enabled(unsigned port, bool enabled) noexcept;

  /// Whether it is polling rather than listening. Any thread.
  [[nodiscard]] bool polling() const noexcept { return polling_.load(std::memory_order_relaxed); }

  /// Ends it in good order: stops receiving, hands on what was received, sends what is waiting, and
  /// stops. Afterwards every frame has its disposition and all buffers are back. Blocks at most
  /// `limit` for frames that cannot be sent; those are dropped as `shutdown`.
  void drain(std::chrono::milliseconds limit) noexcept;

  /// Whether port number `port` has its interface. Owner thread.
  [[nodiscard]] PortState state(unsigned port) const noexcept;

  /// Ports that still have their interface.
  [[nodiscard]] unsigned running_ports() const noexcept;

  /// All counters. Owner thread; allocates.
  [[nodiscard]] NicStats stats() const;

 private:
  friend class Instance;

  unsigned add(std::unique_ptr<Instance> added);
  void open_events();
  void watch_own();
  void watch_sources();
  void wake() noexcept;
  void wait(int timeout_ms) noexcept;
  void look(int timeout_ms, bool heed_watchers = true) noexcept;
  void set_timer() noexcept;
  int wait_for_events(void* events, int most, int timeout_ms) noexcept;
  [[nodiscard]] std::uint64_t next_timer() const noexcept;
  void fire_timers() noexcept;
  unsigned busy_poll() noexcept;
  unsigned run_engine() noexcept;
  void collect_rung() noexcept;
  unsigned poll_instances() noexcept;
  void schedule_all() noexcept;
  void set_polling(bool polling) noexcept;
  void adapt() noexcept;
  void check_threaded(bool threaded) const;
  void apply() noexcept;
  void dispatch(Instance& instance) noexcept;
  Round poll_once(Instance& instance) noexcept;
  void forget_scheduled(Instance& instance) noexcept;
  void stop_threads() noexcept;
  void start_instances();
  void start_instance(Instance& instance);
  void remake(const std::function<void(Instance&)>& make);
  void remake_from(std::size_t first, const std::function<void(Instance&)>& make);
  void go_on();
  [[nodiscard]] bool busy() noexcept;
  [[nodiscard]] bool all_sent() const noexcept;

  engine::Engine& engine_;
  App& app_;
  NicSettings settings_;
  Adaptive adaptive_;
  std::uint64_t received_ = 0;  // that adaptive_ was told of
  bool started_ = false;
  std::atomic<bool> polling_;
  std::atomic<unsigned> budget_{0};
  std::atomic<std::uint32_t> byte_budget_{0};
  UniqueFd epoll_;
  UniqueFd wake_;
  UniqueFd timer_;
  std::uint64_t timer_set_ = Napi::kNever;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::vector<Instance*> scheduled_;  // owned, in the order of their turn
  std::vector<Instance*> polled_;     // scratch of a round
  std::vector<Watcher> watchers_;
  bool suspended_ = false;  // some instance, by the latest busy poll
  unsigned rounds_since_look_ = 0;
  engine::Counter waits_;
  engine::Counter wakeups_;
  engine::Counter looks_;
  engine::Counter squeezes_;
  engine::Counter mode_switches_;
};

}  // namespace bellpull::netdrv
