// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/ring/c/error.h"

#include "bellpull/ring/setup_error.hpp"

namespace bellpull::ring::c {
namespace {

// The C numbers never change; here it shows when those of the library did.
constexpr bool same(int number, SetupError error) noexcept {
  return number == static_cast<int>(error);
}
static_assert(same(BP_OK, SetupError::none));
static_assert(same(BP_SIZE_ZERO, SetupError::size_zero));
static_assert(same(BP_SIZE_TOO_LARGE, SetupError::size_too_large));
static_assert(same(BP_SIZE_NOT_POWER_OF_TWO, SetupError::size_not_power_of_two));
static_assert(same(BP_NULL_PART, SetupError::null_part));
static_assert(same(BP_MISALIGNED_PART, SetupError::misaligned_part));
static_assert(same(BP_PART_WRAPS, SetupError::part_wraps));
static_assert(same(BP_OVERLAPPING_PARTS, SetupError::overlapping_parts));
static_assert(same(BP_MEMORY_TOO_SHORT, SetupError::memory_too_short));
static_assert(same(BP_PART_UNMAPPED, SetupError::part_unmapped));
static_assert(same(BP_SLOTS_TOO_FEW, SetupError::slots_too_few));
static_assert(same(BP_REGION_EMPTY, SetupError::region_empty));
static_assert(same(BP_REGION_WRAPS, SetupError::region_wraps));
static_assert(same(BP_REGIONS_OVERLAP, SetupError::regions_overlap));
static_assert(same(BP_STATE_INVALID, SetupError::state_invalid));
static_assert(same(BP_STATE_MISMATCH, SetupError::state_mismatch));
static_assert(same(BP_CAPACITY_ZERO, SetupError::capacity_zero));
static_assert(same(BP_CAPACITY_TOO_LARGE, SetupError::capacity_too_large));
static_assert(same(BP_ELEMENT_UNFIT, SetupError::element_unfit));
static_assert(same(BP_RING_MISALIGNED, SetupError::ring_misaligned));
static_assert(same(BP_NOT_A_RING, SetupError::not_a_ring));
static_assert(same(BP_OTHER_VERSION, SetupError::other_version));
static_assert(same(BP_OTHER_KIND, SetupError::other_kind));
static_assert(same(BP_OTHER_ELEMENT, SetupError::other_element));
static_assert(same(BP_NOT_A_MEMFD, SetupError::not_a_memfd));
static_assert(same(BP_NOT_SEALED, SetupError::not_sealed));
static_assert(same(BP_SYSTEM_CALL, SetupError::system_call));
static_assert(same(BP_NOT_A_REGION, SetupError::not_a_region));
static_assert(same(BP_PART_MISSING, SetupError::part_missing));
static_assert(same(BP_PARTS_TOO_MANY, SetupError::parts_too_many));
static_assert(same(BP_NOT_AN_EVENTFD, SetupError::not_an_eventfd));
static_assert(same(BP_REGION_TOO_LARGE, SetupError::region_too_large));

}  // namespace
}  // namespace bellpull::ring::c

const char* bp_describe(int error) {
  using bellpull::ring::SetupError;
  if (error < 0 || error > 0xff) error = 0xff;
  return bellpull::ring::describe(static_cast<SetupError>(error));
}

std::uint32_t bp_ring_c_version() {
  return BP_RING_C_VERSION;
}
