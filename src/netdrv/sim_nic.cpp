// SPDX-License-Identifier: BSD-2-Clause
// The parts:
//   SimSchedule  when arrival number n comes: arithmetic
//   SimArrivals  which have come by now, and a timer to sleep on
//   SimReceive   which of them meets which buffer, and which none
//   SimTransmit  whether what is sent is what was received
#include "bellpull/netdrv/sim_nic.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "frame_limits.hpp"
#include "sim_device.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint32_t kLeastMtu = kMinTimedFrame - kEthernetHeader;
constexpr std::uint32_t kMostMtu = kMaxTimedFrame - kEthernetHeader;
constexpr std::uint32_t kFlows = 65536;
constexpr unsigned kMostBuffers = 32768;

[[noreturn]] void refuse(const SimOptions& options, const std::string& fault) {
  throw std::invalid_argument("simulated NIC " + options.name + ": " + fault);
}

const SimOptions& checked(const SimOptions& options) {
  if (options.mtu < kLeastMtu || options.mtu > kMostMtu) {
    refuse(options, "an MTU of " + std::to_string(options.mtu) + " bytes; choose " +
                        std::to_string(kLeastMtu) + " to " + std::to_string(kMostMtu));
  }
  if (options.sizes.empty()) refuse(options, "frames of no size; choose at least one");
  const std::uint32_t longest = options.mtu + kEthernetHeader;
  for (const std::uint32_t size : options.sizes) {
    if (size >= kMinTimedFrame && size <= longest) continue;
    refuse(options, "frames of " + std::to_string(size) + " bytes; choose " +
                        std::to_string(kMinTimedFrame) + " to " + std::to_string(longest) +
                        ", or another MTU");
  }
  if (options.flows == 0 || options.flows > kFlows - options.first_flow) {
    refuse(options, std::to_string(options.flows) + " flows from number " +
                        std::to_string(options.first_flow) + " on; choose 1 to " +
                        std::to_string(kFlows - options.first_flow));
  }
  if (options.ring == 0 || options.ring > kMostBuffers) {
    refuse(options, "a ring of " + std::to_string(options.ring) + " buffers; choose 1 to 32768");
  }
  return options;
}

}  // namespace

SimNic::SimNic(const SimOptions& options) : device_(std::make_unique<Device>(checked(options))) {}

SimNic::~SimNic() = default;

void SimNic::begin(std::uint64_t at_ns) noexcept {
  device_->arrivals.begin(at_ns);
}

void SimNic::end() noexcept {
  device_->arrivals.end();
}

std::uint64_t SimNic::now() const noexcept {
  return device_->arrivals.now();
}

const SimOptions& SimNic::options() const noexcept {
  return device_->options;
}

SimCounters SimNic::counters() const noexcept {
  const Device::Receive& rx = device_->rx;
  const Device::Transmit& tx = device_->tx;
  return {.scheduled = rx.scheduled.value(),
          .delivered = rx.delivered.value(),
          .missed_no_buffer = rx.missed_no_buffer.value(),
          .missed_generator = rx.missed_generator.value(),
          .largest_lateness_ns = rx.largest_lateness_ns.value(),
          .sent = tx.sent.value(),
          .corrupt = tx.corrupt.value(),
          .foreign = tx.foreign.value(),
          .reordered = tx.reordered.value(),
          .duplicated = tx.duplicated.value()};
}

}  // namespace bellpull::netdrv
