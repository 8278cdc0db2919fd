// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/ring/shared_region.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "bellpull/ring/order.hpp"

namespace bellpull::ring {
namespace {

// Of a memfd from elsewhere F_SEAL_SEAL is not asked for: what could be added later leaves the size
// as it is, and no mapping that may write can be there when F_SEAL_WRITE is.
constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

SetupStatus failed(const char* call) noexcept {
  return {SetupError::system_call, call, errno};
}

// Whether the header describes parts of `bytes` bytes that lie behind it and apart.
SetupError check(const RegionHeader& header, std::uint64_t bytes) noexcept {
  if (header.magic != kRegionMagic) return SetupError::not_a_region;
  if (header.version != kRegionVersion) return SetupError::other_version;
  if (header.bytes > bytes || header.parts == 0 || header.parts > kMaxParts) {
    return SetupError::not_a_region;
  }
  std::uint64_t end = sizeof(RegionHeader);
  for (std::size_t i = 0; i < header.parts; ++i) {
    const RegionPart& part = header.part[i];
    if (part.offset < end || part.offset % kCacheLine != 0 || part.bytes == 0 ||
        part.offset > header.bytes || part.bytes > header.bytes - part.offset) {
      return SetupError::not_a_region;
    }
    end = part.offset + part.bytes;
  }
  return SetupError::none;
}

int make_memfd(const char* name) noexcept {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
#ifndef MFD_NOEXEC_SEAL
  constexpr unsigned kNoExec = 0x0008U;  // Linux 6.3, include/uapi/linux/memfd.h
#else
  constexpr unsigned kNoExec = MFD_NOEXEC_SEAL;
#endif
  const int fd = memfd_create(name, kFlags | kNoExec);
  return fd >= 0 || errno != EINVAL ? fd : memfd_create(name, kFlags);
}

}  // namespace

SharedRegion::SharedRegion(SharedRegion&& other) noexcept {
  *this = std::move(other);
}

SharedRegion& SharedRegion::operator=(SharedRegion&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  data_ = std::exchange(other.data_, nullptr);
  mapped_ = std::exchange(other.mapped_, 0);
  header_ = std::exchange(other.header_, RegionHeader{});
  return *this;
}

SharedRegion::~SharedRegion() {
  close();
}

void SharedRegion::close() noexcept {
  if (data_ != nullptr) munmap(data_, mapped_);
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  data_ = nullptr;
  mapped_ = 0;
  header_ = RegionHeader{};
}

SetupStatus SharedRegion::map(std::uint64_t bytes) noexcept {
  void* const data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (data == MAP_FAILED) return failed("mmap");
  data_ = static_cast<std::byte*>(data);
  mapped_ = bytes;
  return {};
}

SetupStatus SharedRegion::create(const char* name, const RegionPlan& plan) noexcept {
  close();
  if (plan.parts_ == 0) return {SetupError::parts_too_many};
  fd_ = make_memfd(name);
  if (fd_ < 0) return failed("memfd_create");
  SetupStatus status;
  if (ftruncate(fd_, static_cast<off_t>(plan.bytes_)) != 0) {
    status = failed("ftruncate");
  } else if (status = map(plan.bytes_); status) {
    status = fill(plan);
  }
  // Sealed once it is whole. The last seal keeps anybody from adding more, such as one on writing.
  if (status && fcntl(fd_, F_ADD_SEALS, kSizeSeals | F_SEAL_SEAL) != 0) {
    status = failed("fcntl F_ADD_SEALS");
  }
  if (!status) close();
  return status;
}

SetupStatus SharedRegion::fill(const RegionPlan& plan) noexcept {
  // Memory that the system cannot give later would kill whoever touches it (SIGBUS).
  int error = 0;
  do {
    error = posix_fallocate(fd_, 0, static_cast<off_t>(plan.bytes_));
  } while (error == EINTR);
  if (error != 0) return {SetupError::system_call, "posix_fallocate", error};
  header_.magic = kRegionMagic;
  header_.version = kRegionVersion;
  header_.parts = plan.parts_;
  header_.bytes = plan.bytes_;
  header_.part = plan.part_;
  for (std::uint32_t i = 0; i < plan.parts_; ++i) {
    if (plan.part_[i].kind != static_cast<std::uint32_t>(PartKind::value_ring)) continue;
    ValueMemory memory;
    const SetupError broken =
        format_value_ring(part(i), plan.rings_[i].kind, plan.rings_[i].shape, memory);
    if (broken != SetupError::none) return {broken};
  }
  std::memcpy(data_, &header_, sizeof header_);
  return {};
}

SetupStatus SharedRegion::open(int memfd) noexcept {
  close();
  const int seals = fcntl(memfd, F_GET_SEALS);
  if (seals < 0 && errno != EINVAL) return failed("fcntl F_GET_SEALS");
  if (seals < 0) return {SetupError::not_a_memfd};
  if ((seals & kSizeSeals) != kSizeSeals) return {SetupError::not_sealed};
  struct stat facts {};
  if (fstat(memfd, &facts) != 0) return failed("fstat");
  const auto bytes = static_cast<std::uint64_t>(facts.st_size);
  if (bytes < sizeof(RegionHeader)) return {SetupError::not_a_region};
  fd_ = fcntl(memfd, F_DUPFD_CLOEXEC, 0);
  if (fd_ < 0) return failed("fcntl F_DUPFD_CLOEXEC");
  SetupStatus status = map(bytes);
  if (status) {
    NativeAccess::copy_once(&header_, data_, sizeof header_);
    status.error = check(header_, bytes);
  }
  if (!status) close();
  return status;
}

std::span<std::byte> SharedRegion::part(std::uint32_t number) const noexcept {
  if (number >= header_.parts) return {};
  return {data_ + header_.part[number].offset, header_.part[number].bytes};
}

}  // namespace bellpull::ring
