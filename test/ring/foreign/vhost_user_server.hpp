// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ring/foreign/owned_fd.hpp"
#include "ring/foreign/peer_memory.hpp"
#include "ring/foreign/vhost_user_message.hpp"

namespace bellpull::ring::test::foreign {

/// A queue as the peer has described it so far.
struct ServedQueue {
  std::uint32_t size = 0;  ///< entries
  /// Where the device is to start, as VRING_BASE has it. Split: the available index. Packed: the
  /// position of the next available entry, its wrap counter in bit 15, and the same of the next
  /// used one in the upper half; a driver that starts anew leaves that half 0, although it means
  /// the first entry and a wrap counter of 1.
  std::uint32_t base = 0;
  VringAddress address{};            ///< of the parts, in the peer's own address space
  std::byte* descriptors = nullptr;  ///< and here; null until memory and address are known
  std::byte* driver_area = nullptr;  ///< available ring, or driver event suppression
  std::byte* device_area = nullptr;  ///< used ring, or device event suppression
  OwnedFd kick;                      ///< the driver's doorbell, -1 if it wants to be polled
  OwnedFd call;                      ///< the device's doorbell, -1 if the driver polls
  bool started = false;              ///< from SET_VRING_KICK to GET_VRING_BASE
  bool enabled = false;              ///< SET_VRING_ENABLE
  std::uint64_t generation = 0;      ///< changes whenever anything above does

  /// Whether a device may work on it now.
  [[nodiscard]] bool ready() const { return started && enabled && descriptors != nullptr; }
};

/// The device's end of a vhost-user socket for one network device with one pair of queues: takes
/// the peer's memory, features and rings, and leaves the rings alone. One thread only: between two
/// calls of serve() nothing changes, so whatever works on the rings asks ready() and generation
/// after each call. Mistakes of the peer in the protocol itself are std::runtime_error.
class VhostUserServer {
 public:
  /// Queue 0 takes frames to the driver, queue 1 frames from it.
  static constexpr unsigned kQueues = 2;
  /// Asked when the peer stops a queue: where the device stands, as ServedQueue::base has it.
  using StopHook = std::function<std::uint32_t(unsigned queue)>;

  /// Listens on a new socket at `path` and will offer `features` of virtio. Throws
  /// std::system_error.
  VhostUserServer(std::string path, std::uint64_t features, StopHook on_stop);
  VhostUserServer(const VhostUserServer&) = delete;
  VhostUserServer& operator=(const VhostUserServer&) = delete;
  /// Removes the socket; the peer finds its connection closed.
  ~VhostUserServer();

  /// Takes the peer's connection or one message of it, and answers. False if nothing came within
  /// `patience`. The first peer is the only one; after it has left, always false.
  bool serve(std::chrono::milliseconds patience);

  /// Readable when serve() has something to take; for poll() only.
  [[nodiscard]] int file() const { return peer_.get() >= 0 ? peer_.get() : listener_.get(); }
  /// Whether the peer has closed its end. Its queues are no longer ready then.
  [[nodiscard]] bool peer_left() const { return left_; }
  /// What the peer accepted of the features of virtio.
  [[nodiscard]] std::uint64_t features() const { return accepted_; }
  /// A queue; `index` below kQueues.
  [[nodiscard]] const ServedQueue& queue(unsigned index) const { return queues_.at(index); }
  /// The peer's memory, null before it shared any. Stays mapped as long as somebody has it, also
  /// after the peer has replaced it.
  [[nodiscard]] std::shared_ptr<const PeerMemory> memory() const { return memory_; }

 private:
  struct Message {
    MessageHeader header{};
    std::array<std::byte, sizeof(MemoryTable)> payload{};
    std::vector<OwnedFd> files;
  };

  [[noreturn]] void refuse(const Message& message, const std::string& why) const;
  template <typename Payload>
  [[nodiscard]] Payload read(const Message& message) const;
  [[nodiscard]] bool receive(Message& message);
  void receive_payload(Message& message);
  void handle(Message& message);
  void handle_features(const Message& message);
  void handle_vring(Message& message);
  void take_memory(const Message& message);
  void take_file(Message& message);
  void stop_queue(const Message& message);
  void locate(ServedQueue& queue) const;
  [[nodiscard]] ServedQueue& queue_of(const Message& message, std::uint64_t index);
  void reply(const Message& message, const void* payload, std::size_t bytes) const;
  void peer_is_gone();

  std::string path_;
  std::uint64_t offered_;
  StopHook on_stop_;
  OwnedFd listener_;
  OwnedFd peer_;
  bool left_ = false;
  std::uint64_t accepted_ = 0;
  std::uint64_t protocol_ = 0;
  std::shared_ptr<const PeerMemory> memory_;
  std::array<ServedQueue, kQueues> queues_;
};

}  // namespace bellpull::ring::test::foreign
