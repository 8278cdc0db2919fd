// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"
#include "ring/foreign/vhost_user_server.hpp"

namespace bellpull::ring::test::foreign {

/// A chain and its pieces.
struct Taken {
  Chain chain;
  std::vector<Piece> pieces;
};

/// What device halves counted that followed each other on one queue.
struct Tally {
  std::uint64_t taken = 0;
  std::uint64_t bells = 0;
  std::uint64_t misuses = 0;
  std::array<std::uint64_t, kChainFaultCount> faults{};

  void add(const DeviceCounters& counters) {
    taken += counters.taken;
    bells += counters.bells;
    misuses += counters.misuses;
    for (std::size_t i = 0; i < faults.size(); ++i) faults[i] += counters.chain_faults[i];
  }
  [[nodiscard]] std::uint64_t all_faults() const {
    return std::accumulate(faults.begin(), faults.end(), std::uint64_t{0});
  }
};

/// One queue of a foreign driver with the library's device half over it. Set-up that fails is a
/// std::runtime_error.
template <class Layout, class Trust>
class ServedRing {
 public:
  using Device = ring::Device<Layout, Trust, RegionMap<>>;

  /// Puts a device half over `queue`, which is ready(), where the driver says that it starts.
  void attach(const ServedQueue& queue, std::shared_ptr<const PeerMemory> memory,
              std::uint64_t features) {
    memory_ = std::move(memory);
    regions_.clear();
    for (const PeerRegion& region : memory_->regions()) {
      regions_.push_back({region.guest_address, region.size, region.data});
    }
    demand(RegionTable::make(regions_, table_));
    parts_ = locate(queue);
    features_ = Features::from_bits(features);
    slots_.resize(parts_.size);
    indirect_.resize(features_.indirect ? parts_.size : 0);
    pieces_.resize(std::size_t{2} * parts_.size);
    const DeviceState start = state_of(queue.base);
    put_half(start, {});
  }

  /// Lets another device half go on with what the present one leaves. `taken` are all chains in
  /// flight, in the order in which they were taken, and can be completed afterwards.
  void hand_over(std::span<Taken> taken) {
    std::vector<InFlight> in_flight;
    for (const Taken& one : taken) {
      in_flight.push_back({.head = one.chain.head,
                           .descriptors = one.chain.descriptors,
                           .writable = static_cast<std::uint32_t>(one.chain.writable_bytes)});
    }
    past_.add(device_.counters());
    const DeviceState state = device_.stop();
    put_half(state, in_flight);
    for (std::size_t i = 0; i < taken.size(); ++i) {
      taken[i].chain.map_turn = device_.resumed(in_flight[i]).map_turn;
    }
  }

  /// Stops, and returns where, as ServedQueue::base has it. Chains that were taken and not given
  /// back count as not taken: they are the newest, because this device is one that ends them in the
  /// order in which it took them.
  std::uint32_t stop() {
    past_.add(device_.counters());
    fault_ = device_.fault();
    stopped_ = device_.stop();
    if constexpr (std::is_same_v<Layout, Split>) return stopped_.used;
    return stopped_.used | std::uint32_t{stopped_.used} << 16;
  }

  /// The peer has gone without a stop.
  void drop() {
    if (!device_.attached()) return;
    past_.add(device_.counters());
    fault_ = device_.fault();
    device_.reset();
  }

  /// Takes the next chain; false when there is none.
  bool take(Taken& taken) {
    if (!device_.take(pieces_, taken.chain)) return false;
    const auto count = static_cast<std::ptrdiff_t>(taken.chain.readable + taken.chain.writable);
    taken.pieces.assign(pieces_.begin(), pieces_.begin() + count);
    return true;
  }

  /// Shows what was completed, and rings if the driver asks for it.
  void publish(const ServedQueue& queue) {
    if (!device_.publish_and_test()) return;
    const std::uint64_t one = 1;
    // A driver that asks and gave no doorbell is one that polls.
    [[maybe_unused]] const ssize_t written = ::write(queue.call.get(), &one, sizeof one);
  }

  [[nodiscard]] Device& device() { return device_; }
  [[nodiscard]] const Device& device() const { return device_; }
  [[nodiscard]] const typename Layout::Memory& parts() const { return parts_; }
  /// What was counted on this queue until now.
  [[nodiscard]] Tally tally() const {
    Tally all = past_;
    all.add(device_.counters());
    return all;
  }
  /// After stop(): what was left, and what had broken the queue.
  [[nodiscard]] const DeviceState& stopped() const { return stopped_; }
  [[nodiscard]] QueueFault fault() const { return fault_; }

 private:
  static void demand(SetupError error) {
    if (error == SetupError::none) return;
    throw std::runtime_error(std::string("the foreign driver's queue is refused: ") +
                             describe(error) + "; look at how it was described");
  }

  // The parts are named by the driver's own addresses, which need not be those in descriptors.
  [[nodiscard]] typename Layout::Memory locate(const ServedQueue& queue) const {
    std::vector<Region> regions;
    for (const PeerRegion& region : memory_->regions()) {
      regions.push_back({region.user_address, region.size, region.data});
    }
    RegionTable table;
    demand(RegionTable::make(regions, table));
    typename Layout::Memory parts;
    const VringAddress& at = queue.address;
    if constexpr (std::is_same_v<Layout, Split>) {
      demand(
          locate_split(table, queue.size, at.descriptors, at.driver_area, at.device_area, parts));
    } else {
      demand(
          locate_packed(table, queue.size, at.descriptors, at.driver_area, at.device_area, parts));
    }
    return parts;
  }

  // A driver that starts anew leaves the upper half 0, whatever it means by that.
  [[nodiscard]] static DeviceState state_of(std::uint32_t base) {
    const auto position = static_cast<std::uint16_t>(base & 0xffff);
    return {.avail = position, .used = position};
  }

  void put_half(const DeviceState& state, std::span<const InFlight> in_flight) {
    map_ = std::make_unique<RegionMap<>>(table_);
    typename Device::Options options;
    options.features = features_;
    options.slots = slots_;
    options.indirect = indirect_;
    options.map = map_.get();
    options.resume = &state;
    options.in_flight = in_flight;
    demand(device_.attach(parts_, options));
  }

  std::shared_ptr<const PeerMemory> memory_;
  std::vector<Region> regions_;
  RegionTable table_;
  std::unique_ptr<RegionMap<>> map_;
  typename Layout::Memory parts_;
  Features features_;
  std::vector<DeviceSlot> slots_;
  std::vector<typename Layout::TableEntry> indirect_;
  std::vector<Piece> pieces_;
  Device device_;
  DeviceState stopped_;
  Tally past_;
  QueueFault fault_ = QueueFault::none;
};

}  // namespace bellpull::ring::test::foreign
