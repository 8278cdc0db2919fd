// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/crossing.hpp"
#include "bellpull/netdrv/egress.hpp"
#include "bellpull/netdrv/latency_histogram.hpp"
#include "bellpull/netdrv/napi.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/style.hpp"
#include "dim.hpp"

namespace bellpull::netdrv {

/// A queue of a Nic: a port, who may poll it, and the way of its frames to the application. What
/// napi_round() calls a device, and what a port calls the stack.
class Instance final : public Receiver {
 public:
  Instance(Nic& nic, unsigned number) noexcept : nic_(nic), number_(number) {}

  /// Makes the port, and its pool.
  void make_port_over(Link& link, const PortOptions& options, Style style);

  /// Puts a port of that style in the place of one that is stopped. One that is not over a link, or
  /// whose interface is gone, stays. When it throws, the instance has lost its port.
  void restyle(Style style);

  /// Puts a port in the place of one that is stopped or gone: same link, same style. When it
  /// throws, the instance has lost its port.
  void renew();

  /// That of the port that is here, or that one would have.
  [[nodiscard]] Style style() const noexcept { return style_; }

  /// Makes the calling thread the owner of what the port's packets come from.
  void adopt_pools() noexcept;

  /// Packets that are out; the port is over a link.
  [[nodiscard]] std::uint64_t outstanding() const noexcept;

  /// What the port was made over; null: it is no such port.
  [[nodiscard]] const Link* link() const noexcept { return link_; }

  /// Leaves copies of the port's frames there, whichever port it is. Nothing moves meanwhile.
  void capture(const CapturePoints& points) noexcept;

  /// Takes over what of the settings is per instance.
  void configure(const NicSettings& settings) noexcept;

  /// What the port rings.
  [[nodiscard]] engine::Notify bell() noexcept { return {&Instance::ring, this}; }

  // What napi_round() calls.
  unsigned poll(unsigned budget) noexcept;
  engine::Armed unmask() noexcept { return port->arm(); }
  void mask() noexcept { port->disarm(); }

  /// Frames received so far. Any thread.
  [[nodiscard]] std::uint64_t received() const noexcept { return received_.value(); }

  /// The next round is the timer's.
  void expire() noexcept { by_timer_ = true; }

  /// After a round, at `now` on the clock: chooses anew how long to defer, if there was an event.
  void moderate(const NapiSettings& settings, std::uint64_t now) noexcept;

  /// A poll that is no round: of a Nic that comes to rest.
  unsigned pull(unsigned budget) noexcept;

  /// From the port, on whichever thread hands frames over.
  void receive(std::span<Packet> burst) noexcept override;

  /// Gives ownership, which the caller has, to whoever polls the instance: its thread, or the loop
  /// of the Nic, which takes it with take_rung().
  void hand_over() noexcept;

  /// Whether ownership was handed over to the loop since the last call.
  [[nodiscard]] bool take_rung() noexcept;

  /// Takes ownership back, if anybody has it, from whoever is on the way to hand it over. The
  /// thread of the instance has been stopped, and the loop knows nothing of it. False: nobody had
  /// it.
  [[nodiscard]] bool take_back() noexcept;

  /// Lets frames for this port from the others cross over. No instance is polled. Throws
  /// std::bad_alloc.
  void make_crossings(std::span<const std::unique_ptr<Instance>> all);
  /// Undoes it; what has not been sent is lost.
  void forget_crossings(std::span<const std::unique_ptr<Instance>> all) noexcept;

  /// From now on the instance, which is disabled, is polled by a thread of its own. Throws
  /// std::system_error.
  void start_thread();

  /// Whether it is. Any thread that owns the instance, and that of the Nic.
  [[nodiscard]] bool threaded() const noexcept {
    return threaded_.load(std::memory_order_relaxed);  // does not change while anybody owns it
  }

  /// Ends the thread, wherever it is. Afterwards the caller's thread polls the instance.
  void stop_thread() noexcept;

  /// Sends what has crossed over from other threads.
  void send_crossed() noexcept;

  /// All counters.
  [[nodiscard]] QueueStats stats() const;

  // Of a port made for shorter frames, which may be out still; before the port, as pool.
  std::unique_ptr<PacketPool> former_pool;
  std::unique_ptr<PacketPool> pool;  // null: the port is the caller's
  std::unique_ptr<Port> port;
  Napi napi{Clock{monotonic_ns, nullptr}};
  Egress egress;
  bool enabled = true;     // by the owner's wish
  unsigned last_work = 0;  // of the latest poll

 private:
  static constexpr std::uint32_t kRung = 1;
  static constexpr std::uint32_t kQuit = 2;

  static void ring(void* instance) noexcept;
  void run_thread() noexcept;
  void remake();
  void keep_counters() noexcept;
  void measure(std::span<const Packet> burst, unsigned every) noexcept;
  void release_gone() noexcept;
  void add_port_counters(QueueStats& stats) const noexcept;

  Nic& nic_;
  const unsigned number_;
  Link* link_ = nullptr;
  PortOptions options_;
  Style style_ = Style::poll;
  bool released_ = false;  // its interface is gone and its buffers are back
  // kRung: ownership waits for whoever polls; kQuit: the thread is to end.
  std::atomic<std::uint32_t> calls_{0};
  std::atomic<bool> threaded_{false};
  std::thread thread_;
  std::vector<std::unique_ptr<Crossing>> crossings_;  // by the instance that frames come from
  engine::Counter largest_work_;
  engine::Counter largest_burst_;
  std::atomic<unsigned> latency_every_{0};
  LatencyHistogram latency_;
  unsigned frames_to_sample_ = 1;
  engine::Counter received_;
  bool by_timer_ = false;
  Dim dim_;
  std::uint64_t events_ = 0;        // that dim_ was told of
  std::uint64_t deferred_for_ = 0;  // ns that frames waited for a timer, summed over them
  CapturePoints points_;            // of the port that is here and those to come
  QueueStats kept_;                 // of the ports that were here before
};

}  // namespace bellpull::netdrv
