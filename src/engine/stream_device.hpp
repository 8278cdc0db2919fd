// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/engine/queue_layout.hpp"
#include "channel_device.hpp"

namespace bellpull::engine {

/// How a transfer ended, in an array beside the ring indexed by head id. The device half writes an
/// element before it publishes the used entry, the driver half reads it after it polled the entry;
/// the ring's index orders the two.
struct StreamResult {
  std::uint32_t bytes = 0;
  std::int32_t error = 0;
  Status status = Status::ok;
};

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

 private:
  // An id is the head and how many were taken before, so that a late report about an earlier
  // transfer of the same head is told apart. Never 0.
  static constexpr std::uint64_t kIdMark = 0x8000;
  static constexpr unsigned kIdShift = 16;

  [[nodiscard]] static std::uint16_t head_of(std::uint64_t id) noexcept {
    return static_cast<std::uint16_t>(id & (kIdMark - 1));
  }
  void feed() noexcept;
  bool take(std::size_t at) noexcept;
  void start_held() noexcept;
  void stop() noexcept;
  void end_all() noexcept;
  void finish(const Done& done) noexcept;
  void end(std::uint16_t head, const StreamResult& result) noexcept;

  const CompletionSink sink_;
  const bool writes_;                  // the client's memory
  unsigned per_chain_;                 // segments reserved for each head in segments_
  std::vector<Segment> segments_;      // what an Op's segments point at
  std::vector<ring::Piece> pieces_;    // of the chain that is being taken
  std::vector<ring::Chain> chains_;    // by head: what the ring wants back
  std::vector<std::uint64_t> in_use_;  // by head: the id the back-end has, or 0
  std::vector<StreamResult> results_;
  std::vector<Op> ops_;  // the first held_: taken from the ring, not accepted by the back-end yet
  std::vector<Done> done_;  // room for a reap()
  std::uint64_t taken_ = 0;
  unsigned held_ = 0;
  std::uint32_t started_ = 0;  // transfers the back-end has
  bool stopped_ = false;
};

}  // namespace bellpull::engine
