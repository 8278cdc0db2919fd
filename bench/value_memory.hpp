// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

namespace bellpull::bench {

/// Zeroed bytes that begin on a page, for every ring that lies in the caller's memory.
class PageBytes {
 public:
  explicit PageBytes(std::size_t bytes)
      : size_(bytes), data_(static_cast<std::byte*>(::operator new(bytes, kPage))) {
    std::memset(data_.get(), 0, bytes);
  }
  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t kPage{4096};
  struct Free {
    void operator()(std::byte* data) const { ::operator delete(data, kPage); }
  };
  std::size_t size_;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace bellpull::bench
