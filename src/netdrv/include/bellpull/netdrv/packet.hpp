// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace bellpull::netdrv {

class PacketPool;

/// What a frame still owes or promises, in the terms of the virtio-net header (virtio 1.4 section
/// 5.1.6). All zero: an ordinary frame with all its checksums in place.
struct Offload {
  std::uint8_t flags = 0;         ///< VIRTIO_NET_HDR_F_*
  std::uint8_t gso_type = 0;      ///< VIRTIO_NET_HDR_GSO_*
  std::uint16_t hdr_len = 0;      ///< bytes; a hint, never to be believed
  std::uint16_t gso_size = 0;     ///< bytes of payload per wire segment
  std::uint16_t csum_start = 0;   ///< bytes from the start of the frame
  std::uint16_t csum_offset = 0;  ///< bytes from csum_start
};

/// One piece of memory of a pool and what is in it. Only the library looks inside.
struct PacketBuffer {
  PacketPool* pool = nullptr;    ///< where it returns to
  PacketBuffer* tail = nullptr;  ///< second buffer of the same packet, or null; the pool's if free
  std::byte* begin = nullptr;    ///< first byte of the memory
  std::uint32_t capacity = 0;    ///< bytes of the memory
  std::uint32_t offset = 0;      ///< where the data begin
  std::uint32_t length = 0;      ///< bytes of data
  bool is_tail = false;          ///< which of the pool's two kinds
  Offload offload;               ///< of the whole packet; in its first buffer
};

/// A frame, owned: one or two buffers of a pool, to which they return when the packet is destroyed,
/// on whichever thread that happens. A moved-from packet is empty and may only be destroyed,
/// assigned or tested.
///
/// The first buffer holds at least the first min(size, kHeadData) bytes of the frame, so headers
/// can be parsed there; a frame longer than that continues in a second one. Not thread-safe: one
/// owner at a time.
class Packet {
 public:
  /// Empty.
  Packet() noexcept = default;
  /// Takes over a buffer that release() gave up.
  explicit Packet(PacketBuffer* buffer) noexcept : buffer_(buffer) {}
  /// Takes the frame over; `other` is empty afterwards.
  Packet(Packet&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  /// Returns its own buffers to their pool, then takes the frame of `other` over.
  Packet& operator=(Packet&& other) noexcept {
    if (this != &other) {
      reset();
      buffer_ = std::exchange(other.buffer_, nullptr);
    }
    return *this;
  }
  /// Returns the buffers to their pool.
  ~Packet() { reset(); }

  /// Whether it holds a frame.
  explicit operator bool() const noexcept { return buffer_ != nullptr; }

  /// Bytes of the frame, from the Ethernet header on.
  [[nodiscard]] std::uint32_t size() const noexcept {
    return buffer_->length + (buffer_->tail != nullptr ? buffer_->tail->length : 0);
  }

  /// The bytes in the first buffer: all of the frame if it is not longer than kHeadData.
  [[nodiscard]] std::span<std::byte> head() const noexcept {
    return {buffer_->begin + buffer_->offset, buffer_->length};
  }

  /// The bytes in the second buffer; empty if there is none.
  [[nodiscard]] std::span<std::byte> tail() const noexcept {
    const PacketBuffer* const tail = buffer_->tail;
    return tail == nullptr ? std::span<std::byte>()
                           : std::span<std::byte>(tail->begin + tail->offset, tail->length);
  }

  /// Bytes free in front of the frame.
  [[nodiscard]] std::uint32_t headroom() const noexcept { return buffer_->offset; }

  /// Cuts the frame to its first `size` bytes. Does nothing if it is not longer.
  void trim(std::uint32_t size) noexcept;

  /// Sets how many bytes of the frame there are, over the room of its buffers; for whoever filled
  /// them. A second buffer that is not needed returns to its pool at once. `size` is at most
  /// room().
  void resize(std::uint32_t size) noexcept;

  /// Most bytes that resize() can take: what is behind the headroom, in all buffers.
  [[nodiscard]] std::uint32_t room() const noexcept {
    return buffer_->capacity - buffer_->offset +
           (buffer_->tail != nullptr ? buffer_->tail->capacity - buffer_->tail->offset : 0);
  }

  /// What the frame owes or promises.
  [[nodiscard]] Offload& offload() const noexcept { return buffer_->offload; }

  /// The first buffer, still owned by the packet.
  [[nodiscard]] PacketBuffer* buffer() const noexcept { return buffer_; }

  /// Gives up ownership: whoever has the buffer makes a packet of it again.
  [[nodiscard]] PacketBuffer* release() noexcept { return std::exchange(buffer_, nullptr); }

  /// Returns the buffers to their pool. Any thread.
  void reset() noexcept {
    if (buffer_ != nullptr) give_back();
  }

 private:
  void give_back() noexcept;

  PacketBuffer* buffer_ = nullptr;
};

}  // namespace bellpull::netdrv
