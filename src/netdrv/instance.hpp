// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "bellpull/netdrv/egress.hpp"
#include "bellpull/netdrv/latency_histogram.hpp"
#include "bellpull/netdrv/napi.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/style.hpp"

namespace bellpull::netdrv {

/// The time of CLOCK_MONOTONIC.
[[nodiscard]] std::uint64_t monotonic_ns(void* = nullptr) noexcept;

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

  /// Takes over what of the settings is per instance.
  void configure(const NicSettings& settings) noexcept;

  /// What the port rings.
  [[nodiscard]] engine::Notify bell() noexcept { return {&Instance::ring, this}; }

  // What napi_round() calls.
  unsigned poll(unsigned budget) noexcept;
  engine::Armed unmask() noexcept { return port->arm(); }
  void mask() noexcept { port->disarm(); }

  /// After a round.
  void count_work() noexcept;

  /// From the port, on whichever thread hands frames over.
  void receive(std::span<Packet> burst) noexcept override;

  /// Whether the bell was rung since the last call.
  [[nodiscard]] bool take_rung() noexcept;

  /// All counters.
  [[nodiscard]] QueueStats stats() const;

  std::unique_ptr<PacketPool> pool;  // null: the port is the caller's
  std::unique_ptr<Port> port;
  Napi napi{Clock{monotonic_ns, nullptr}};
  Egress egress;
  bool enabled = true;     // by the owner's wish
  unsigned last_work = 0;  // of the latest poll

 private:
  static void ring(void* instance) noexcept;
  void keep_counters() noexcept;
  void measure(std::span<const Packet> burst, unsigned every) noexcept;
  void release_gone() noexcept;
  void add_port_counters(QueueStats& stats) const noexcept;

  Nic& nic_;
  const unsigned number_;
  Link* link_ = nullptr;
  PortOptions options_;
  bool released_ = false;  // its interface is gone and its buffers are back
  std::atomic<bool> rung_{false};
  engine::Counter largest_work_;
  engine::Counter largest_burst_;
  std::atomic<unsigned> latency_every_{0};
  LatencyHistogram latency_;
  unsigned frames_to_sample_ = 1;
  QueueStats kept_;  // of the ports that were here before
};

}  // namespace bellpull::netdrv
