// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "ring/foreign/owned_fd.hpp"
#include "ring/foreign/vhost_user_message.hpp"

namespace bellpull::ring::test::foreign {

/// Memory of this program that another one can map.
class SharedMemory {
 public:
  /// All zero. Throws std::system_error.
  explicit SharedMemory(std::size_t bytes);
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  [[nodiscard]] std::span<std::byte> span() const { return {data_, bytes_}; }
  [[nodiscard]] int file() const { return file_.get(); }

 private:
  std::size_t bytes_;
  OwnedFd file_;
  std::byte* data_;
};

/// The driver's end of a vhost-user socket: shares one region of memory, names the rings in it, and
/// has the doorbells. Leaves the rings alone. Throws std::system_error, and std::runtime_error when
/// the device refuses something.
class VhostUserFrontend {
 public:
  /// Queue 0 takes frames from the device, queue 1 frames to it.
  static constexpr unsigned kQueues = 2;
  /// Where the shared memory begins for the device, in descriptors: nowhere in this program.
  static constexpr std::uint64_t kGuestAddress = 0x4000'0000;

  /// Listens on a new socket at `path`. (The device connects and not the driver: DPDK's takes a
  /// second to notice a driver that does.)
  VhostUserFrontend(std::string path, std::size_t memory_bytes);
  VhostUserFrontend(const VhostUserFrontend&) = delete;
  VhostUserFrontend& operator=(const VhostUserFrontend&) = delete;
  /// Removes the socket; the device finds its connection closed.
  ~VhostUserFrontend();

  /// Takes the device's connection, agrees on `features`, all of which it must offer, and shares
  /// the memory. False when it did not connect within `patience`.
  bool connect(std::uint64_t features, std::chrono::milliseconds patience);

  /// The memory that the device sees.
  [[nodiscard]] std::span<std::byte> memory() const { return memory_.span(); }
  /// The address of a byte of it as descriptors have it.
  [[nodiscard]] std::uint64_t address(const void* byte) const;

  /// Lets the device work on a queue from its beginning; the parts are inside of memory().
  void start_queue(unsigned queue, std::uint32_t size, std::uint32_t base, const void* descriptors,
                   const void* driver_area, const void* device_area);
  /// Takes the queue away from the device; returns where it stood, as VRING_BASE has it.
  std::uint32_t stop_queue(unsigned queue);

  /// Rings the device's doorbell.
  void kick(unsigned queue);
  /// Waits for the device to ring ours, and takes it. False when it did not within `patience`.
  bool wait(unsigned queue, std::chrono::milliseconds patience);

 private:
  struct Reply {
    MessageHeader header{};
    std::uint64_t payload = 0;
  };

  void send(Request request, const void* payload, std::size_t bytes, int file = -1,
            std::uint32_t flags = 0);
  /// send(), and waits until the device has obeyed.
  void order(Request request, const void* payload, std::size_t bytes, int file = -1);
  Reply receive(Request request);
  void agree(std::uint64_t features);
  void share_memory();

  std::string path_;
  SharedMemory memory_;
  OwnedFd listener_;
  OwnedFd socket_;
  std::array<OwnedFd, kQueues> kicks_;
  std::array<OwnedFd, kQueues> calls_;
};

}  // namespace bellpull::ring::test::foreign
