// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "bellpull/ring/layout.hpp"
#include "bellpull/ring/region_table.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/value_layout.hpp"

namespace bellpull::ring {

/// What a part of a shared region is.
enum class PartKind : std::uint32_t {
  bytes = 1,   ///< plain memory, for buffers
  value_ring,  ///< a value ring; its own header says which
  split,       ///< a split virtqueue
  packed,      ///< a packed virtqueue
};

/// One part of a shared region.
struct RegionPart {
  std::uint64_t offset = 0;  ///< of its first byte from that of the region; a kCacheLine boundary
  std::uint64_t bytes = 0;   ///< not 0
  std::uint32_t kind = 0;    ///< a PartKind
  std::uint32_t size = 0;    ///< entries of a virtqueue, otherwise 0
};

/// How many parts a region can have.
inline constexpr std::size_t kMaxParts = 32;
/// What RegionHeader::magic holds.
inline constexpr std::uint32_t kRegionMagic = 0x42505247;
/// What RegionHeader::version holds: it changes with the layout of regions or of value rings.
inline constexpr std::uint16_t kRegionVersion = 1;

/// The beginning of a shared region: offsets and sizes, no addresses. Written once by its maker;
/// whoever opens the region copies it once and believes only the copy, after it was checked.
struct RegionHeader {
  std::uint32_t magic = 0;                 ///< kRegionMagic
  std::uint16_t version = 0;               ///< kRegionVersion
  std::uint16_t parts = 0;                 ///< how many, from 1 to kMaxParts
  std::uint64_t bytes = 0;                 ///< of the whole region
  std::array<RegionPart, kMaxParts> part;  ///< in rising order of offset, none shares bytes
};

/// What a shared region is to hold, before it is made. The parts are numbered from 0 in the order
/// in which they are added.
class RegionPlan {
 public:
  /// Adds `bytes` bytes of memory, all zero, on a kCacheLine boundary.
  SetupError add_bytes(std::uint64_t bytes) noexcept { return add(PartKind::bytes, bytes, 0); }

  /// Adds a value ring; see shape_of().
  SetupError add_value_ring(ValueRing kind, const ValueShape& shape) noexcept {
    if (const SetupError error = detail::check_shape(kind, shape); error != SetupError::none) {
      return error;
    }
    const std::size_t number = parts_;
    const SetupError error = add(PartKind::value_ring, value_ring_bytes(kind, shape), 0);
    if (error == SetupError::none) rings_[number] = {kind, shape};
    return error;
  }

  /// Adds a virtqueue of `size` entries with the layout Split or Packed.
  template <class Layout>
  SetupError add_queue(std::uint32_t size) noexcept {
    constexpr bool kSplit = std::is_same_v<Layout, Split>;
    const SetupError error = kSplit ? check_split_size(size) : check_packed_size(size);
    if (error != SetupError::none) return error;
    return add(kSplit ? PartKind::split : PartKind::packed, Layout::bytes(size), size);
  }

  /// Bytes that the region takes.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  friend class SharedRegion;
  struct Ring {
    ValueRing kind = ValueRing::spsc;
    ValueShape shape;
  };

  SetupError add(PartKind kind, std::uint64_t bytes, std::uint32_t size) noexcept {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 46U;  // what a process can map, and less
    if (parts_ == kMaxParts) return SetupError::parts_too_many;
    if (bytes == 0) return SetupError::region_empty;
    if (bytes > kMost - bytes_) return SetupError::region_too_large;
    part_[parts_++] = {bytes_, bytes, static_cast<std::uint32_t>(kind), size};
    bytes_ = detail::line_up(bytes_ + bytes);
    return SetupError::none;
  }

  std::uint16_t parts_ = 0;
  std::uint64_t bytes_ = detail::line_up(sizeof(RegionHeader));
  std::array<RegionPart, kMaxParts> part_;
  std::array<Ring, kMaxParts> rings_;
};

/// A rule that was broken at set-up, or a system call that failed.
struct SetupStatus {
  SetupError error = SetupError::none;  ///< the rule; `system_call` for a call
  const char* call = nullptr;           ///< the call that failed, or null; never freed
  int number = 0;                       ///< its errno, or 0

  /// Whether all is well.
  explicit operator bool() const noexcept { return error == SetupError::none; }
};

/// Memory that processes share: a sealed memfd with value rings, virtqueues and buffers in it,
/// which each of them may map somewhere else.
///
/// One thread makes, opens and closes it; the parts are used through the halves. It owns the
/// mapping and a file descriptor, and closing it leaves the halves that are attached without
/// memory.
class SharedRegion {
 public:
  /// No region.
  SharedRegion() = default;
  /// The region of `other`, which has none then. It stays mapped where it is.
  SharedRegion(SharedRegion&& other) noexcept;
  /// The same; a region that was there is closed.
  SharedRegion& operator=(SharedRegion&& other) noexcept;
  SharedRegion(const SharedRegion&) = delete;
  SharedRegion& operator=(const SharedRegion&) = delete;
  ~SharedRegion();

  /// Makes a region after `plan`, with its value rings empty and its virtqueues as fresh memory,
  /// and seals its size. `name` is what /proc shows. Blocks as memory allocation does.
  [[nodiscard]] SetupStatus create(const char* name, const RegionPlan& plan) noexcept;

  /// Opens the region of another process, or of this one, by its memfd, which stays the caller's.
  /// Refused before anything is read: a descriptor that is no memfd, and one whose size is not
  /// sealed, since reading behind the end of a file that shrank kills (SIGBUS). Refused before
  /// anything else is believed: a header with another version, or with parts that do not lie in the
  /// region.
  [[nodiscard]] SetupStatus open(int memfd) noexcept;

  /// Unmaps and closes.
  void close() noexcept;

  /// The memfd, to be sent to others; -1 without a region. Closed with the region.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// The whole memory.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, header_.bytes}; }
  /// How many parts there are.
  [[nodiscard]] std::uint32_t parts() const noexcept { return header_.parts; }

  /// The memory of part `number`, of any kind; empty when there is none.
  [[nodiscard]] std::span<std::byte> part(std::uint32_t number) const noexcept;

  /// Where the value ring of part `number` is, if it is of this kind and its values are of the type
  /// `T`. Values in shared memory hold no addresses and have no constructors.
  template <class T>
  [[nodiscard]] SetupError value_ring(std::uint32_t number, ValueRing kind,
                                      ValueMemory& memory) const noexcept {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
    return value_ring(number, kind, sizeof(T), alignof(T), memory);
  }
  /// The same for values whose size and alignment are known at run time only.
  [[nodiscard]] SetupError value_ring(std::uint32_t number, ValueRing kind,
                                      std::uint32_t element_bytes, std::uint32_t element_align,
                                      ValueMemory& memory) const noexcept {
    const std::span<std::byte> bytes = part_of(number, PartKind::value_ring);
    if (bytes.empty()) return SetupError::part_missing;
    return open_value_ring(bytes, kind, element_bytes, element_align, memory);
  }

  /// Where the virtqueue of part `number` is, if it has this layout.
  template <class Layout>
  [[nodiscard]] SetupError queue(std::uint32_t number,
                                 typename Layout::Memory& memory) const noexcept {
    constexpr PartKind kKind = std::is_same_v<Layout, Split> ? PartKind::split : PartKind::packed;
    const std::span<std::byte> bytes = part_of(number, kKind);
    if (bytes.empty()) return SetupError::part_missing;
    return Layout::place(bytes.data(), bytes.size(), header_.part[number].size, memory);
  }

  /// The region as the device half's address map wants it: addresses are offsets from its start.
  [[nodiscard]] Region as_region() const noexcept { return {0, header_.bytes, data_}; }
  /// The address that a descriptor gives to `data`, a byte of the region.
  [[nodiscard]] std::uint64_t address_of(const std::byte* data) const noexcept {
    return static_cast<std::uint64_t>(data - data_);
  }

 private:
  [[nodiscard]] std::span<std::byte> part_of(std::uint32_t number, PartKind kind) const noexcept {
    if (number >= header_.parts || header_.part[number].kind != static_cast<std::uint32_t>(kind)) {
      return {};
    }
    return part(number);
  }
  [[nodiscard]] SetupStatus map(std::uint64_t bytes) noexcept;
  [[nodiscard]] SetupStatus fill(const RegionPlan& plan) noexcept;

  int fd_ = -1;
  std::byte* data_ = nullptr;
  std::uint64_t mapped_ = 0;
  RegionHeader header_;  // a copy of our own
};

}  // namespace bellpull::ring
