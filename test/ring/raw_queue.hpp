// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <vector>

#include "queue_memory.hpp"

namespace bellpull::ring::test {

/// Flags of a descriptor, restated from virtio 1.4 sections 2.7.5 and 2.8.1.
inline constexpr std::uint16_t kNext = 1;
inline constexpr std::uint16_t kWrite = 2;
inline constexpr std::uint16_t kIndirect = 4;
inline constexpr std::uint16_t kAvail = 0x80;
inline constexpr std::uint16_t kUsed = 0x8000;

/// Values of 16 bits to try.
using Words = std::initializer_list<std::uint16_t>;

/// A descriptor as a hostile driver writes it: nothing about it is believed.
struct RawDesc {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint16_t flags = 0;
  std::uint16_t next = 0;  // packed: the buffer id
};

/// Bytes of `descs` as they lie in a table; both layouts have 16 per entry, in an order of their
/// own: address 8, length 4, and then flags and next, or id and flags.
template <class Layout>
void write_table(std::byte* to, std::span<const RawDesc> descs) {
  for (const RawDesc& desc : descs) {
    const std::uint16_t third = kIsSplit<Layout> ? desc.flags : desc.next;
    const std::uint16_t fourth = kIsSplit<Layout> ? desc.next : desc.flags;
    std::memcpy(to, &desc.address, 8);
    std::memcpy(to + 8, &desc.length, 4);
    std::memcpy(to + 12, &third, 2);
    std::memcpy(to + 14, &fourth, 2);
    to += 16;
  }
}

/// A driver that writes what it is told to, right or wrong, without any half of ours.
template <class Layout>
class RawDriver {
 public:
  explicit RawDriver(const QueueMemory<Layout>& memory)
      : memory_(memory), size_(memory.queue.size) {}

  /// Descriptor number `at` exactly as given; packed: the flags too.
  void set(std::uint32_t at, const RawDesc& desc) {
    write_table<Layout>(memory_.parts[0].data() + 16 * std::size_t{at}, {&desc, 1});
  }

  /// Makes a chain of `descs` available, linked and marked as it must be, and returns its id.
  std::uint16_t chain(std::vector<RawDesc> descs) {
    for (std::size_t i = 0; i + 1 < descs.size(); ++i) descs[i].flags |= kNext;
    return raw_chain(std::move(descs));
  }

  /// The same with the NEXT flags as given. Split: `next` is the following descriptor. Packed: the
  /// bits of the wrap counter are set, the id is the first free one in turn.
  std::uint16_t raw_chain(std::vector<RawDesc> descs) {
    const std::uint32_t first = place_ % size_;
    const std::uint16_t id = next_id();
    for (std::size_t i = descs.size(); i-- > 0;) {  // the head last: 2.8.6
      const auto at = static_cast<std::uint32_t>((first + i) % size_);
      if constexpr (kIsSplit<Layout>) {
        descs[i].next = static_cast<std::uint16_t>((at + 1) % size_);
      } else {
        descs[i].next = id;
        descs[i].flags |= available(static_cast<std::uint32_t>(i));
      }
      set(at, descs[i]);
    }
    place_ = (place_ + static_cast<std::uint32_t>(descs.size())) % (2 * size_);
    if constexpr (kIsSplit<Layout>) {
      offer(static_cast<std::uint16_t>(first));
      show(static_cast<std::uint16_t>(offered_));
      return static_cast<std::uint16_t>(first);
    }
    return id;
  }

  /// Split: the next entry of the available ring.
  void offer(std::uint16_t head) {
    const std::size_t at = 4 + 2 * std::size_t{offered_++ % size_};
    std::memcpy(memory_.parts[1].data() + at, &head, 2);
  }
  /// Split: the available index.
  void show(std::uint16_t index) { std::memcpy(memory_.parts[1].data() + 2, &index, 2); }

  /// Packed: the AVAIL and USED bits of the descriptor `ahead` of the next place.
  [[nodiscard]] std::uint16_t available(std::uint32_t ahead = 0) const {
    return (place_ + ahead) % (2 * size_) < size_ ? kAvail : kUsed;
  }
  /// Packed: the number of the next descriptor.
  [[nodiscard]] std::uint32_t place() const { return place_ % size_; }
  /// Packed: leaves `count` descriptors as they are.
  void skip(std::uint32_t count) { place_ = (place_ + count) % (2 * size_); }

 private:
  std::uint16_t next_id() { return static_cast<std::uint16_t>(ids_++ % size_); }

  const QueueMemory<Layout>& memory_;
  std::uint32_t size_;
  std::uint32_t place_ = 0;
  std::uint32_t offered_ = 0;
  std::uint32_t ids_ = 0;
};

/// A used entry as it lies in the ring.
struct RawUsed {
  std::uint32_t id = 0;
  std::uint32_t length = 0;
};

/// The other side of the ring: reads and writes used entries without any half of ours.
template <class Layout>
class RawDevice {
 public:
  explicit RawDevice(const QueueMemory<Layout>& memory)
      : memory_(memory), size_(memory.queue.size) {}

  /// Writes a used entry; packed: for a chain of `descriptors`.
  void use(std::uint32_t id, std::uint32_t length, std::uint32_t descriptors = 1) {
    if constexpr (kIsSplit<Layout>) {
      std::byte* const entry = memory_.parts[2].data() + 4 + 8 * std::size_t{place_ % size_};
      std::memcpy(entry, &id, 4);
      std::memcpy(entry + 4, &length, 4);
      ++place_;
      show(static_cast<std::uint16_t>(place_));
    } else {
      const bool first_lap = place_ < size_;
      const auto id16 = static_cast<std::uint16_t>(id);
      const auto flags =
          static_cast<std::uint16_t>((first_lap ? kAvail | kUsed : 0) | (length != 0 ? kWrite : 0));
      std::byte* const desc = memory_.parts[0].data() + 16 * std::size_t{place_ % size_};
      std::memcpy(desc + 8, &length, 4);
      std::memcpy(desc + 12, &id16, 2);
      std::memcpy(desc + 14, &flags, 2);
      place_ = (place_ + descriptors) % (2 * size_);
    }
  }
  /// Split: the used index.
  void show(std::uint16_t index) { std::memcpy(memory_.parts[2].data() + 2, &index, 2); }

 private:
  const QueueMemory<Layout>& memory_;
  std::uint32_t size_;
  std::uint32_t place_ = 0;
};

/// Reads what a device half of ours gave back, in order.
template <class Layout>
class UsedReader {
 public:
  explicit UsedReader(const QueueMemory<Layout>& memory)
      : memory_(memory), size_(memory.queue.size) {}

  /// Whether there is another used entry; it goes into `used`. Packed: of a chain of `descriptors`.
  bool next(RawUsed& used, std::uint32_t descriptors = 1) {
    if constexpr (kIsSplit<Layout>) {
      std::uint16_t index = 0;
      std::memcpy(&index, memory_.parts[2].data() + 2, 2);
      if (index == static_cast<std::uint16_t>(place_)) return false;
      std::memcpy(&used, memory_.parts[2].data() + 4 + 8 * std::size_t{place_++ % size_}, 8);
      return true;
    } else {
      const std::byte* const desc = memory_.parts[0].data() + 16 * std::size_t{place_ % size_};
      std::uint16_t id = 0, flags = 0;
      std::memcpy(&id, desc + 12, 2);
      std::memcpy(&flags, desc + 14, 2);
      const unsigned both = kAvail | kUsed;
      if ((flags & both) != (place_ < size_ ? both : 0U)) return false;
      std::memcpy(&used.length, desc + 8, 4);
      used.id = id;
      place_ = (place_ + descriptors) % (2 * size_);
      return true;
    }
  }

 private:
  const QueueMemory<Layout>& memory_;
  std::uint32_t size_;
  std::uint32_t place_ = 0;
};

}  // namespace bellpull::ring::test
