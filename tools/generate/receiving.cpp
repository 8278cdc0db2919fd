// SPDX-License-Identifier: BSD-2-Clause
#include "generate/receiving.hpp"

#include <fmt/format.h>

#include "sink.hpp"

namespace bellpull::tools::generate {

void Receiving::run() {
  constexpr int kLookEveryMs = 50;
  if (options_.duration) stop_.after(*options_.duration);
  complain(fmt::format("ready: receives from {}", options_.interface));
  while (!stop_.requested() && !all_here() && !quiet()) {
    stop_.wait(receiver_.fd(), kLookEveryMs);
    drain();
  }
  receiver_.close_queue();
  while (receiver_.drain(ledger_) != 0) continue;
}

void Receiving::drain() {
  if (receiver_.drain(ledger_) == 0) return;
  last_ns_ = netdrv::monotonic_ns();
  if (first_ns_ == 0) first_ns_ = last_ns_;
}

Report Receiving::report() {
  const FlowCounts all = ledger_.all();
  const double seconds = seconds_of(last_ns_ - first_ns_);
  Report report;
  report.title = fmt::format("received from {}", options_.interface);
  report.labels = {{"interface", options_.interface}};
  report.figures = {
      {"received", "Frames, each number once", all.received},
      {"received_bytes", "Bytes of these, from the Ethernet header on", ledger_.bytes()},
      {"lost", "Numbers that never came, below the highest of their flow", all.lost},
      {"reordered", "Frames behind one of their flow that was sent later", all.reordered},
      {"duplicated", "Frames that had been there, or came too late to tell", all.duplicated},
      {"corrupt", "Frames not as they were sent; they are lost, too", ledger_.corrupt()},
      {"foreign", "IPv4 frames of others", ledger_.foreign()},
      {"socket_dropped", "Frames lost here and not on the way: this program was too slow",
       receiver_.socket_dropped()},
      {"seconds", "From the first arrival to the last", seconds, false},
      {"frames_per_second", "Frames in that time", per_second(all.received, seconds), false},
  };
  for (const std::uint16_t flow : ledger_.flows()) {
    report.flows.emplace_back(flow, ledger_.flow(flow));
  }
  report.latency = ledger_.latency();
  return report;
}

std::string Receiving::fault() const {
  if (!options_.expect) return {};
  const FlowCounts all = ledger_.all();
  const bool intact = (all.lost | all.reordered | all.duplicated | ledger_.corrupt()) == 0;
  if (intact && all.received == *options_.expect) return {};
  return fmt::format(
      "generate: of {} frames expected from {}, {} arrived; {} lost before others, {} reordered, "
      "{} "
      "duplicated, {} corrupt",
      *options_.expect, options_.interface, all.received, all.lost, all.reordered, all.duplicated,
      ledger_.corrupt());
}

}  // namespace bellpull::tools::generate
