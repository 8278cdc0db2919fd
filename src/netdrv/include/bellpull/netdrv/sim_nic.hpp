// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/timed_frame.hpp"

namespace bellpull::netdrv {

/// When the frames of a simulated NIC arrive.
enum class Arrivals : std::uint8_t {
  fixed,    ///< evenly
  poisson,  ///< at random, with exponential gaps: 65536 of them drawn from the seed, then again
  bursts,   ///< SimOptions::burst at one moment; the moments are even
  square,   ///< half of each wave at a high rate, the other half at a low one
  trace,    ///< at given moments, again and again
};

/// How a simulated NIC is made.
struct SimOptions {
  std::string name = "sim0";             ///< for whoever reads of it
  Arrivals arrivals = Arrivals::fixed;   ///< see Arrivals
  double rate = 100'000;                 ///< frames per second on average, 0.001 to 10^9; not trace
  unsigned burst = 32;                   ///< bursts: frames in one, 1 to 65536
  std::uint64_t wave_ns = 10'000'000;    ///< square: of a high and a low half, 1000 to 10^12
  double low_share = 0;                  ///< square: the low rate as a share of the high, 0 to 1
  std::vector<std::uint64_t> trace;      ///< trace: ns from the start, in order, below the period
  std::uint64_t trace_period_ns = 0;     ///< trace: when it starts again, 1 to 10^15
  std::uint64_t frames = 0;              ///< how many arrive in all; 0: there is no end
  std::uint64_t seed = 1;                ///< of what is random
  std::uint32_t mtu = 1500;              ///< bytes, 46 to 9000
  std::vector<std::uint32_t> sizes{60};  ///< of the frames in turn, without FCS: 60 to mtu + 14
  std::uint16_t first_flow = 0;          ///< number of the first flow
  std::uint32_t flows = 1;               ///< frames go to these in turn; 1 to 65536 - first_flow
  unsigned ring = 256;  ///< receive buffers, and frames to send, that it holds, 1 to 32768
  /// Whether it has a wait source. Without one it never says that it would block and makes no
  /// system calls: for an engine that spins, where arming a timer costs more than a frame.
  bool timer = true;
  FrameEnds ends{};  ///< whose frames they are
  Clock clock{};     ///< schedule and arrivals; by default CLOCK_MONOTONIC, as its timer
};

/// Counters of a simulated NIC, in frames. What is scheduled is delivered, missed_no_buffer,
/// missed_generator, or in a buffer that waits for its turn to be reported; after stop() none
/// waits.
struct SimCounters {
  std::uint64_t scheduled = 0;         ///< arrivals whose time had come at the latest look
  std::uint64_t delivered = 0;         ///< of these, put in a buffer and reported
  std::uint64_t missed_no_buffer = 0;  ///< of these, dropped for want of a buffer
  /// Of these, dropped because the machine kept the thread that runs the device off the CPU, so
  /// that the driver was not told of what arrived, nor its new buffers seen: those that came more
  /// than 10 us after the first that nobody saw. A measurement with more than a few of these
  /// measured the machine.
  std::uint64_t missed_generator = 0;
  std::uint64_t largest_lateness_ns = 0;  ///< longest that an arrival with a buffer went unnoticed

  std::uint64_t sent = 0;        ///< taken by the transmit back-end
  std::uint64_t corrupt = 0;     ///< of these, see FrameKind::corrupt
  std::uint64_t foreign = 0;     ///< of these, see FrameKind::foreign
  std::uint64_t reordered = 0;   ///< of these, behind one of the same flow that was sent later
  std::uint64_t duplicated = 0;  ///< of these, the same as the one of the flow before it
};

/// A network device that is not there: frames arrive by a schedule, however seldom it is run and
/// whatever becomes of them, and those that meet no buffer are lost. What is sent is checked. Needs
/// no privileges.
///
/// Its buffers are those of a TAP with IFF_VNET_HDR: 12 bytes of virtio-net header, all zero, then
/// the frame, over any segments; what has no room is cut off. Frames are numbered from 0, those
/// that are missed too: number n is frame n / flows of flow first_flow + n % flows, of
/// sizes[n % sizes.size()] bytes.
///
/// At each look the oldest arrivals since the last one go to the buffers that were held then. If
/// there are more, the latest go to the buffers posted since, whose time is not known; those in
/// between are missed.
class SimNic {
 public:
  /// Throws std::invalid_argument for an option out of range and std::system_error when the kernel
  /// refuses a timer.
  explicit SimNic(const SimOptions& options);
  SimNic(const SimNic&) = delete;
  SimNic& operator=(const SimNic&) = delete;
  /// Its back-ends are gone by then.
  ~SimNic();

  /// The back-end that delivers: device_to_memory. Throws std::invalid_argument while there is one.
  /// The two may be run by different engines.
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receive();

  /// The back-end that takes and checks: memory_to_device. It takes all that it is given, at once.
  /// Throws std::invalid_argument while there is one.
  [[nodiscard]] std::unique_ptr<engine::Backend> make_transmit();

  /// Starts the schedule at `at_ns` on its clock; nothing arrives before. Only the first call
  /// counts. Any thread. Wakes a sleeping engine in time.
  void begin(std::uint64_t at_ns) noexcept;

  /// Nothing arrives after now, for good. Only the first call counts. Any thread.
  void end() noexcept;

  /// Now, on its clock. Any thread.
  [[nodiscard]] std::uint64_t now() const noexcept;

  /// As it was made. Any thread.
  [[nodiscard]] const SimOptions& options() const noexcept;

  /// Each is exact; together they are a snapshot only when the engine rests. Any thread.
  [[nodiscard]] SimCounters counters() const noexcept;

 private:
  friend class SimReceive;
  friend class SimTransmit;
  struct Device;
  std::unique_ptr<Device> device_;
};

}  // namespace bellpull::netdrv
