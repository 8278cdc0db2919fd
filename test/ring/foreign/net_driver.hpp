// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"
#include "ring/foreign/frames.hpp"
#include "ring/foreign/vhost_user_frontend.hpp"

namespace bellpull::ring::test::foreign {

/// A driver of a network device behind vhost-user, made of the library's driver halves: takes the
/// device's frames and hands it frames. One thread.
template <class Layout>
class NetDriver {
 public:
  /// The queues' numbers, from this side.
  static constexpr unsigned kReceive = 0;
  static constexpr unsigned kTransmit = 1;

  using Driver = ring::Driver<Layout, Untrusted>;

  /// Listens at `path`, for a device that has `features`, and prepares both queues of `size`
  /// entries. Frames are received into buffers of `receive_bytes` bytes, which must hold a whole
  /// one unless buffers are mergeable.
  NetDriver(std::string path, std::uint64_t features, std::uint32_t size, std::size_t receive_bytes)
      : features_(features), front_(std::move(path), memory_bytes(size, receive_bytes)) {
    set_up(queues_[kReceive], size, receive_bytes);
    set_up(queues_[kTransmit], size, kMaxPacket);
  }

  /// Starts the queues when the device has connected. False when it did not within `patience`.
  bool connect(std::chrono::milliseconds patience) {
    if (!front_.connect(features_, patience)) return false;
    for (unsigned i = 0; i < queues_.size(); ++i) start(i);
    post_buffers();
    return true;
  }

  /// Hands up to `limit` used buffers' frames to `visit(std::span<const std::byte> packet)`, header
  /// first, and gives the buffers to the device again. Returns how many buffers there were.
  template <class Visit>
  unsigned receive(unsigned limit, Visit&& visit) {
    Queue& queue = queues_[kReceive];
    const unsigned used = queue.driver.poll(limit, [&](const Used& one) {
      const std::span<std::byte> buffer = queue.buffer(one.token);
      const auto end = buffer.begin() + one.length;
      packet_.insert(packet_.end(), buffer.begin(), end);
      queue.free.push_back(one.token);
      if (missing_ == 0) missing_ = buffers_of(packet_);
      if (--missing_ != 0) return;
      visit(std::span<const std::byte>(packet_));
      packet_.clear();
    });
    post_buffers();
    return used;
  }

  /// Makes `frame` available to the device in three pieces, with a header. False when there is no
  /// room for it.
  bool send(std::span<const std::byte> frame) {
    reclaim();
    Queue& queue = queues_[kTransmit];
    if (queue.free.empty()) return false;
    const std::uint64_t token = queue.free.back();
    std::byte* const packet = queue.buffer(token).data();
    std::memset(packet, 0, kNetHeader);
    std::memcpy(packet + kNetHeader, frame.data(), frame.size());
    const auto bytes = static_cast<std::uint32_t>(frame.size());
    const std::uint64_t address = front_.address(packet);
    const std::array<Segment, 3> pieces{{{address, kNetHeader},
                                         {address + kNetHeader, bytes / 3},
                                         {address + kNetHeader + bytes / 3, bytes - bytes / 3}}};
    if (queue.driver.post(pieces, {}, token) == kNoHead) return false;
    queue.free.pop_back();
    return true;
  }

  /// Shows what send() made available.
  void publish() { publish(kTransmit); }

  /// Whether the device has used every frame that it was sent.
  [[nodiscard]] bool all_sent() {
    reclaim();
    return queues_[kTransmit].driver.in_flight() == 0;
  }

  /// Returns at once if the device has used something of `queue`. Otherwise asks to be notified,
  /// and sleeps until it is. False when that took longer than `patience`.
  bool sleep(unsigned queue, std::chrono::milliseconds patience) {
    Driver& half = queues_[queue].driver;
    const bool woken = half.arm() || (front_.wait(queue, patience) && ++bells_ != 0);
    half.disarm();
    return woken;
  }

  /// Takes both queues away from the device; `visit` gets the frames that it still had filled.
  template <class Visit>
  void stop(Visit&& visit) {
    for (unsigned i = 0; i < queues_.size(); ++i) queues_[i].base = front_.stop_queue(i);
    receive(std::numeric_limits<unsigned>::max(), visit);
    reclaim();
    for (Queue& queue : queues_) {
      queue.in_flight = queue.driver.in_flight();
      queue.fault = queue.driver.fault();
      queue.counters = queue.driver.counters();
      queue.stopped = queue.driver.stop();
    }
  }

  /// After stop(): what both sides say of a queue.
  struct End {
    std::uint32_t base = 0;       ///< where the device stood, as VRING_BASE has it
    std::uint32_t in_flight = 0;  ///< chains that it had not used
    DriverState stopped;
    DriverCounters counters;
    QueueFault fault = QueueFault::none;
  };
  [[nodiscard]] const End& end(unsigned queue) const { return queues_.at(queue); }

  /// Times that the device's notification ended a sleep.
  [[nodiscard]] std::uint64_t bells() const { return bells_; }

 private:
  static constexpr std::uint64_t kMergeable = std::uint64_t{1} << 15;  // VIRTIO_NET_F_MRG_RXBUF
  static constexpr std::size_t kMaxPacket = 2048;
  static constexpr std::uint32_t kTableEntries = 4;
  static constexpr std::size_t kEntryBytes = sizeof(typename Layout::TableEntry);

  struct Queue : End {
    [[nodiscard]] std::span<std::byte> buffer(std::uint64_t token) const {
      return buffers.subspan(token * buffer_bytes, buffer_bytes);
    }

    typename Layout::Memory parts;
    std::vector<DriverSlot> slots;
    std::size_t buffer_bytes = 0;
    std::span<std::byte> buffers;
    std::vector<std::uint64_t> free;
    Driver driver;
  };

  [[nodiscard]] static std::size_t memory_bytes(std::uint32_t size, std::size_t receive_bytes) {
    const std::size_t each = kTableEntries * kEntryBytes;
    return 2 * Layout::bytes(size) + size * (2 * each + receive_bytes + kMaxPacket) + 4096;
  }

  static void demand(SetupError error) {
    if (error == SetupError::none) return;
    throw std::runtime_error(std::string("our own queue is refused: ") + describe(error) +
                             "; look at the test");
  }

  std::span<std::byte> carve(std::size_t bytes) {
    const std::span<std::byte> part = front_.memory().subspan(carved_, bytes);
    carved_ = round_to_line(carved_ + bytes);
    return part;
  }

  void set_up(Queue& queue, std::uint32_t size, std::size_t buffer_bytes) {
    const std::span<std::byte> ring = carve(Layout::bytes(size));
    demand(Layout::place(ring.data(), ring.size(), size, queue.parts));
    queue.slots.resize(size);
    DriverOptions<Layout> options;
    options.features = Features::from_bits(features_);
    options.slots = queue.slots;
    if (options.features.indirect) {
      const std::span<std::byte> tables = carve(kEntryBytes * kTableEntries * size);
      options.indirect = {{reinterpret_cast<typename Layout::TableEntry*>(tables.data()),
                           std::size_t{kTableEntries} * size},
                          kTableEntries,
                          front_.address(tables.data())};
    }
    demand(queue.driver.attach(queue.parts, options));
    queue.buffer_bytes = buffer_bytes;
    queue.buffers = carve(buffer_bytes * size);
    for (std::uint32_t i = 0; i < size; ++i) queue.free.push_back(i);
  }

  void start(unsigned index) {
    const typename Layout::Memory& parts = queues_[index].parts;
    if constexpr (std::is_same_v<Layout, Split>) {
      front_.start_queue(index, parts.size, 0, parts.desc, parts.avail, parts.used);
    } else {
      // The first entry, in the first lap, for both positions.
      front_.start_queue(index, parts.size, 0x8000'8000, parts.desc, parts.driver_event,
                         parts.device_event);
    }
  }

  // Header and frame in pieces of their own, as far as a chain goes.
  void post_buffers() {
    Queue& queue = queues_[kReceive];
    for (; !queue.free.empty(); queue.free.pop_back()) {
      const std::uint64_t address = front_.address(queue.buffer(queue.free.back()).data());
      const std::array<Segment, 2> pieces{
          {{address, kNetHeader},
           {address + kNetHeader, static_cast<std::uint32_t>(queue.buffer_bytes - kNetHeader)}}};
      if (queue.driver.post({}, pieces, queue.free.back()) == kNoHead) break;
    }
    publish(kReceive);
  }

  void reclaim() {
    Queue& queue = queues_[kTransmit];
    queue.driver.poll(std::numeric_limits<unsigned>::max(),
                      [&queue](const Used& used) { queue.free.push_back(used.token); });
  }

  void publish(unsigned queue) {
    if (queues_[queue].driver.publish_and_test()) front_.kick(queue);
  }

  [[nodiscard]] unsigned buffers_of(std::span<const std::byte> packet) const {
    if ((features_ & kMergeable) == 0 || packet.size() < kNetHeader) return 1;
    std::uint16_t count = 0;
    std::memcpy(&count, packet.data() + kBuffersField, sizeof count);
    return std::max<unsigned>(count, 1);
  }

  std::uint64_t features_;
  VhostUserFrontend front_;
  std::size_t carved_ = 0;
  std::array<Queue, VhostUserFrontend::kQueues> queues_;
  std::vector<std::byte> packet_;  // as far as its buffers were seen
  unsigned missing_ = 0;           // buffers of it
  std::uint64_t bells_ = 0;
};

}  // namespace bellpull::ring::test::foreign
