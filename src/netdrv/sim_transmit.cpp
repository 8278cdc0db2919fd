// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "sim_buffers.hpp"
#include "sim_device.hpp"

namespace bellpull::netdrv {

using engine::Backend;

class SimTransmit final : public Backend {
 public:
  explicit SimTransmit(SimNic::Device& device) : device_(device), buffers_(device.options.ring) {
    // Acquire: pairs with the release in ~SimTransmit().
    if (device.has_transmit.exchange(true, std::memory_order_acquire)) {
      throw std::invalid_argument("make a transmit back-end of simulated NIC " +
                                  device.options.name + ": it has one; close its channel first");
    }
  }
  SimTransmit(const SimTransmit&) = delete;
  SimTransmit& operator=(const SimTransmit&) = delete;
  ~SimTransmit() override {
    device_.has_transmit.store(false, std::memory_order_release);  // pairs with SimTransmit()
  }

  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return {.operations = {engine::Operation::write},
            .max_segments = kSimSegments,
            .max_length = kSimMaxLength};
  }

  // It never blocks.
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override { return {}; }

  [[nodiscard]] unsigned window() const noexcept override { return buffers_.room(); }

  unsigned start(std::span<const engine::Op> ops) noexcept override { return buffers_.push(ops); }

  engine::Reaped reap(std::span<engine::Done> done) noexcept override {
    engine::Reaped reaped;
    while (reaped.count < done.size() && buffers_.count() != 0) {
      const SimBuffer& buffer = buffers_.front();
      done[reaped.count++] = {.id = buffer.id, .bytes = take(buffer.segments)};
      buffers_.pop();
    }
    device_.tx.sent.add(reaped.count);
    return reaped;
  }

  bool cancel(std::uint64_t id) noexcept override {
    const unsigned at = buffers_.find(id);
    if (at == buffers_.count()) return false;
    buffers_.remove(at);
    return true;
  }

  void stop() noexcept override { buffers_.clear(); }

 private:
  // Returns the bytes.
  std::uint64_t take(std::span<const engine::Segment> segments) noexcept {
    std::uint64_t bytes = 0;
    for (const engine::Segment& segment : segments) bytes += segment.length;
    check(in_one_piece(segments, bytes));
    return bytes;
  }

  // Nothing if it is too long to be a timed frame.
  std::span<const std::byte> in_one_piece(std::span<const engine::Segment> segments,
                                          std::uint64_t bytes) noexcept {
    if (segments.size() == 1) return {segments.front().data, segments.front().length};
    if (bytes > scratch_.size()) return {};
    std::byte* to = scratch_.data();
    for (const engine::Segment& segment : segments) {
      std::memcpy(to, segment.data, segment.length);
      to += segment.length;
    }
    return std::span(scratch_).first(bytes);
  }

  void check(std::span<const std::byte> whole) noexcept {
    const FrameReading reading =
        read_timed_frame(whole.subspan(std::min<std::size_t>(whole.size(), kVnetHeader)));
    if (reading.kind == FrameKind::foreign) {
      device_.tx.foreign.add(1);
    } else if (reading.kind == FrameKind::corrupt) {
      device_.tx.corrupt.add(1);
    } else {
      check_order(reading.said);
    }
  }

  // Gaps are no fault of the order: what is missing was dropped, and is counted where it was.
  void check_order(const TimedFrame& said) noexcept {
    std::uint64_t& next = device_.last_sent[said.flow];
    if (said.sequence >= next) {
      next = said.sequence + 1;
    } else if (said.sequence + 1 == next) {
      device_.tx.duplicated.add(1);
    } else {
      device_.tx.reordered.add(1);
    }
  }

  SimNic::Device& device_;
  SimBuffers buffers_;
  SimScratch scratch_;
};

std::unique_ptr<Backend> SimNic::make_transmit() {
  return std::make_unique<SimTransmit>(*device_);
}

}  // namespace bellpull::netdrv
