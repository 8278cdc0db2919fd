// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/app.hpp"
#include "bellpull/netdrv/latency_histogram.hpp"
#include "bellpull/netdrv/napi.hpp"
#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::netdrv {

/// When a Nic listens for the bell and when it just pulls.
enum class Mode : std::uint8_t {
  interrupt,  ///< masked while polling, unmasked and asleep when there is nothing
  poll,  ///< never listens, never sleeps; gives way to its core's other threads when it has nothing
};

/// Most frames that a Nic can be told to take per poll.
inline constexpr unsigned kMaxBudget = 4096;

/// How a Nic is made.
struct NicOptions {
  Mode mode = Mode::interrupt;  ///< can be changed later
  unsigned budget = 64;         ///< frames per poll, 1 to kMaxBudget; can be changed later
  std::uint32_t byte_budget = 256 * 1024;  ///< bytes per poll of an instance, at least 1
};

/// Whom to call for a file descriptor that is no port's.
struct Watcher {
  /// Not null. Must not block, nor call the Nic but for what reads or changes its settings.
  void (*ready)(void* context) noexcept = nullptr;
  void* context = nullptr;  ///< handed to ready(); outlives the Nic
};

/// Counters of one queue, copied.
struct QueueStats {
  std::uint64_t rx_packets = 0;                          ///< see PortCounters
  std::uint64_t rx_bytes = 0;                            ///< see PortCounters
  std::uint64_t rx_errors = 0;                           ///< see PortCounters
  std::uint64_t rx_consumed = 0;                         ///< see PortCounters
  std::array<std::uint64_t, kDropReasons> rx_dropped{};  ///< by DropReason
  std::uint64_t tx_packets = 0;                          ///< see PortCounters
  std::uint64_t tx_bytes = 0;                            ///< see PortCounters
  std::array<std::uint64_t, kDropReasons> tx_dropped{};  ///< by DropReason
  std::uint64_t polls = 0;                               ///< rounds of its NAPI instance
  std::uint64_t work = 0;                                ///< budget used in them, in frames
  std::uint64_t largest_work = 0;                        ///< most used in one round
  std::uint64_t scheduled = 0;                           ///< successful schedules
  std::uint64_t missed = 0;                              ///< events while it was owned
  std::uint64_t masked_ns = 0;                           ///< time from schedule to completion
  std::uint64_t notifies = 0;                            ///< times its bell was rung
  std::uint64_t mode_switches = 0;                       ///< calls of set_mode() that changed it
  std::uint64_t syscalls = 0;                            ///< calls that moved its frames
  std::optional<LatencyHistogram> latency;               ///< of its frames; none: not measured
};

/// Counters of one port, copied.
struct PortStats {
  std::string name;                      ///< Port::name()
  PortState state = PortState::running;  ///< Port::state()
  std::vector<QueueStats> queues;        ///< one for now
};

/// Counters of a Nic, copied.
struct NicStats {
  std::vector<PortStats> ports;  ///< in the order of add_port()
  std::uint64_t waits = 0;       ///< epoll_wait calls that were allowed to sleep
  std::uint64_t wakeups = 0;     ///< of these, ended by an event of a port
  std::uint64_t looks = 0;       ///< epoll_wait calls that were not
  engine::EngineStats engine;    ///< of the engine
};

/// A virtual NIC: ports, a NAPI instance per queue, an application, and no loop of its own.
///
/// The owner's loop calls run_once() when fd() is readable, or as long as run_once() returned true.
/// One owner thread, which with a driven engine is the engine's owner too.
class Nic {
 public:
  /// Makes a port that rings the given bell.
  using PortFactory = std::function<std::unique_ptr<Port>(const engine::Notify& bell)>;

  /// `engine` and `app` outlive the Nic. Throws std::invalid_argument for options out of range and
  /// std::system_error when the kernel refuses an epoll instance or an eventfd.
  Nic(engine::Engine& engine, App& app, const NicOptions& options);
  Nic(const Nic&) = delete;
  Nic& operator=(const Nic&) = delete;
  /// Stops the ports. Frames on their way are lost; call drain() before.
  ~Nic();

  /// Adds a port and returns its number: 0, 1 … Before start() only. Passes on what the factory
  /// throws.
  unsigned add_port(const PortFactory& factory);

  /// Registers the wait sources, enables the instances and polls each once. Once, after the last
  /// add_port(). Throws std::system_error.
  void start();

  /// Lets the owner wait for something else in the same sleep, at no system call of its own: a
  /// signalfd, a timer, a listening socket. run_once() calls `watcher` on the owner's thread as
  /// long as `fd` is readable, soon but not at once when the Nic is busy. `fd` stays the caller's
  /// and open for the life of the Nic. Throws std::system_error.
  void watch(int fd, const Watcher& watcher);

  /// Readable when run_once() may have something to do. Add it to an epoll set of your own. The
  /// Nic's, for its life.
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

  /// One round: sleeps at most `timeout_ms` (-1: as long as it takes, 0: not at all) if there is
  /// nothing to do and the mode lets it, runs a driven engine, polls each scheduled instance once.
  /// True: there is more to do, do not sleep before the next call.
  bool run_once(int timeout_ms) noexcept;

  /// Changes the mode; takes effect in the next round.
  void set_mode(Mode mode) noexcept;

  /// The present mode.
  [[nodiscard]] Mode mode() const noexcept { return mode_; }

  /// Changes how many frames an instance takes per poll, 1 to kMaxBudget; takes effect in the next
  /// round. Owner thread. Throws std::invalid_argument when out of range.
  void set_budget(unsigned frames);

  /// The present budget in frames.
  [[nodiscard]] unsigned budget() const noexcept { return budget_; }

  /// Ends it in good order: stops receiving, hands on what was received, sends what is waiting, and
  /// stops. Afterwards every frame has its disposition and all buffers are back. Blocks at most
  /// `limit` for frames that cannot be sent; those are dropped as `shutdown`.
  void drain(std::chrono::milliseconds limit) noexcept;

  /// Ports that still have their interface.
  [[nodiscard]] unsigned running_ports() const noexcept;

  /// All counters. Owner thread; allocates.
  [[nodiscard]] NicStats stats() const;

 private:
  struct Queue;

  void wait(int timeout_ms) noexcept;
  void look(int timeout_ms) noexcept;
  unsigned run_engine() noexcept;
  void collect_rung() noexcept;
  unsigned poll_instances() noexcept;
  void schedule_all() noexcept;
  [[nodiscard]] bool busy() noexcept;
  [[nodiscard]] bool idle_for_good() noexcept;
  static void ring(void* queue) noexcept;

  engine::Engine& engine_;
  App& app_;
  const NicOptions options_;
  Mode mode_;
  unsigned budget_ = 0;  // set by the constructor
  Egress egress_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::vector<Queue*> scheduled_;  // owned instances, in the order of their turn
  std::vector<Packet> burst_;
  std::vector<Watcher> watchers_;
  unsigned rounds_since_look_ = 0;
  engine::Counter waits_;
  engine::Counter wakeups_;
  engine::Counter looks_;
  engine::Counter mode_switches_;
};

}  // namespace bellpull::netdrv
