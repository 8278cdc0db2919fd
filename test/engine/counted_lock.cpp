// SPDX-License-Identifier: BSD-2-Clause
// Takes the place of the C library's locks in the program that is linked with it.
#include "counted_lock.hpp"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>

#include "sanitizers.hpp"

namespace {

std::atomic<std::uint64_t> total{0};

}  // namespace

#if defined(__GLIBC__) && !BELLPULL_TEST_SANITIZED
#define BELLPULL_TEST_COUNTS_LOCKS

namespace {

template <class Lock>
int counted(Lock* lock, const char* name, std::atomic<int (*)(Lock*)>& known) noexcept {
  total.fetch_add(1, std::memory_order_relaxed);
  if (known.load() == nullptr) {
    known.store(reinterpret_cast<int (*)(Lock*)>(::dlsym(RTLD_NEXT, name)));
  }
  return known.load()(lock);
}

}  // namespace

extern "C" {
int pthread_mutex_lock(pthread_mutex_t* lock) noexcept {
  static std::atomic<int (*)(pthread_mutex_t*)> known{nullptr};
  return counted(lock, "pthread_mutex_lock", known);
}
int pthread_mutex_trylock(pthread_mutex_t* lock) noexcept {
  static std::atomic<int (*)(pthread_mutex_t*)> known{nullptr};
  return counted(lock, "pthread_mutex_trylock", known);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  static std::atomic<int (*)(pthread_rwlock_t*)> known{nullptr};
  return counted(lock, "pthread_rwlock_rdlock", known);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  static std::atomic<int (*)(pthread_rwlock_t*)> known{nullptr};
  return counted(lock, "pthread_rwlock_wrlock", known);
}
}
#endif

namespace bellpull::engine::test {

std::uint64_t locks() noexcept {
  return total.load(std::memory_order_relaxed);
}

bool counts_locks() noexcept {
#ifdef BELLPULL_TEST_COUNTS_LOCKS
  return true;
#else
  return false;
#endif
}

}  // namespace bellpull::engine::test
