// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "bellpull/ring/budget.hpp"
#include "bellpull/ring/fault.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/state.hpp"
#include "peer_memory.hpp"

namespace bellpull::ring::fuzz {

/// A descriptor as virtio 1.4 describes it, of either layout.
struct SlowDescriptor {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint16_t id = 0;  // packed only
  std::uint16_t flags = 0;
  std::uint16_t next = 0;  // split only
};

/// Bytes of one region.
struct SlowPiece {
  const Block* block;
  std::uint64_t offset;
  std::uint64_t length;
};

/// A chain that the model accepts.
struct SlowChain {
  std::uint16_t head = 0;
  std::uint32_t descriptors = 0;
  std::vector<SlowPiece> readable;
  std::vector<SlowPiece> writable;
  std::uint64_t readable_bytes = 0;
  std::uint64_t writable_bytes = 0;
};

/// A device half written from the text of virtio 1.4 and from what the library documents beyond it:
/// slow, byte by byte, and without a line of the library's ring code. It works on the shadows of
/// the blocks.
///
/// Where the specification leaves a choice, it makes the library's: a chain's faults are looked for
/// descriptor by descriptor in the order of the chain; used entries are written when they are
/// known, but of a packed batch the first one only when it is published; in-order, chains that
/// were filled completely join the entry of the one that follows.
class SlowDevice {
 public:
  SlowDevice(PeerMemory& memory, std::uint32_t size, Features features,
             std::uint64_t max_chain_bytes)
      : memory_(&memory), size_(size), features_(features), max_bytes_(max_chain_bytes) {
    if (max_bytes_ > std::uint64_t{1} << 32) max_bytes_ = std::uint64_t{1} << 32;
  }
  virtual ~SlowDevice() = default;
  SlowDevice(const SlowDevice&) = delete;
  SlowDevice& operator=(const SlowDevice&) = delete;

  /// Goes on with chains that a former owner had taken.
  void hold_all(std::span<const InFlight> in_flight);
  /// From now on addresses are those of `table`.
  void use(const Table& table) { table_ = &table; }

  /// Before a poll for up to `limit` chains; false when the queue is broken.
  [[nodiscard]] bool begin(std::uint32_t limit);
  /// The next chain, or why there is none.
  /// A chain of more than `room` pieces is faulty, or waits if others have the rest of the room.
  [[nodiscard]] Pull next(Budget& budget, std::size_t room, bool all_room, SlowChain& chain);
  void complete(std::uint16_t head, std::uint32_t written);
  /// Shows what is complete; false when there is nothing.
  bool publish();
  /// Whether the driver must, or must not, be told of what was published since the last question;
  /// nothing when both are right.
  [[nodiscard]] std::optional<bool> must_notify();
  /// Looks for more. What the device half's refresh() returns.
  [[nodiscard]] virtual std::uint32_t refresh() = 0;
  /// Whether the last look at arm() finds more, or breaks the queue.
  [[nodiscard]] virtual bool rearm() = 0;

  [[nodiscard]] virtual DeviceState state() const = 0;
  [[nodiscard]] QueueFault fault() const { return fault_; }
  [[nodiscard]] const std::array<std::uint64_t, kChainFaultCount>& faults() const {
    return faults_;
  }

 protected:
  // How the reading of a chain stands.
  struct Walk {
    SlowChain chain;
    ChainFault fault = ChainFault::none;
    std::uint32_t counted = 0;       // descriptors for the budget
    std::uint32_t buffers = 0;       // descriptors of buffers
    std::uint32_t ring_entries = 0;  // descriptors of the ring
    std::size_t room = 0;
    bool all_room = true;
    bool writable_seen = false;
    bool over_budget = false;
  };
  struct Taken {
    InFlight chain;
    std::uint64_t writable;
  };

  [[nodiscard]] virtual QueueFault look_before_batch(std::uint32_t limit) = 0;
  [[nodiscard]] virtual bool look() = 0;
  // Reads the chain at the present place; sets the fault of the queue, if there is one.
  virtual void read_chain(Walk& walk, const Budget& budget) = 0;
  virtual void move_on(const Walk& walk) = 0;
  // One used entry for all of `batch`, which ends with the chain it names.
  virtual void write_used(const std::vector<Taken>& batch) = 0;
  // Shows the entries; notes the positions for must_notify().
  virtual bool show_used() = 0;
  // What the driver's event word says to the published positions.
  [[nodiscard]] virtual std::optional<bool> asked(const std::deque<std::uint32_t>& positions) = 0;
  // An entry of an indirect table.
  [[nodiscard]] virtual SlowDescriptor table_entry(const std::byte* entry) const = 0;
  // Where a table's chain goes on behind entry `at`: the next entry, or `entries` for its end.
  [[nodiscard]] virtual std::uint32_t table_next(const SlowDescriptor& entry, std::uint32_t at,
                                                 std::uint32_t entries,
                                                 ChainFault& fault) const = 0;

  // Whether the chain that was read to its end has to wait.
  [[nodiscard]] static bool has_to_wait(const Walk& walk, const Budget& budget);
  void add(Walk& walk, const SlowDescriptor& descriptor, const Budget& budget) const;

  template <class Word>
  [[nodiscard]] Word read(unsigned part, std::size_t offset) const {
    Word word{};
    std::memcpy(&word, memory_->ring(part).shadow.data() + offset, sizeof word);
    return word;
  }
  template <class Word>
  void write(unsigned part, std::size_t offset, Word word) {
    std::memcpy(memory_->ring(part).shadow.data() + offset, &word, sizeof word);
  }

  PeerMemory* memory_;
  std::uint32_t size_;
  Features features_;
  std::uint64_t max_bytes_;
  const Table* table_ = nullptr;
  QueueFault fault_ = QueueFault::none;
  std::deque<std::uint32_t> untested_;  // positions published since the last question
  bool first_question_ = false;         // after a hand-over nobody knows what was asked before

 private:
  [[nodiscard]] ChainFault add_buffer(Walk& walk, const SlowDescriptor& descriptor) const;
  [[nodiscard]] ChainFault add_table(Walk& walk, const SlowDescriptor& descriptor,
                                     const Budget& budget) const;
  [[nodiscard]] ChainFault map(std::uint64_t address, std::uint64_t length, std::size_t room,
                               std::vector<SlowPiece>& pieces) const;
  void end_turns();

  std::deque<Taken> taken_;   // in the order in which they were taken
  std::vector<Taken> batch_;  // in-order: ended, without a used entry yet
  std::array<std::uint64_t, kChainFaultCount> faults_{};
};

/// The model of a split queue's device half (virtio 1.4 section 2.7).
class SlowSplitDevice final : public SlowDevice {
 public:
  using SlowDevice::SlowDevice;
  void start(const DeviceState* state);

  [[nodiscard]] std::uint32_t refresh() override;
  [[nodiscard]] bool rearm() override;
  [[nodiscard]] DeviceState state() const override { return {taken_index_, shown_index_}; }

 private:
  [[nodiscard]] QueueFault look_before_batch(std::uint32_t limit) override;
  [[nodiscard]] bool look() override { return ready_ != 0; }
  void read_chain(Walk& walk, const Budget& budget) override;
  void move_on(const Walk& walk) override;
  void write_used(const std::vector<Taken>& batch) override;
  bool show_used() override;
  [[nodiscard]] std::optional<bool> asked(const std::deque<std::uint32_t>& positions) override;
  [[nodiscard]] SlowDescriptor table_entry(const std::byte* entry) const override;
  [[nodiscard]] std::uint32_t table_next(const SlowDescriptor& entry, std::uint32_t at,
                                         std::uint32_t entries, ChainFault& fault) const override;

  [[nodiscard]] QueueFault read_index();

  std::uint16_t taken_index_ = 0;
  std::uint16_t used_index_ = 0;   // of the next used entry
  std::uint16_t shown_index_ = 0;  // as the driver sees it
  std::uint32_t ready_ = 0;        // chains that were seen and not taken
  std::uint32_t owed_ = 0;         // chains taken without a used entry
};

/// The model of a packed queue's device half (virtio 1.4 section 2.8).
class SlowPackedDevice final : public SlowDevice {
 public:
  using SlowDevice::SlowDevice;
  void start(const DeviceState* state, std::span<const InFlight> in_flight);

  [[nodiscard]] std::uint32_t refresh() override { return look() ? 1 : 0; }
  [[nodiscard]] bool rearm() override { return look(); }
  [[nodiscard]] DeviceState state() const override { return {word(avail_), word(used_)}; }

 private:
  // A place in the ring and the wrap counter that belongs to it.
  struct Place {
    std::uint32_t offset = 0;
    bool wrap = true;
  };

  [[nodiscard]] QueueFault look_before_batch(std::uint32_t) override { return QueueFault::none; }
  [[nodiscard]] bool look() override;
  void read_chain(Walk& walk, const Budget& budget) override;
  void move_on(const Walk& walk) override;
  void write_used(const std::vector<Taken>& batch) override;
  bool show_used() override;
  [[nodiscard]] std::optional<bool> asked(const std::deque<std::uint32_t>& positions) override;
  [[nodiscard]] SlowDescriptor table_entry(const std::byte* entry) const override;
  [[nodiscard]] std::uint32_t table_next(const SlowDescriptor& entry, std::uint32_t at,
                                         std::uint32_t entries, ChainFault& fault) const override;

  void step(Place& place) const;
  [[nodiscard]] static std::uint16_t word(const Place& place);
  [[nodiscard]] SlowDescriptor descriptor(const Place& place) const;
  [[nodiscard]] static bool available(const SlowDescriptor& descriptor, bool wrap);

  Place avail_;
  Place used_;
  std::optional<SlowDescriptor> seen_;  // the first of the next chain, as it was when it was seen
  std::uint32_t owed_ = 0;              // descriptors taken without a used entry
  bool held_back_ = false;              // the first entry of the batch is not shown yet
  Place held_place_;
  SlowDescriptor held_entry_;
  std::deque<std::uint32_t> unshown_;  // positions of used entries that are not published
};

}  // namespace bellpull::ring::fuzz
