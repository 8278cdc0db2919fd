// SPDX-License-Identifier: BSD-2-Clause
// The data path neither allocates nor enters the kernel, over ten million operations. Allocations
// are counted by taking the place of malloc (the linker wraps it) and of operator new; system calls
// are forbidden by seccomp: the process that runs the operations may only exit.
#include <doctest/doctest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "queue_pair.hpp"
#include "sanitizers.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// What the linker's --wrap=malloc leads calls of malloc to, and what it calls the real one.
extern "C" {
void* __real_malloc(std::size_t bytes);                     // NOLINT(bugprone-reserved-identifier)
void* __real_calloc(std::size_t count, std::size_t bytes);  // NOLINT(bugprone-reserved-identifier)
void* __real_realloc(void* old, std::size_t bytes);         // NOLINT(bugprone-reserved-identifier)
void* __wrap_malloc(std::size_t bytes);                     // NOLINT(bugprone-reserved-identifier)
void* __wrap_calloc(std::size_t count, std::size_t bytes);  // NOLINT(bugprone-reserved-identifier)
void* __wrap_realloc(void* old, std::size_t bytes);         // NOLINT(bugprone-reserved-identifier)

void* __wrap_malloc(std::size_t bytes) {
  ++allocations;
  return __real_malloc(bytes);
}
void* __wrap_calloc(std::size_t count, std::size_t bytes) {
  ++allocations;
  return __real_calloc(count, bytes);
}
void* __wrap_realloc(void* old, std::size_t bytes) {
  ++allocations;
  return __real_realloc(old, bytes);
}
}

// Not inlined: the compiler would see that memory of `new` goes to free() and wonder.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* const data = std::malloc(bytes)) return data;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  ++allocations;
  const auto step = static_cast<std::size_t>(alignment);
  if (void* const data = std::aligned_alloc(step, (bytes + step - 1) / step * step)) return data;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* data) noexcept {
  std::free(data);
}
[[gnu::noinline]] void operator delete(void* data, std::size_t) noexcept {
  std::free(data);
}
[[gnu::noinline]] void operator delete(void* data, std::align_val_t) noexcept {
  std::free(data);
}
[[gnu::noinline]] void operator delete(void* data, std::size_t, std::align_val_t) noexcept {
  std::free(data);
}

namespace bellpull::ring::test {
namespace {

/// Ten million operations (an operation is a chain posted, taken, completed or polled) where code
/// is fast; a tenth of it without optimisation or under a sanitizer.
std::uint64_t operations() {
#ifdef __OPTIMIZE__
  return engine::test::scaled(10'000'000);
#else
  return 1'000'000;
#endif
}

/// Carries chains around with every call of the data path in it. Returns how many went wrong.
template <class K>
std::uint64_t exchange(Pair<K>& pair) {
  const std::array<Segment, 3> segments = {pair.segment(0, 12), pair.segment(64, 64),
                                           pair.segment(256, 64)};
  const std::span<const Segment> all(segments);
  std::uint64_t posted = 0, taken = 0, back = 0, wrong = 0;
  while (posted + taken + back + taken < operations() && wrong == 0) {
    for (unsigned i = 0; i < 32; ++i) {
      const auto readable = all.first(1 + i % 2);
      if (i % 8 == 7) {
        const std::uint16_t head = pair.driver.reserve(readable, all.last(1), posted);
        if (head == kNoHead) break;
        if (i % 16 == 7) {
          wrong += !pair.driver.cancel(head);
          continue;
        }
        wrong += !pair.driver.offer(head);
      } else if (pair.driver.post(readable, all.last(1), posted) == kNoHead) {
        break;
      }
      ++posted;
    }
    static_cast<void>(pair.driver.publish_and_test());
    Budget budget{.chains = 40};
    const std::uint64_t before = taken;
    static_cast<void>(pair.device.poll(budget, pair.pieces, [&](const Chain& chain) {
      pair.complete(chain, 64);
      ++taken;
    }));
    static_cast<void>(pair.device.publish_and_test());
    static_cast<void>(pair.device.arm());
    pair.device.disarm();
    back += pair.driver.poll(64, [&](const Used& used) { wrong += used.length != 64; });
    static_cast<void>(pair.driver.arm());
    pair.driver.disarm();
    wrong += taken == before;
  }
  return wrong;
}

TEST_CASE_TEMPLATE("check 27: the data path allocates nothing over ten million operations", K,
                   BELLPULL_KINDS) {
  {
    const std::uint64_t before = allocations;
    void* volatile one = std::malloc(1);
    int* volatile another = new int;  // volatile: neither may be left out
    delete another;
    std::free(one);
    REQUIRE(allocations >= before + 2);  // the count works
  }
  Pair<K> pair(256, {.indirect = true});
  REQUIRE(pair.attach() == SetupError::none);
  const std::uint64_t before = allocations;
  const std::uint64_t wrong = exchange(pair);
  const std::uint64_t after = allocations;
  CHECK(wrong == 0);
  CHECK(after == before);
}

#if !BELLPULL_TEST_SANITIZED
TEST_CASE_TEMPLATE("check 27: the data path makes no system call over ten million operations", K,
                   BELLPULL_KINDS) {
  Pair<K> pair(256);
  REQUIRE(pair.attach() == SetupError::none);
  for (const bool calls : {false, true}) {  // the second shows that a call would be noticed
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // From here on read, write, exit and sigreturn only; anything else kills.
      if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) syscall(SYS_exit, 77);
      if (calls) getppid();
      syscall(SYS_exit, exchange(pair) == 0 ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
      MESSAGE("skipped: this kernel lets no process forbid itself system calls (seccomp strict)");
      return;
    }
    if (calls) {
      CHECK(WIFSIGNALED(status));
    } else {
      CHECK(WIFEXITED(status));
      CHECK(WEXITSTATUS(status) == 0);
    }
  }
}
#endif

}  // namespace
}  // namespace bellpull::ring::test
