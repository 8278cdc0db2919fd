// SPDX-License-Identifier: BSD-2-Clause
// How the sending of a frame ended, and what then becomes of it.
#include <cerrno>

#include "bellpull/netdrv/errno_class.hpp"
#include "bellpull/netdrv/offload_check.hpp"
#include "bellpull/netdrv/tx_frames.hpp"
#include "packet_token.hpp"
#include "superframe.hpp"
#include "vnet_header.hpp"

namespace bellpull::netdrv {

namespace {

[[nodiscard]] OffloadSet kind_of(const Offload& offload) noexcept {
  switch (offload.gso_type & ~kVnetGsoEcn) {
    case kVnetGsoNone:
      return {OffloadFeature::csum};
    case kVnetGsoTcp4:
      return {OffloadFeature::tso4};
    case kVnetGsoTcp6:
      return {OffloadFeature::tso6};
    default:
      return {OffloadFeature::uso};
  }
}

}  // namespace

bool TxFrames::settle(std::uint64_t token, const engine::StreamResult& result,
                      PortCounters& counters, std::atomic<PortState>& state) noexcept {
  Packet packet(buffer_of(token));
  if (!is_plain(packet.offload())) answered_.add(1);
  const bool failed = result.status == engine::Status::failed;
  const bool again = failed && resend(packet, result.error, counters);
  ended_.add(1);
  if (again) return true;
  if (result.status == engine::Status::ok) {
    counters.tx_packets.add(1);
    counters.tx_bytes.add(packet.size());
    if (packet.offload().gso_type != kVnetGsoNone) {
      counters.tx_segments.add(segments_in(packet) - 1);
    }
    return false;
  }
  if (!failed) {
    const bool gone = state.load(std::memory_order_relaxed) == PortState::gone;
    counters.drop_unsent(packet, gone ? DropReason::port_gone : DropReason::shutdown);
    return false;
  }
  const ErrnoVerdict verdict = classify_write(result.error);
  counters.drop_unsent(packet, verdict.reason);
  if (verdict.reach == ErrnoClass::port) {
    state.store(PortState::gone, std::memory_order_relaxed);  // says no more than itself
  }
  return false;
}

// A kernel that finds fault with a superframe may take its segments.
bool TxFrames::resend(Packet& packet, int error, PortCounters& counters) noexcept {
  const Offload& offload = packet.offload();
  if (error != EINVAL || needed_for(offload).empty() || closed()) {
    return false;
  }
  auto place = again_.producer().reserve(1);
  if (!place) return false;
  link_.give_up(kind_of(offload));
  place.slots()[0] = packet.release();
  place.commit();
  refused_.add(1);
  counters.tx_offload_refused.add(1);
  return true;
}

}  // namespace bellpull::netdrv
