// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/queue_layout.hpp"
#include "bellpull/ring/device.hpp"

namespace bellpull::engine {

/// How a transfer ended, in an array beside the ring indexed by head id. The device half writes an
/// element before it publishes the used entry, the driver half reads it after it polled the entry;
/// the ring's index orders the two.
struct StreamResult {
  std::uint32_t bytes = 0;
  std::int32_t error = 0;
  Status status = Status::ok;
};

/// The device half of a stream channel: between its ring and its back-end. Every member is called
/// on the thread that runs the engine, or while that thread is parked.
class alignas(ring::kCacheLine) StreamDevice {
 public:
  /// What a push sink needs to know of a transfer and the ring does not carry. The driver half
  /// writes it before it publishes.
  struct Ticket {
    Cookie cookie = 0;
    std::uint64_t token = 0;
    std::uint16_t next = 0;  // the driver half's own: links a batch between prepare and submit
  };

  StreamDevice(QueueLayout layout, std::uint32_t size, std::unique_ptr<Backend> backend,
               const Notify& notify, const CompletionSink& sink);

  /// Slots of the ring.
  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(in_use_.size());
  }
  /// The ring's layout; the queue's memory, for the driver half to attach to, has that layout.
  [[nodiscard]] QueueLayout layout() const noexcept { return layout_; }
  [[nodiscard]] const ring::SplitMemory& split_memory() const noexcept { return split_memory_; }
  [[nodiscard]] const ring::PackedMemory& packed_memory() const noexcept { return packed_memory_; }
  [[nodiscard]] std::span<Ticket> tickets() noexcept { return tickets_; }
  [[nodiscard]] const StreamResult& result(std::uint16_t head) const noexcept {
    return results_[head];
  }
  [[nodiscard]] const Capabilities& capabilities() const noexcept { return capabilities_; }
  [[nodiscard]] WaitSource wait_source() const noexcept { return backend_->wait_source(); }

  /// Starts what was issued and reaps what is done, at most `limit` completions.
  unsigned run(unsigned limit) noexcept;

  /// Whether run() would find something to do.
  [[nodiscard]] bool runnable() noexcept;

  /// Whether nothing is left that run() could move: it ended in would-block, or there is nothing
  /// issued.
  [[nodiscard]] bool settled() noexcept { return blocked_ || !runnable(); }

  /// The device may be able to go on.
  void unblock() noexcept { blocked_ = false; }

  /// Before sleeping: asks to be kicked. True: there is work already.
  [[nodiscard]] bool arm() noexcept;
  void disarm() noexcept;

  /// Ends every transfer; see StreamChannel::stop().
  void stop() noexcept;

  Counter completed;
  Counter failed;
  Counter bytes;
  Counter notifies;
  Counter bad_done;

 private:
  static constexpr unsigned kBatch = 64;
  // An id is the head and how many were taken before, so that a late report about an earlier
  // transfer of the same head is told apart. Never 0.
  static constexpr std::uint64_t kIdMark = 0x8000;
  static constexpr unsigned kIdShift = 16;

  struct RegionDelete {
    void operator()(std::byte* region) const noexcept;
  };

  template <class Layout>
  void attach(std::uint32_t size, typename Layout::Memory& memory, ring::Device<Layout>& ring);
  // One predictable branch per call; the two halves share no base class on purpose.
  template <class Do>
  decltype(auto) with_ring(Do&& act) noexcept {
    return layout_ == QueueLayout::split ? act(split_) : act(packed_);
  }
  [[nodiscard]] bool available() noexcept;

  [[nodiscard]] static std::uint16_t head_of(std::uint64_t id) noexcept {
    return static_cast<std::uint16_t>(id & (kIdMark - 1));
  }
  void feed() noexcept;
  bool take(std::size_t at) noexcept;
  void start_held() noexcept;
  void end_all() noexcept;
  void finish(const Done& done) noexcept;
  void end(std::uint16_t head, const StreamResult& result) noexcept;
  void publish() noexcept;

  std::unique_ptr<Backend> backend_;
  Capabilities capabilities_;
  Notify notify_;
  CompletionSink sink_;
  std::unique_ptr<std::byte[], RegionDelete> region_;
  QueueLayout layout_;
  ring::SplitMemory split_memory_;
  ring::PackedMemory packed_memory_;
  ring::Device<ring::Split> split_;
  ring::Device<ring::Packed> packed_;
  unsigned per_chain_;                 // segments reserved for each head in segments_
  std::vector<Segment> segments_;      // what Op::segments points at
  std::vector<ring::Piece> pieces_;    // of the chain that is being taken
  std::vector<ring::Chain> chains_;    // by head: what the ring wants back
  std::vector<std::uint64_t> in_use_;  // by head: the id the back-end has, or 0
  std::vector<StreamResult> results_;
  std::vector<Ticket> tickets_;
  std::vector<Op> ops_;  // the first held_: taken from the ring, not accepted by the back-end yet
  std::vector<Done> done_;  // room for a reap()
  std::uint64_t taken_ = 0;
  unsigned held_ = 0;
  std::uint32_t started_ = 0;  // transfers the back-end has
  bool blocked_ = false;
  bool stopped_ = false;
};

}  // namespace bellpull::engine
