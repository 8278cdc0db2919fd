// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>

#include "bellpull/ring/driver_slots.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/state.hpp"

namespace bellpull::ring {

/// Where a driver half puts its indirect tables: `each` entries for every entry of the queue, in
/// memory that the caller owns and the device reads.
template <class Layout>
struct IndirectTables {
  std::span<typename Layout::TableEntry>
      entries{};              ///< at least `each` times the size of the queue
  std::uint32_t each = 0;     ///< longest chain that becomes a table; 0: none
  std::uint64_t address = 0;  ///< of `entries` as the device reads it; 0: as it is here
};

/// How a driver half is set up.
template <class Layout>
struct DriverOptions {
  Features features{};                  ///< as agreed with the device half
  std::span<DriverSlot> slots{};        ///< one per entry, private; outlives the attachment
  IndirectTables<Layout> indirect{};    ///< needed for Features::indirect to have an effect
  const DriverState* resume = nullptr;  ///< go on from here, with the slots as they are
};

/// What a driver half counted since it was attached. All zero with an access type that counts not.
struct DriverCounters {
  std::uint64_t offered = 0;           ///< chains put into the ring
  std::uint64_t completed = 0;         ///< chains reported by poll()
  std::uint64_t publishes = 0;         ///< stores that showed a batch
  std::uint64_t kicks = 0;             ///< publishes after which the device wanted to be kicked
  std::uint64_t kicks_suppressed = 0;  ///< tested publishes after which it did not
  std::uint64_t full = 0;              ///< reservations refused for want of descriptors
  std::uint64_t lengths_clamped = 0;   ///< completions that claimed more bytes than there was room
  std::uint64_t misuses = 0;         ///< heads given to offer() or cancel() that were not reserved
  std::uint32_t most_in_flight = 0;  ///< high-water mark of in_flight(), as of each publish
};

}  // namespace bellpull::ring
