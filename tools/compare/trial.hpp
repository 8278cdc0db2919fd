// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/latency_histogram.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/sim_nic.hpp"
#include "bellpull/netdrv/style.hpp"
#include "stop.hpp"

namespace bellpull::tools::compare {

/// Who has which core.
enum class Cores : std::uint8_t {
  two,  ///< the engine, which on simulated ports is the device as well, has one of its own
  one,  ///< engine and application share one
};

class TapPair;

/// One measurement, on simulated ports or from one TAP to another.
struct Trial {
  netdrv::Style style = netdrv::Style::poll;                 ///< see netdrv::Style
  engine::Placement engine = engine::Placement::autonomous;  ///< driven: cores count for nothing
  Cores cores = Cores::two;                                  ///< see Cores
  netdrv::NicSettings settings{};                            ///< mode, budgets and so on
  netdrv::Arrivals arrivals = netdrv::Arrivals::poisson;     ///< of all ports
  std::uint64_t wave_ns = 10'000'000;                        ///< see netdrv::SimOptions
  std::vector<double> rates{100'000};  ///< offered to each port, in frames per second
  std::uint32_t size = 60;             ///< bytes of a frame
  unsigned work_ns = 1000;             ///< what the application charges per frame
  netdrv::PortOptions port{};          ///< rings
  double seconds = 0.2;                ///< measured, after a warm-up of a tenth of it
  std::uint64_t seed = 1;              ///< of the arrivals
  /// Frames of the one rate are sent into the first, from the second core, and leave by the second;
  /// outlive the trial. Engine and application share the first core. None: simulated ports.
  TapPair* taps = nullptr;
  /// Makes the ports of a style that is not in the library, on simulated devices; none:
  /// Trial::style.
  std::function<std::unique_ptr<netdrv::Port>(const netdrv::PortParts&)> make_port{};
  /// Ends the trial as soon as it is requested; the outcome is then of no use. None: nothing does.
  Stop* stop = nullptr;
};

/// What became of a trial. Counters are of the measured time.
struct Outcome {
  double seconds = 0;               ///< measured
  std::uint64_t scheduled = 0;      ///< frames that were due
  std::uint64_t missed = 0;         ///< of these, lost for want of a buffer, or of room in the TAP
  std::uint64_t late = 0;           ///< of these, lost because the device was late, or sent late
  std::uint64_t frames = 0;         ///< that the application was done with, and on TAPs sent
  std::uint64_t dropped = 0;        ///< received and dropped, for whatever reason
  double app_cpu = 0;               ///< seconds of the loop's thread
  double engine_cpu = 0;            ///< seconds of all others but a sender: engine and device
  double system_cpu = 0;            ///< of both together, in the kernel
  std::uint64_t notifies = 0;       ///< bells
  std::uint64_t border_calls = 0;   ///< between driver and engine
  std::uint64_t wakeups = 0;        ///< of the loop, by a port
  std::uint64_t doorbells = 0;      ///< of the engine
  std::uint64_t mode_switches = 0;  ///< of the Nic
  std::uint64_t largest_burst = 0;  ///< handed over in one call
  /// From the time at which a frame was due to its hand-over; per port.
  std::vector<netdrv::LatencyHistogram> latency;
  /// Frames of the whole trial, warm-up included, that were offered and neither came through nor
  /// were dropped by anybody who counts it: 0, unless something is wrong.
  std::int64_t unexplained = 0;

  /// Whether device or sender kept up: no more than 1 % of what was due was lost to it, or late.
  [[nodiscard]] bool valid() const noexcept { return late * 100 <= scheduled; }
};

/// Whether the engine is to spin. What spins has to be told apart from what sleeps: on a core of
/// its own it is the device's clockwork, on a shared one it would take half of the core for
/// nothing.
[[nodiscard]] bool engine_spins(const Trial& trial) noexcept;

/// Runs a trial on this thread, for about 1.2 times its seconds. Throws std::system_error, and
/// std::invalid_argument for what cannot be.
[[nodiscard]] Outcome run_trial(const Trial& trial);

/// The frames per second at which the application is busy all the time, with that of a trial but
/// for its rates: what Style::poll gets through when it is offered far more.
[[nodiscard]] double find_capacity(Trial trial);

}  // namespace bellpull::tools::compare
