// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/queue_layout.hpp"
#include "bellpull/engine/stream_result.hpp"
#include "channel_device.hpp"

namespace bellpull::engine {

/// The device half of a stream channel.
class StreamDevice final : public ChannelDevice {
 public:
  StreamDevice(QueueLayout layout, std::uint32_t size, std::unique_ptr<Backend> backend,
               const Notify& notify, const CompletionSink& sink);

  [[nodiscard]] const StreamResult& result(std::uint16_t head) const noexcept {
    return results_[head];
  }

  unsigned run(unsigned limit) noexcept override;
  [[nodiscard]] bool runnable() noexcept override;
  [[nodiscard]] bool arm() noexcept override;
  void control(Control wanted) noexcept override;
  [[nodiscard]] bool stands_still() const noexcept override { return paused(); }

  /// While transfers are being reported to the sink: how many of those that were may begin anew.
  /// None once the device has stopped.
  [[nodiscard]] unsigned repeatable() const noexcept { return stopped_ ? 0 : repeatable_; }
  /// Starts one of them anew with these segments, and returns its head. There is one.
  [[nodiscard]] std::uint16_t repeat(std::span<const Segment> segments) noexcept;

  /// Reports no more transfers after the one that is being reported. Any thread.
  void pause() noexcept;
  /// Reports them again. True: the engine went to sleep meanwhile and has to be woken. Any thread.
  [[nodiscard]] bool resume() noexcept;

 private:
  /// Whether transfers that are done are reported, and whether somebody sleeps until they are.
  enum class Flow : std::uint8_t { running, paused, paused_asleep };

  // Chains at a time: there is room for the pieces of so many of the longest.
  static constexpr unsigned kTaken = 32;

  // An id is the head and how many were taken before, so that a late report about an earlier
  // transfer of the same head is told apart. Never 0.
  static constexpr std::uint64_t kIdMark = 0x8000;
  static constexpr unsigned kIdShift = 16;

  [[nodiscard]] static std::uint16_t head_of(std::uint64_t id) noexcept {
    return static_cast<std::uint16_t>(id & (kIdMark - 1));
  }
  // Acquire pairs with the release in resume(): who goes on sees what room the client has made.
  [[nodiscard]] bool paused() const noexcept {
    return flow_.load(std::memory_order_acquire) != Flow::running;
  }
  [[nodiscard]] bool idle() noexcept;
  // Whether run() would look for the end of transfers if it was not paused.
  [[nodiscard]] bool reapable() const noexcept { return started_ != 0 && !blocked_; }
  [[nodiscard]] bool sleep_paused() noexcept;
  [[nodiscard]] Reaped reap(unsigned room) noexcept;
  [[nodiscard]] unsigned report(unsigned limit) noexcept;
  void feed() noexcept;
  std::uint32_t take(unsigned most) noexcept;
  void hold(std::uint16_t head, std::span<const Segment> segments) noexcept;
  void start_held() noexcept;
  void stop() noexcept;
  void end_all() noexcept;
  void finish(const Done& done) noexcept;
  void end(std::uint16_t head, const StreamResult& result) noexcept;
  void give_back(std::uint16_t head, std::uint32_t written) noexcept;
  void give_back_reported() noexcept;

  const CompletionSink sink_;
  const bool writes_;   // the client's memory
  unsigned per_chain_;  // most segments of a transfer
  // What an Op's segments point at, by head: most transfers have one or two, which lie together so
  // that those of a whole ring stay in the first-level cache.
  static constexpr std::size_t kFew = 2;
  std::vector<std::array<Segment, kFew>> few_;
  std::vector<Segment> many_;              // per_chain_ for each head
  std::vector<ring::Piece> pieces_;        // of the chains that are being taken
  std::vector<ring::Chain> taken_chains_;  // these
  std::vector<ring::Chain> chains_;        // by head: what the ring wants back
  std::vector<std::uint64_t> in_use_;      // by head: the id the back-end has, or 0
  std::vector<StreamResult> results_;
  std::vector<Op> ops_;  // the first held_: taken from the ring, not accepted by the back-end yet
  std::vector<Done> done_;  // of the latest reap(); from next_done_ to end_done_ not reported yet
  unsigned next_done_ = 0;
  unsigned end_done_ = 0;
  std::uint64_t taken_ = 0;
  unsigned held_ = 0;
  std::uint32_t started_ = 0;  // transfers the back-end has
  bool stopped_ = false;
  // The first repeatable_: heads that the sink has heard of since the last reap, oldest first.
  std::array<std::uint16_t, kBatch> reported_;
  unsigned repeatable_ = 0;
  std::atomic<Flow> flow_{Flow::running};
};

}  // namespace bellpull::engine
