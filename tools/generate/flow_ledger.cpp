// SPDX-License-Identifier: BSD-2-Clause
#include "generate/flow_ledger.hpp"

#include <algorithm>

namespace bellpull::tools::generate {

void FlowLedger::add(std::span<const std::byte> frame, std::uint64_t now_ns) {
  const netdrv::FrameReading reading = netdrv::read_timed_frame(frame);
  if (reading.kind == netdrv::FrameKind::foreign) {
    ++foreign_;
    return;
  }
  if (reading.kind == netdrv::FrameKind::corrupt) {
    ++corrupt_;
    return;
  }
  std::unique_ptr<Flow>& flow = flows_[reading.said.flow];
  if (!flow) flow = std::make_unique<Flow>();
  const std::uint64_t next = flow->next;
  const std::uint64_t reordered = flow->counts.reordered;
  if (!note(*flow, reading.said.sequence)) {
    ++all_.duplicated;
    return;
  }
  ++all_.received;
  all_.reordered += flow->counts.reordered - reordered;
  highest_ += flow->next - next;
  bytes_ += frame.size();
  latency_.add(now_ns - std::min(now_ns, reading.said.time_ns));
}

bool FlowLedger::note(Flow& flow, std::uint64_t sequence) noexcept {
  const std::uint64_t bit = std::uint64_t{1} << sequence % 64;
  std::uint64_t& word = flow.seen[sequence % kWindow / 64];
  if (sequence >= flow.next) {
    // A gap of a whole window or more clears each bit once, not once per number.
    std::uint64_t from = flow.next;
    if (sequence - from >= kWindow) from = sequence - kWindow + 1;
    for (std::uint64_t n = from; n <= sequence; ++n) {
      flow.seen[n % kWindow / 64] &= ~(std::uint64_t{1} << n % 64);
    }
    flow.next = sequence + 1;
  } else if (flow.next - sequence > kWindow || (word & bit) != 0) {
    ++flow.counts.duplicated;
    return false;
  } else {
    ++flow.counts.reordered;
  }
  word |= bit;
  ++flow.counts.received;
  return true;
}

FlowCounts FlowLedger::counts_of(const Flow& flow) noexcept {
  FlowCounts counts = flow.counts;
  counts.lost = flow.next - counts.received;
  return counts;
}

FlowCounts FlowLedger::all() const noexcept {
  FlowCounts counts = all_;
  counts.lost = highest_ - counts.received;
  return counts;
}

FlowCounts FlowLedger::flow(std::uint16_t number) const noexcept {
  return flows_[number] ? counts_of(*flows_[number]) : FlowCounts{};
}

std::vector<std::uint16_t> FlowLedger::flows() const {
  std::vector<std::uint16_t> there;
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    if (flows_[i]) there.push_back(static_cast<std::uint16_t>(i));
  }
  return there;
}

}  // namespace bellpull::tools::generate
