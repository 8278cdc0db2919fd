// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "bellpull/ring/address_map.hpp"
#include "bellpull/ring/device_slots.hpp"
#include "bellpull/ring/fault.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/state.hpp"

namespace bellpull::ring {

/// How a device half is set up.
template <class Layout, class Map = IdentityMap>
struct DeviceOptions {
  Features features{};            ///< as agreed with the driver half
  std::span<DeviceSlot> slots{};  ///< one per entry, private; for an untrusted driver, and in-order
  std::span<typename Layout::TableEntry> indirect{};  ///< one per entry, private; copies of tables
  std::uint64_t max_chain_bytes = std::uint64_t{1} << 32;  ///< longer chains are faulty; the most
  Map* map = nullptr;                     ///< where the peer's memory is; not for IdentityMap
  const DeviceState* resume = nullptr;    ///< go on from here
  std::span<const InFlight> in_flight{};  ///< with `resume`: the chains that were not given back;
                                          ///< in-order, in the order in which they were taken
};

/// What a device half counted since it was attached. All zero with an access type that counts not.
struct DeviceCounters {
  std::uint64_t taken = 0;             ///< chains taken, faulty ones included
  std::uint64_t completed = 0;         ///< chains given back, faulty ones included
  std::uint64_t publishes = 0;         ///< stores that showed a batch
  std::uint64_t bells = 0;             ///< publishes after which the driver wanted to be notified
  std::uint64_t bells_suppressed = 0;  ///< tested publishes after which it did not
  std::uint64_t empty = 0;             ///< looks that found no chain
  std::uint64_t budget_ends = 0;       ///< polls that ended with their budget
  std::uint64_t misuses = 0;           ///< chains given to complete() that were not in flight
  std::uint32_t most_in_flight = 0;    ///< most of in_flight() at the end of a take() or poll()
  std::array<std::uint64_t, kChainFaultCount> chain_faults{};  ///< by ChainFault
};

}  // namespace bellpull::ring
