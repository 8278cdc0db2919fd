// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"
#include "driver_layouts.hpp"
#include "input.hpp"
#include "peer_memory.hpp"
#include "racy_access.hpp"

namespace bellpull::ring::fuzz {

/// What a run is about, decoded from the first bytes of its input.
struct DriverConfig {
  std::uint32_t size = 1;
  Features features;
  std::uint32_t table_each = 0;
  std::uint64_t table_address = 0;  // 0: as it is here
};

/// A driver half, the memory that a hostile device half shares with it, and the checks that hold
/// whatever that one does, which may also act between two accesses of the driver half.
template <class Layout>
class DriverWorld final : Racer {
 public:
  /// Runs `in` to its end.
  static void run(Input in) { DriverWorld(in).run_on(in); }

  DriverWorld(const DriverWorld&) = delete;
  DriverWorld& operator=(const DriverWorld&) = delete;

 private:
  using Half = Driver<Layout, Untrusted, RacyAccess>;
  using Shape = DriverLayout<Layout>;
  using Position = typename Shape::Position;

  enum class Stage { reserved, offered, published };
  struct Posted {
    std::uint64_t token;
    std::uint16_t head;
    std::uint32_t descriptors;
    std::uint32_t room;
    Stage stage;
    bool table;
    std::vector<SeenDescriptor> segments;
    std::uint64_t scribbles;  // as many as there were when it was written
  };
  struct Planned {
    unsigned steps;
    Input what;
  };
  enum class Touch { nothing, ring };

  explicit DriverWorld(Input& in);
  ~DriverWorld() { RacyAccess::racer = nullptr; }
  void run_on(Input& in);
  static DriverConfig decode(Input& in);

  // What may happen next.
  void act(Input& in);
  void act_as_device(Input& in);
  void step() override;

  // Calls of the driver half, each with its checks.
  void start(Input& in);
  void reserve(Input& in, bool offer_at_once);
  void offer(Input& in);
  void cancel(Input& in);
  void publish(bool test);
  [[nodiscard]] QueueFault expect_look(unsigned limit);
  void poll(Input& in);
  void got(const Used& used);
  void arm();
  void hand_over(Input& in);
  void resume_spoilt(Input& in, DriverState state);
  void attach_wrongly(Input& in);
  void reset(Input& in);
  void finish();

  // What must hold after each.
  void settle(Touch touch);
  void check_chain(const Posted& posted, Position at) const;
  [[nodiscard]] Posted* newest_reserved();
  [[nodiscard]] bool usable() const {
    return half_.attached() && half_.fault() == QueueFault::none;
  }
  [[nodiscard]] DriverOptions<Layout> options();
  void forget_touched();

  const DriverConfig config_;
  PeerMemory memory_;
  Block tables_;
  typename Shape::Device device_;
  std::vector<DriverSlot> slots_;
  Half half_;
  std::vector<Posted> posted_;        // in the order in which they were reserved
  std::vector<std::uint64_t> queue_;  // tokens of those offered and not published, in order
  Position next_{};                   // where the next chain is made available
  std::uint16_t consumed_ = 0;        // split: the used index as far as it was consumed
  std::uint16_t seen_ = 0;            // split: and as it was last read
  bool foreseen_ = false;             // whether these two are known
  std::uint64_t tokens_ = 0;
  std::uint64_t scribbles_ = 0;  // writes of the device to what only the driver writes
  std::vector<Planned> plans_;
  bool stepping_ = false;
};

extern template class DriverWorld<Split>;
extern template class DriverWorld<Packed>;

}  // namespace bellpull::ring::fuzz
