// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/ring/c/region.h"

#include <cerrno>
#include <cstddef>
#include <limits>
#include <span>

#include "bellpull/ring/shared_region.hpp"
#include "opaque.hpp"
#include "queue.hpp"
#include "spsc.hpp"

namespace bellpull::ring::c {
namespace {

SetupError add(RegionPlan& plan, const bp_part& part) noexcept {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const auto size = static_cast<std::uint32_t>(part.size < kMost ? part.size : kMost);
  switch (part.kind) {
    case BP_PART_BYTES:
      return plan.add_bytes(part.size);
    case BP_PART_SPSC:
      return plan.add_value_ring(ValueRing::spsc, {.capacity = size,
                                                   .element_bytes = part.element_bytes,
                                                   .element_align = part.element_align});
    case BP_PART_SPLIT:
      return plan.add_queue<Split>(size);
    case BP_PART_PACKED:
      return plan.add_queue<Packed>(size);
    default:
      return SetupError::other_kind;
  }
}

// What a call on `region` ended with; one that failed leaves a zeroed handle.
int finish(bp_region* region, const SetupStatus& status) noexcept {
  if (status) return BP_OK;
  bp_region_close(region);
  if (status.error == SetupError::system_call) errno = status.number;
  return number(status.error);
}

SharedRegion& fresh(bp_region* region) noexcept {
  Opaque<SharedRegion, bp_region> opaque(region);
  opaque.destroy();
  return opaque.make();
}

template <class Layout>
int queue_of(const SharedRegion& region, std::uint32_t number, bp_queue* queue) noexcept {
  typename Layout::Memory memory;
  const SetupError error = region.queue<Layout>(number, memory);
  if (error == SetupError::none) *queue = to_c(memory);
  return c::number(error);
}

}  // namespace
}  // namespace bellpull::ring::c

using namespace bellpull::ring;  // NOLINT(google-build-using-namespace): all below is C
using c::in;

int bp_region_create(bp_region* region, const char* name, const bp_part* parts, std::size_t count) {
  RegionPlan plan;
  for (std::size_t i = 0; i < count; ++i) {
    if (const SetupError error = c::add(plan, parts[i]); error != SetupError::none) {
      return c::finish(region, {error});
    }
  }
  return c::finish(region, c::fresh(region).create(name, plan));
}

int bp_region_open(bp_region* region, int memfd) {
  return c::finish(region, c::fresh(region).open(memfd));
}

void bp_region_close(bp_region* region) {
  c::Opaque<SharedRegion, bp_region>(region).destroy();
}

int bp_region_fd(const bp_region* region) {
  const auto* const open = in<SharedRegion>(region);
  return open == nullptr ? -1 : open->fd();
}

std::uint32_t bp_region_parts(const bp_region* region) {
  const auto* const open = in<SharedRegion>(region);
  return open == nullptr ? 0 : open->parts();
}

void* bp_region_part(const bp_region* region, std::uint32_t number, std::uint64_t* bytes) {
  const auto* const open = in<SharedRegion>(region);
  const std::span<std::byte> part = open == nullptr ? std::span<std::byte>{} : open->part(number);
  if (bytes != nullptr) *bytes = part.size();
  return part.data();
}

int bp_region_spsc(const bp_region* region, std::uint32_t number, std::uint32_t element_bytes,
                   std::uint32_t element_align, bp_spsc* ring) {
  const auto* const open = in<SharedRegion>(region);
  if (open == nullptr) return BP_PART_MISSING;
  ValueMemory memory;
  const SetupError error =
      open->value_ring(number, ValueRing::spsc, element_bytes, element_align, memory);
  if (error == SetupError::none) c::SpscHandle(ring).make() = memory;
  return c::number(error);
}

int bp_region_queue(const bp_region* region, std::uint32_t number, std::uint32_t layout,
                    bp_queue* queue) {
  const auto* const open = in<SharedRegion>(region);
  if (open == nullptr) return BP_PART_MISSING;
  switch (layout) {
    case BP_SPLIT:
      return c::queue_of<Split>(*open, number, queue);
    case BP_PACKED:
      return c::queue_of<Packed>(*open, number, queue);
    default:
      return BP_OTHER_KIND;
  }
}

bp_mapping bp_region_mapping(const bp_region* region) {
  const auto* const open = in<SharedRegion>(region);
  if (open == nullptr) return {};
  const Region whole = open->as_region();
  return {whole.address, whole.length, whole.data};
}
