// SPDX-License-Identifier: BSD-2-Clause
// Value rings allocate nothing and make no system call over ten million operations; counted and
// forbidden as for the queues.
#include <doctest/doctest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "sanitizers.hpp"
#include "value_pair.hpp"

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

std::uint64_t operations() {
#ifdef __OPTIMIZE__
  return engine::test::scaled(10'000'000);
#else
  return 1'000'000;
#endif
}

/// Hands values over with every call there is; an operation is a value put in or taken out. Returns
/// how many went wrong.
template <class K>
std::uint64_t exchange(ValuePair<K>& pair) {
  std::array<std::uint64_t, 8> values{};
  std::uint64_t in = 0, out = 0, wrong = 0;
  while (in + out < operations() && wrong == 0) {
    if constexpr (K::kRing == ValueRing::overwrite) {
      bool asks = false;
      in += pair.producer.push(values, Overflow::overwrite_oldest);
      in += pair.producer.push_and_test(values, Overflow::drop_newest, asks);
    } else {
      in += pair.producer.push(values[0]);
      in += pair.producer.push(std::span<const std::uint64_t>(values));
      static_cast<void>(pair.producer.reserve(2));
      auto batch = pair.producer.reserve(4);
      in += batch.size();
      batch.commit();
      auto next = pair.producer.reserve_all(3);
      in += next.size();
      static_cast<void>(next.commit_and_test());
      out += pair.consumer.poll(7, [](std::uint64_t) {});
      out += pair.consumer.pop().has_value();
    }
    for (;;) {
      const std::uint32_t count = pair.consumer.pop(std::span(values));
      out += count;
      if (count == 0) break;
    }
    wrong += out == 0;
    wrong += pair.consumer.arm();
    pair.consumer.disarm();
    if constexpr (K::kRing == ValueRing::spsc) {
      wrong += !pair.producer.arm();
      pair.producer.disarm();
    }
  }
  return wrong;
}

#define BELLPULL_RINGS Spsc<std::uint64_t>, Mpsc<std::uint64_t>, Overwrite<std::uint64_t>

TEST_CASE_TEMPLATE("check 27: value rings allocate nothing over ten million operations", K,
                   BELLPULL_RINGS) {
  {
    const std::uint64_t before = allocations;
    void* volatile one = std::malloc(1);
    int* volatile another = new int;  // volatile: neither may be left out
    delete another;
    std::free(one);
    REQUIRE(allocations >= before + 2);  // the count works
  }
  ValuePair<K> pair(64);
  const std::uint64_t before = allocations;
  const std::uint64_t wrong = exchange(pair);
  const std::uint64_t after = allocations;
  CHECK(wrong == 0);
  CHECK(after == before);
}

#if !BELLPULL_TEST_SANITIZED
TEST_CASE_TEMPLATE("check 27: value rings make no system call over ten million operations", K,
                   BELLPULL_RINGS) {
  ValuePair<K> pair(64);
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
