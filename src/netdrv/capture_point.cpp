// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/capture_point.hpp"

#include <algorithm>
#include <new>
#include <span>
#include <type_traits>

namespace bellpull::netdrv {

namespace {

static_assert(std::is_trivially_copyable_v<CaptureRecord>);
static_assert(sizeof(CaptureRecord) <= sizeof(CaptureSlot), "the taker reads it from one slot");

// Fills slots, which are in two runs where the ring ends between them.
class SlotWriter {
 public:
  explicit SlotWriter(const ring::Runs<CaptureSlot>& slots) noexcept
      : run_(std::as_writable_bytes(slots.first)), next_(std::as_writable_bytes(slots.second)) {}

  void write(std::span<const std::byte> bytes) noexcept {
    const std::size_t first = std::min(bytes.size(), run_.size());
    std::copy_n(bytes.begin(), first, run_.begin());
    run_ = run_.subspan(first);
    if (first == bytes.size()) return;
    run_ = next_;
    next_ = {};
    write(bytes.subspan(first));
  }

 private:
  std::span<std::byte> run_;
  std::span<std::byte> next_;
};

}  // namespace

CapturePoint::CapturePoint(const Parts& parts) : parts_(parts) {
  if (ring_.make(parts.slots) != ring::SetupError::none) throw std::bad_alloc();
}

void CapturePoint::record(const Packet& packet, CaptureEvent event, DropReason reason) noexcept {
  if (!packet || (parts_.events & bit_of(event)) == 0) return;
  const std::uint32_t size = packet.size();
  const std::uint32_t captured = std::min(size, parts_.snap);
  auto place = ring_.producer().reserve_all(slots_for(captured));
  if (!place) {
    missed_.add(1);
    return;
  }
  const std::uint64_t missed = missed_.value();
  const CaptureRecord record{
      .time_ns = parts_.clock.now == nullptr ? 0 : parts_.clock.now(parts_.clock.context),
      .missed = missed - told_,
      .size = size,
      .captured = captured,
      .offload = packet.offload(),
      .event = event,
      .reason = reason};
  told_ = missed;
  SlotWriter out(place.slots());
  out.write(std::as_bytes(std::span(&record, 1)));
  const auto head = packet.head().first(std::min<std::size_t>(captured, packet.head().size()));
  out.write(head);
  out.write(packet.tail().first(captured - head.size()));
  if (place.commit_and_test()) parts_.bell.ring(parts_.bell.context);
}

}  // namespace bellpull::netdrv
