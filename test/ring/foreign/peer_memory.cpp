// SPDX-License-Identifier: BSD-2-Clause
#include "ring/foreign/peer_memory.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace bellpull::ring::test::foreign {

namespace {

bool wraps(std::uint64_t start, std::uint64_t bytes) {
  return start + (bytes - 1) < start;
}

std::string name_of(const MemoryRegion& region) {
  return "the region of " + std::to_string(region.size) + " bytes at guest address " +
         std::to_string(region.guest_address);
}

std::uint64_t file_size(int file, const MemoryRegion& region) {
  struct stat status {};
  if (::fstat(file, &status) != 0) {
    throw std::system_error(errno, std::generic_category(),
                            "fstat of " + name_of(region) + "; the peer must send a file for it");
  }
  return static_cast<std::uint64_t>(status.st_size);
}

std::byte* find(std::span<const PeerRegion> regions, std::uint64_t PeerRegion::*start,
                std::uint64_t address, std::uint64_t bytes) {
  for (const PeerRegion& region : regions) {
    const std::uint64_t offset = address - region.*start;
    if (address >= region.*start && offset < region.size && bytes <= region.size - offset) {
      return region.data + offset;
    }
  }
  return nullptr;
}

}  // namespace

PeerMemory::PeerMemory(std::span<const MemoryRegion> regions, std::span<const OwnedFd> files) {
  if (regions.size() != files.size()) {
    throw std::runtime_error("cannot map the peer's memory: it named " +
                             std::to_string(regions.size()) + " regions and sent " +
                             std::to_string(files.size()) + " files; one each is needed");
  }
  try {
    for (std::size_t i = 0; i < regions.size(); ++i) map(regions[i], files[i].get());
  } catch (...) {
    unmap();
    throw;
  }
}

PeerMemory::~PeerMemory() {
  unmap();
}

void PeerMemory::map(const MemoryRegion& region, int file) {
  if (region.size == 0 || wraps(region.guest_address, region.size) ||
      wraps(region.user_address, region.size) || wraps(region.mmap_offset, region.size) ||
      region.mmap_offset + region.size > file_size(file, region)) {
    throw std::runtime_error("cannot map " + name_of(region) +
                             ": it is empty, wraps or ends behind its file; look at the peer");
  }
  // From the file's beginning, because an offset into huge pages need not be one mmap() takes. The
  // kernel rounds the length of such a mapping, but not when it is to be unmapped.
  struct stat status {};
  ::fstat(file, &status);
  const auto page = static_cast<std::uint64_t>(status.st_blksize);
  const std::uint64_t bytes = (region.mmap_offset + region.size + page - 1) / page * page;
  void* const start =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
  if (start == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(),
                            "mmap of " + name_of(region) + "; look at the file that was sent");
  }
  mappings_.push_back({start, bytes});
  regions_.push_back({region.guest_address, region.user_address, region.size,
                      static_cast<std::byte*>(start) + region.mmap_offset});
}

void PeerMemory::unmap() {
  for (const Mapping& mapping : mappings_) ::munmap(mapping.start, mapping.bytes);
  mappings_.clear();
}

std::byte* PeerMemory::at_user(std::uint64_t address, std::uint64_t bytes) const {
  return find(regions_, &PeerRegion::user_address, address, bytes);
}

std::byte* PeerMemory::at_guest(std::uint64_t address, std::uint64_t bytes) const {
  return find(regions_, &PeerRegion::guest_address, address, bytes);
}

}  // namespace bellpull::ring::test::foreign
