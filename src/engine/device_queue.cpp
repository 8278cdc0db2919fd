// SPDX-License-Identifier: BSD-2-Clause
#include "device_queue.hpp"

#include <cstring>
#include <new>
#include <string>
#include <system_error>

namespace bellpull::engine {

namespace {

constexpr std::align_val_t kRegionAlign{ring::kCacheLine};

std::byte* make_region(std::size_t bytes) {
  auto* const region = static_cast<std::byte*>(::operator new(bytes, kRegionAlign));
  std::memset(region, 0, bytes);
  return region;
}

[[noreturn]] void refuse(ring::SetupError error, std::uint32_t size) {
  throw std::system_error(
      std::make_error_code(std::errc::invalid_argument),
      "open channel with " + std::to_string(size) + " slots: " + ring::describe(error));
}

}  // namespace

void DeviceQueue::RegionDelete::operator()(std::byte* region) const noexcept {
  ::operator delete(region, kRegionAlign);
}

template <class Layout>
void DeviceQueue::attach(std::size_t beside, typename Layout::Memory& memory,
                         ring::Device<Layout>& ring) {
  if (const auto error = Layout::check_size(size_); error != ring::SetupError::none) {
    refuse(error, size_);
  }
  ring_bytes_ = ring::round_to_line(Layout::bytes(size_));
  region_.reset(make_region(ring_bytes_ + beside));
  if (const auto error = Layout::place(region_.get(), ring_bytes_, size_, memory);
      error != ring::SetupError::none) {
    refuse(error, size_);
  }
  if (const auto error = ring.attach(memory); error != ring::SetupError::none) {
    refuse(error, size_);
  }
}

DeviceQueue::DeviceQueue(QueueLayout layout, std::uint32_t size, std::size_t beside)
    : layout_(layout), size_(size) {
  if (layout == QueueLayout::split) {
    attach(beside, split_memory_, split_);
  } else {
    attach(beside, packed_memory_, packed_);
  }
}

}  // namespace bellpull::engine
