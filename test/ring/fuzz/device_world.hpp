// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"
#include "device_layouts.hpp"
#include "input.hpp"
#include "peer_memory.hpp"
#include "racy_access.hpp"

namespace bellpull::ring::fuzz {

/// One write that the device half reported, in the peer's addresses.
struct Written {
  std::uint64_t address;
  std::uint64_t length;
};

/// Collects what the device half reports to have written.
struct DirtyLog {
  std::vector<Written>* log = nullptr;
  void operator()(std::uint64_t address, std::uint64_t length) noexcept {
    log->push_back({address, length});
  }
};

/// What a run is about, decoded from the first bytes of its input.
struct DeviceConfig {
  std::uint32_t size = 1;
  Features features;
  bool ring_in_tables = true;
  std::uint64_t max_chain_bytes = std::uint64_t{1} << 32;
  std::uint32_t room = 0;  // pieces
};

/// A device half, the memory of a hostile driver half, and the checks that hold whatever that one
/// does. With `kDiffers` each call is made on a slow model as well and the two must agree; without
/// it the driver may also act between two accesses of the device half.
template <class Layout, bool kDiffers>
class DeviceWorld final : Racer {
 public:
  /// Runs `in` to its end.
  static void run(Input in) { DeviceWorld(in).run_on(in); }

  DeviceWorld(const DeviceWorld&) = delete;
  DeviceWorld& operator=(const DeviceWorld&) = delete;

 private:
  using Map = RegionMap<DirtyLog>;
  using Half = Device<Layout, Untrusted, Map, RacyAccess>;
  using Shape = DeviceLayout<Layout>;

  struct Held {
    Chain chain;
    std::vector<Piece> pieces;
    const Table* table;
  };
  struct Planned {
    unsigned steps;
    Input what;
  };
  enum class Touch { nothing, ring };

  explicit DeviceWorld(Input& in);
  ~DeviceWorld() { RacyAccess::racer = nullptr; }
  void run_on(Input& in);
  static DeviceConfig decode(Input& in);

  // What may happen next.
  void act(Input& in);
  void act_as_driver(Input& in);
  void step() override;

  // Calls of the device half, each with its checks.
  void attach(const DeviceState* resume, std::span<const InFlight> in_flight);
  void attach_wrongly(Input& in);
  void reset(Input& in);
  void let_go();
  void hand_over(Input& in);
  void hand_over_spoilt(Input& in, DeviceState state, std::vector<InFlight> in_flight);
  void poll(Input& in);
  void take(Input& in);
  void take_many(Input& in);
  void took(const Chain& chain, const Budget& before, std::uint32_t room);
  void pulled(Pull pull, std::uint32_t room, bool all_room);
  void match(const Chain& chain, std::span<const Piece> pieces, const SlowChain& expected) const;
  void use_pieces(const Held& held, std::uint64_t written);
  void complete(Input& in, std::size_t which);
  void misuse(Input& in);
  void publish(bool test);
  void arm();
  void disarm();
  void refresh();
  void replace_table(Input& in);
  void make_wrong_table(Input& in, const Table& good);
  void finish();

  // What must hold after each.
  void settle(Touch touch);
  void settle_tables();
  void check_counts() const;
  [[nodiscard]] std::vector<InFlight> in_flight() const;
  [[nodiscard]] bool logged(const Table& table, const std::byte* at, std::uint64_t bytes) const;

  [[nodiscard]] bool usable() const {
    return half_.attached() && half_.fault() == QueueFault::none;
  }
  [[nodiscard]] Budget budget(Input& in) const;
  void adopt();
  [[nodiscard]] DeviceOptions<Layout, Map> options();

  const DeviceConfig config_;
  PeerMemory memory_;
  typename Shape::Driver driver_;
  std::vector<Written> log_;
  std::optional<Map> map_;
  const Table* adopted_ = nullptr;
  std::vector<DeviceSlot> slots_;
  std::vector<typename Layout::TableEntry> tables_;
  std::vector<Piece> pieces_;
  Half half_;
  std::optional<typename Shape::Slow> model_;
  std::vector<Held> held_;              // taken and not completed, oldest first
  std::vector<std::uint16_t> waiting_;  // in-order: completed, held back behind others
  std::uint64_t resumed_ = 0;           // of those, how many an earlier half took
  Budget expected_;                     // of the model, during a poll
  std::vector<Planned> plans_;
  bool stepping_ = false;
};

extern template class DeviceWorld<Split, false>;
extern template class DeviceWorld<Split, true>;
extern template class DeviceWorld<Packed, false>;
extern template class DeviceWorld<Packed, true>;

}  // namespace bellpull::ring::fuzz
