// SPDX-License-Identifier: BSD-2-Clause
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "sim_buffers.hpp"
#include "sim_device.hpp"

namespace bellpull::netdrv {

using engine::Backend;

namespace {

// What the quickest driver needs to hear of a frame and post a buffer again.
constexpr std::uint64_t kTurnaroundNs = 10'000;

// Times that the calling thread left the CPU.
struct Switches {
  long slept = 0;
  long preempted = 0;
};

Switches switches_so_far() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return {usage.ru_nvcsw, usage.ru_nivcsw};
}

}  // namespace

// Of the buffers it holds, the first `full_` have a frame that is not reported yet; the next `old_`
// were there, empty, at the last look; the rest was posted since.
class SimReceive final : public Backend {
 public:
  explicit SimReceive(SimNic::Device& device)
      : device_(device), arrivals_(device.arrivals), buffers_(device.options.ring) {
    // Acquire: pairs with the release in ~SimReceive().
    if (device.has_receive.exchange(true, std::memory_order_acquire)) {
      throw std::invalid_argument("make a receive back-end of simulated NIC " +
                                  device.options.name + ": it has one; close its channel first");
    }
  }
  SimReceive(const SimReceive&) = delete;
  SimReceive& operator=(const SimReceive&) = delete;
  ~SimReceive() override {
    forget();
    device_.has_receive.store(false, std::memory_order_release);  // pairs with SimReceive()
  }

  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return {.operations = {engine::Operation::read},
            .max_segments = kSimSegments,
            .max_length = kSimMaxLength};
  }

  [[nodiscard]] engine::WaitSource wait_source() const noexcept override {
    if (arrivals_.timer() < 0) return {};
    return {arrivals_.timer(), EPOLLIN};
  }

  [[nodiscard]] unsigned window() const noexcept override { return buffers_.room(); }

  unsigned start(std::span<const engine::Op> ops) noexcept override { return buffers_.push(ops); }

  engine::Reaped reap(std::span<engine::Done> done) noexcept override {
    engine::Reaped reaped;
    while (reaped.count < done.size()) {
      look();
      if (full_ == 0) {
        reaped.would_block = wait();
        break;
      }
      for (; full_ != 0 && reaped.count < done.size(); --full_) {
        const SimBuffer& buffer = buffers_.front();
        done[reaped.count++] = {.id = buffer.id, .bytes = fill(buffer)};
        buffers_.pop();
      }
    }
    device_.rx.delivered.add(reaped.count);
    return reaped;
  }

  // A frame is in it or it is not: there is no way to give one back to the wire.
  bool cancel(std::uint64_t id) noexcept override {
    const unsigned at = buffers_.find(id);
    if (at < full_ || at == buffers_.count()) return false;
    if (at < full_ + old_) --old_;
    buffers_.remove(at);
    return true;
  }

  void stop() noexcept override { forget(); }

 private:
  // Gives the frames that have arrived since the last look to the buffers, and counts the others.
  void look() noexcept {
    const SimArrivals::Come come = arrivals_.look();
    const Switches before = switches_;
    if (come.now - looked_at_ > kTurnaroundNs) switches_ = switches_so_far();
    looked_at_ = come.now;
    const unsigned empty = buffers_.count() - full_;
    const std::uint64_t count = come.last - come.first;
    if (count != 0) {
      const auto oldest = static_cast<unsigned>(std::min<std::uint64_t>(count, old_));
      const auto latest =
          static_cast<unsigned>(std::min<std::uint64_t>(count - oldest, empty - oldest));
      const std::uint64_t missed_end = come.last - latest;
      for (unsigned i = 0; i < oldest; ++i) buffers_[full_++].arrival = come.first + i;
      for (unsigned i = 0; i < latest; ++i) buffers_[full_++].arrival = missed_end + i;
      device_.rx.scheduled.add(count);
      if (old_ != 0) note_lateness(come);
      if (missed_end != come.first + oldest) {
        // Without an empty buffer the thread may have slept for want of one.
        const bool off_cpu = switches_.preempted != before.preempted ||
                             (old_ != 0 && switches_.slept != before.slept);
        count_missed(come, come.first + oldest, missed_end, off_cpu);
      }
    }
    old_ = buffers_.count() - full_;
  }

  void note_lateness(const SimArrivals::Come& come) noexcept {
    const std::uint64_t late = come.now - arrivals_.time_of(come.first);
    engine::Counter& largest = device_.rx.largest_lateness_ns;
    if (late > largest.value()) largest.add(late - largest.value());
  }

  // Whose fault it is. A thread that runs is where the device looks, or where the driver is busy:
  // the driver's. While it was off the CPU nobody told the driver of what arrived, nor saw what it
  // had posted: not the driver's, for those that came when it would have posted in answer to the
  // first.
  void count_missed(const SimArrivals::Come& come, std::uint64_t first, std::uint64_t last,
                    bool off_cpu) noexcept {
    std::uint64_t in_time = last;
    if (off_cpu) {
      const std::uint64_t answered = arrivals_.time_of(come.first) + kTurnaroundNs;
      in_time = std::clamp(arrivals_.come_by(answered, come.first), first, last);
    }
    device_.rx.missed_no_buffer.add(in_time - first);
    device_.rx.missed_generator.add(last - in_time);
  }

  // Writes the header and the frame; returns how many bytes of them there was room for.
  std::uint64_t fill(const SimBuffer& buffer) noexcept {
    const SimOptions& options = device_.options;
    const std::uint64_t number = buffer.arrival;
    const TimedFrame said{
        .flow = static_cast<std::uint16_t>(options.first_flow + number % options.flows),
        .sequence = number / options.flows,
        .time_ns = arrivals_.time_of(number)};
    const std::size_t bytes = kVnetHeader + options.sizes[number % options.sizes.size()];
    const engine::Segment& first = buffer.segments.front();
    const bool in_place = first.length >= bytes;
    const std::span<std::byte> whole(in_place ? first.data : scratch_.data(), bytes);
    std::memset(whole.data(), 0, kVnetHeader);
    device_.writer.write(whole.subspan(kVnetHeader), said);
    return in_place ? bytes : scatter(whole, buffer.segments);
  }

  static std::uint64_t scatter(std::span<const std::byte> whole,
                               std::span<const engine::Segment> segments) noexcept {
    std::size_t copied = 0;
    for (const engine::Segment& segment : segments) {
      const std::size_t part = std::min<std::size_t>(segment.length, whole.size() - copied);
      std::memcpy(segment.data, whole.data() + copied, part);
      copied += part;
    }
    return copied;
  }

  // Returns whether there is something to wait for.
  bool wait() noexcept {
    if (arrivals_.timer() < 0) return false;
    // Without a buffer nobody would look when the next frame arrives.
    if (buffers_.count() != 0) arrivals_.wait();
    return true;
  }

  // Frames that were not reported are lost with their buffers.
  void forget() noexcept {
    device_.rx.missed_no_buffer.add(full_);
    full_ = 0;
    old_ = 0;
    buffers_.clear();
  }

  SimNic::Device& device_;
  SimArrivals& arrivals_;
  SimBuffers buffers_;
  unsigned full_ = 0;
  unsigned old_ = 0;
  std::uint64_t looked_at_ = 0;
  Switches switches_;  // as of the last look that was late
  SimScratch scratch_;
};

std::unique_ptr<Backend> SimNic::make_receive() {
  return std::make_unique<SimReceive>(*device_);
}

}  // namespace bellpull::netdrv
