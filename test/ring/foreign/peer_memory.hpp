// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ring/foreign/owned_fd.hpp"
#include "ring/foreign/vhost_user_message.hpp"

namespace bellpull::ring::test::foreign {

/// A part of the peer's memory, mapped here.
struct PeerRegion {
  std::uint64_t guest_address = 0;  ///< as descriptors have it
  std::uint64_t user_address = 0;   ///< as the messages that place the rings have it
  std::uint64_t size = 0;           ///< bytes
  std::byte* data = nullptr;        ///< its first byte in this process
};

/// The memory that the peer shared in one message; unmaps it at the end of life.
class PeerMemory {
 public:
  /// Maps every region. Throws std::runtime_error for one that is empty, that wraps, or that is
  /// larger than its file, and std::system_error when the kernel refuses to map it.
  PeerMemory(std::span<const MemoryRegion> regions, std::span<const OwnedFd> files);
  PeerMemory(const PeerMemory&) = delete;
  PeerMemory& operator=(const PeerMemory&) = delete;
  ~PeerMemory();

  [[nodiscard]] std::span<const PeerRegion> regions() const { return regions_; }
  /// Where `bytes` bytes from the peer's own address on lie here; null unless one region has all.
  [[nodiscard]] std::byte* at_user(std::uint64_t address, std::uint64_t bytes) const;
  /// The same of an address out of a descriptor.
  [[nodiscard]] std::byte* at_guest(std::uint64_t address, std::uint64_t bytes) const;

 private:
  struct Mapping {
    void* start;
    std::size_t bytes;
  };
  void map(const MemoryRegion& region, int file);
  void unmap();

  std::vector<PeerRegion> regions_;
  std::vector<Mapping> mappings_;
};

}  // namespace bellpull::ring::test::foreign
