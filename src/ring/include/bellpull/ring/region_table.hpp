// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "bellpull/ring/packed_layout.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/split_layout.hpp"

namespace bellpull::ring {

/// A contiguous part of a peer's memory and where it is mapped in this program.
struct Region {
  std::uint64_t address = 0;  ///< as the peer's descriptors have it
  std::uint64_t length = 0;   ///< bytes, not 0
  std::byte* data = nullptr;  ///< its first byte here; stays mapped as long as the table is in use
};

/// A peer's memory: regions in rising order of address, checked once and then only read. It does
/// not own the array it looks at. Any thread may use a table at any time.
class RegionTable {
 public:
  /// A table of no memory: every address is outside.
  constexpr RegionTable() noexcept = default;

  /// Checks `regions` (in any order), sorts them by address in place, and makes `table` look at
  /// them. Refused: an empty region, one that wraps around the end of the peer's or of our address
  /// space, two that share peer addresses or our memory. The array is the caller's and stays as it
  /// is while the table is used.
  [[nodiscard]] static SetupError make(std::span<Region> regions, RegionTable& table) noexcept {
    for (const Region& region : regions) {
      if (region.length == 0 || region.data == nullptr) return SetupError::region_empty;
      const auto data = reinterpret_cast<std::uintptr_t>(region.data);
      if (region.address + (region.length - 1) < region.address ||
          data + (region.length - 1) < data) {
        return SetupError::region_wraps;
      }
    }
    // Tables are short; insertion keeps the standard's algorithms, which may throw, out of here.
    for (std::size_t i = 1; i < regions.size(); ++i) {
      for (std::size_t j = i; j > 0 && regions[j].address < regions[j - 1].address; --j) {
        const Region moved = regions[j];
        regions[j] = regions[j - 1];
        regions[j - 1] = moved;
      }
    }
    for (std::size_t i = 0; i < regions.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (overlap(regions[i], regions[j])) return SetupError::regions_overlap;
      }
    }
    table.regions_ = regions;
    return SetupError::none;
  }

  /// The region that holds `address`, or null.
  [[nodiscard]] const Region* find(std::uint64_t address) const noexcept {
    std::size_t low = 0;
    std::size_t high = regions_.size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      const Region& region = regions_[middle];
      if (address < region.address) {
        high = middle;
      } else if (address - region.address < region.length) {
        return &region;
      } else {
        low = middle + 1;
      }
    }
    return nullptr;
  }

  /// The peer's address of a byte in this program that lies in one of the regions.
  [[nodiscard]] std::optional<std::uint64_t> address_of(const void* data) const noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(data);
    for (const Region& region : regions_) {
      const std::uint64_t offset = at - reinterpret_cast<std::uintptr_t>(region.data);
      if (offset < region.length) return region.address + offset;
    }
    return std::nullopt;
  }

  /// Where `bytes` bytes from `address` on lie in this program, if one region holds them all.
  [[nodiscard]] std::byte* locate(std::uint64_t address, std::uint64_t bytes) const noexcept {
    const Region* const region = find(address);
    if (region == nullptr || bytes > region->length - (address - region->address)) return nullptr;
    return region->data + (address - region->address);
  }

  /// The regions, in rising order of address.
  [[nodiscard]] std::span<const Region> regions() const noexcept { return regions_; }

 private:
  [[nodiscard]] static bool overlap(const Region& one, const Region& other) noexcept {
    const auto meet = [](std::uint64_t a, std::uint64_t a_length, std::uint64_t b,
                         std::uint64_t b_length) {
      return a <= b ? b - a < a_length : a - b < b_length;
    };
    return meet(one.address, one.length, other.address, other.length) ||
           meet(reinterpret_cast<std::uintptr_t>(one.data), one.length,
                reinterpret_cast<std::uintptr_t>(other.data), other.length);
  }

  std::span<const Region> regions_;
};

/// Finds the parts of a split queue whose addresses the peer named. Refuses parts that no single
/// region holds; check_split() refuses the rest.
[[nodiscard]] inline SetupError locate_split(const RegionTable& table, std::uint32_t size,
                                             std::uint64_t desc, std::uint64_t avail,
                                             std::uint64_t used, SplitMemory& memory) noexcept {
  if (const SetupError error = check_split_size(size); error != SetupError::none) return error;
  SplitMemory found;
  found.size = size;
  found.desc = reinterpret_cast<vring_desc*>(table.locate(desc, split_desc_bytes(size)));
  found.avail = reinterpret_cast<vring_avail*>(table.locate(avail, split_avail_bytes(size)));
  found.used = reinterpret_cast<vring_used*>(table.locate(used, split_used_bytes(size)));
  if (found.desc == nullptr || found.avail == nullptr || found.used == nullptr) {
    return SetupError::part_unmapped;
  }
  if (const SetupError error = check_split(found); error != SetupError::none) return error;
  memory = found;
  return SetupError::none;
}

/// Finds the parts of a packed queue whose addresses the peer named; see locate_split().
[[nodiscard]] inline SetupError locate_packed(const RegionTable& table, std::uint32_t size,
                                              std::uint64_t desc, std::uint64_t driver_event,
                                              std::uint64_t device_event,
                                              PackedMemory& memory) noexcept {
  if (const SetupError error = check_packed_size(size); error != SetupError::none) return error;
  const auto event = [&table](std::uint64_t address) {
    return reinterpret_cast<std::uint32_t*>(table.locate(address, kPackedEventBytes));
  };
  PackedMemory found;
  found.size = size;
  found.desc = reinterpret_cast<PackedDescriptor*>(table.locate(desc, packed_desc_bytes(size)));
  found.driver_event = event(driver_event);
  found.device_event = event(device_event);
  if (found.desc == nullptr || found.driver_event == nullptr || found.device_event == nullptr) {
    return SetupError::part_unmapped;
  }
  if (const SetupError error = check_packed(found); error != SetupError::none) return error;
  memory = found;
  return SetupError::none;
}

}  // namespace bellpull::ring
