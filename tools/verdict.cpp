// SPDX-License-Identifier: BSD-2-Clause
#include "verdict.hpp"

#include <fmt/format.h>

namespace bellpull::tools {

namespace {

constexpr const char* kReport =
    "an error in bellpull itself, please report it with this command line";

void judge_sim(std::vector<std::string>& lines, std::string_view port,
               const netdrv::SimCounters& sim) {
  if ((sim.corrupt | sim.foreign | sim.reordered | sim.duplicated) == 0) return;
  lines.push_back(fmt::format(
      "of {} frames sent to {}, {} were corrupt, {} foreign, {} reordered and {} duplicated: {}",
      sim.sent, port, sim.corrupt, sim.foreign, sim.reordered, sim.duplicated, kReport));
}

}  // namespace

std::vector<std::string> verdict_on(const Snapshot& snapshot, bool closed) {
  std::vector<std::string> lines;
  if (snapshot.nic.pool_outstanding != 0) {
    lines.push_back(fmt::format("{} of {} packets were not given back to their pool: {}",
                                snapshot.nic.pool_outstanding, snapshot.nic.pool_buffers, kReport));
  }
  if (!closed) return lines;
  for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
    const auto& sim = snapshot.ends[i].sim;
    if (sim) judge_sim(lines, snapshot.nic.ports[i].name, *sim);
  }
  return lines;
}

}  // namespace bellpull::tools
