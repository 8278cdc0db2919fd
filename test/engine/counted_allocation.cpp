// SPDX-License-Identifier: BSD-2-Clause
// In a file of its own: the compiler must not see through these functions into the code that it
// compiles against them.
#include "counted_allocation.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "sanitizers.hpp"

namespace {

std::atomic<std::uint64_t> total{0};
std::atomic<std::int64_t> until_failure{-1};  // negative: never fails

void* counted(void* memory) noexcept {
  total.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (until_failure.load() >= 0 && until_failure.fetch_sub(1) == 0) {
    throw std::bad_alloc();
  }
  void* const memory =
      std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return counted(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes, alignof(std::max_align_t));
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
// Elsewhere it calls the one that throws; a sanitizer has one of its own, which free() refuses.
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  try {
    return allocate(bytes, static_cast<std::size_t>(alignment));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

// A sanitizer has malloc to itself; there, only operator new is counted.
#if defined(__GLIBC__) && !BELLPULL_TEST_SANITIZED
#define BELLPULL_TEST_COUNTS_MALLOC
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): that is what the C library calls them
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
// NOLINTEND(bugprone-reserved-identifier)
void* malloc(std::size_t bytes) {
  return counted(__libc_malloc(bytes));
}
void* calloc(std::size_t count, std::size_t bytes) {
  return counted(__libc_calloc(count, bytes));
}
void* realloc(void* memory, std::size_t bytes) {
  return counted(__libc_realloc(memory, bytes));
}
}
#endif

namespace bellpull::engine::test {

std::uint64_t allocations() noexcept {
  return total.load(std::memory_order_relaxed);
}

void fail_allocation(std::int64_t nth) noexcept {
  until_failure.store(nth);
}

bool counts_malloc() noexcept {
#ifdef BELLPULL_TEST_COUNTS_MALLOC
  return true;
#else
  return false;
#endif
}

}  // namespace bellpull::engine::test
