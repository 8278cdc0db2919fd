// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/fault_link.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "fault_backends.hpp"

namespace bellpull::netdrv {

namespace {

// The text that stands for a plan is all that a program can write: what it refuses is refused here.
FrameFaultPlan checked(std::string_view link, FrameFaultPlan plan) {
  const ParsedFrameFaults parsed = parse_frame_faults(to_text(plan));
  if (parsed) return plan;
  throw std::invalid_argument("link " + std::string(link) + " with faults: " + parsed.error);
}

}  // namespace

FrameFaultCounts FrameFaultCounters::counts() const noexcept {
  FrameFaultCounts copied;
  copied.frames = frames.value();
  for (std::size_t i = 0; i < kFrameFaultKinds; ++i) copied.faults[i] = faults[i].value();
  copied.again = again.value();
  copied.crowded = crowded.value();
  copied.lost = lost.value();
  return copied;
}

FaultLink::FaultLink(Link& inner, FrameFaultPlan plan, const Clock& clock)
    : inner_(inner),
      plan_(checked(inner.name(), std::move(plan))),
      clock_(clock.now != nullptr ? clock : Clock{&monotonic_ns, nullptr}) {}

std::unique_ptr<engine::Backend> FaultLink::make_receiver() {
  return make_fault_receiver(inner_.make_receiver(), plan_, clock_, rx_);
}

std::unique_ptr<engine::Backend> FaultLink::make_sender() {
  return make_fault_sender(inner_.make_sender(), plan_, clock_, tx_);
}

}  // namespace bellpull::netdrv
