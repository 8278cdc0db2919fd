// SPDX-License-Identifier: BSD-2-Clause
// The bell by itself, with a process that ends, under signals, and in an epoll loop with a ring.
#include "bellpull/ring/doorbell.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>
#include <utility>

#include "emulated.hpp"
#include "sanitizers.hpp"
#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

int pidfd_of(pid_t child) {
  return static_cast<int>(syscall(SYS_pidfd_open, child, 0));
}

TEST_CASE("a bell that rang is heard once, however often it rang") {
  Doorbell bell;
  REQUIRE(bell.make());
  CHECK(!bell.hear());
  for (unsigned i = 0; i < 5; ++i) CHECK(bell.ring());
  CHECK(bell.hear());
  CHECK(!bell.hear());
  CHECK(bell.wait(0) == Wake::timeout);
  CHECK(bell.ring());
  CHECK(bell.wait(-1) == Wake::rang);
  CHECK(bell.wait(0) == Wake::timeout);
  CHECK((fcntl(bell.fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(bell.fd(), F_GETFL) & O_NONBLOCK) != 0);
}

TEST_CASE("a bell that rang as often as one can still rings, and does not block") {
  Doorbell bell;
  REQUIRE(bell.make());
  const std::uint64_t most = ~std::uint64_t{0} - 1;
  REQUIRE(write(bell.fd(), &most, sizeof most) == sizeof most);
  CHECK(bell.ring());
  CHECK(bell.hear());
  CHECK(!bell.hear());
}

TEST_CASE("a bell that is none neither rings nor is heard, and waiting for it fails at once") {
  Doorbell bell;
  CHECK(bell.fd() == -1);
  CHECK(!bell.ring());
  CHECK(!bell.hear());
  CHECK(bell.wait(-1) == Wake::failed);
  CHECK(errno == EBADF);
}

TEST_CASE("a bell adopts an eventfd of another, makes it non-blocking and closes it with itself") {
  const int fd = eventfd(0, 0);
  REQUIRE(fd >= 0);
  {
    Doorbell bell;
    REQUIRE(bell.make());
    REQUIRE(bell.adopt(fd));
    CHECK(bell.fd() == fd);
    REQUIRE(bell.adopt(fd));  // it has it already
    CHECK(!bell.hear());      // blocks, if it were not made non-blocking
    const std::uint64_t one = 1;
    REQUIRE(write(fd, &one, sizeof one) == sizeof one);
    Doorbell moved(std::move(bell));
    CHECK(bell.fd() == -1);  // NOLINT(bugprone-use-after-move): is what is tested
    CHECK(moved.hear());
    bell = std::move(moved);
    CHECK(bell.fd() == fd);
  }
  CHECK(fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("a bell refuses to adopt what is no eventfd, and leaves it to the caller") {
  Doorbell bell;
  CHECK(bell.adopt(-1).error == SetupError::system_call);
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  // Ringing this one would end the process (SIGPIPE).
  ::close(ends[0]);
  CHECK(bell.adopt(ends[1]).error == SetupError::not_an_eventfd);
  CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
  ::close(ends[1]);
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  CHECK(bell.adopt(ends[0]).error == SetupError::not_an_eventfd);
  ::close(ends[0]);
  ::close(ends[1]);
  const int epoll = epoll_create1(0);
  CHECK(bell.adopt(epoll).error == SetupError::not_an_eventfd);
  ::close(epoll);
  CHECK(bell.fd() == -1);
}

TEST_CASE("waiting ends when the process at the other end does, after its last ring was heard") {
  Doorbell bell;
  REQUIRE(bell.make());
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(bell.ring() ? 0 : 1);
  const int pidfd = pidfd_of(child);
  if (pidfd < 0) {
    MESSAGE("left out: this system gives no pidfd");
    waitpid(child, nullptr, 0);
    return;
  }
  CHECK(bell.wait(-1, pidfd) == Wake::rang);
  CHECK(bell.wait(-1, pidfd) == Wake::peer_gone);
  CHECK(bell.wait(-1, pidfd) == Wake::peer_gone);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  ::close(pidfd);
}

std::atomic<int> signals{0};

TEST_CASE("waiting ends when a signal was handled, and says so") {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { ++signals; };
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
  Doorbell bell;
  REQUIRE(bell.make());
  signals = 0;
  std::atomic<bool> done{false};
  Wake wake = Wake::failed;
  std::thread waiter([&] {
    wake = bell.wait(-1);
    done = true;
  });
  // Again and again: the first ones may come before it waits.
  while (!done) {
    pthread_kill(waiter.native_handle(), SIGUSR1);
    std::this_thread::yield();
  }
  waiter.join();
  CHECK(wake == Wake::interrupted);
  CHECK(signals > 0);
  REQUIRE(sigaction(SIGUSR1, &before, nullptr) == 0);
}

TEST_CASE("in an epoll loop, values that come while the ring is armed ring exactly once") {
  ValuePair<Spsc<std::uint64_t>> pair(64);
  Doorbell bell;
  REQUIRE(bell.make());
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  REQUIRE(epoll >= 0);
  epoll_event interest{.events = EPOLLIN, .data = {.fd = bell.fd()}};
  REQUIRE(epoll_ctl(epoll, EPOLL_CTL_ADD, bell.fd(), &interest) == 0);
  epoll_event event{};
  for (unsigned round = 0; round < 5; ++round) {
    CHECK(!pair.consumer.arm());
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    unsigned rings = 0;
    for (std::uint64_t i = 0; i < 50; ++i) {
      auto batch = pair.producer.reserve(1);
      batch.slots()[0] = i;
      if (!batch.commit_and_test()) continue;
      ++rings;
      CHECK(bell.ring());
    }
    CHECK(rings == 1);
    REQUIRE(epoll_wait(epoll, &event, 1, 0) == 1);
    CHECK(int{event.data.fd} == bell.fd());
    CHECK(bell.hear());
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    pair.consumer.disarm();
    CHECK(pair.consumer.poll(100, [](std::uint64_t) {}) == 50);
  }
  CHECK(pair.producer.counters().bells == 5);
  CHECK(pair.producer.counters().bells_suppressed == 5 * 49);
  ::close(epoll);
}

/// Hands values over, both sides asleep whenever there is nothing to do.
template <class K>
void sleep_and_wake(std::uint32_t capacity, std::uint64_t values) {
  ValuePair<K> pair(capacity);
  Doorbell data, space;
  REQUIRE(data.make());
  REQUIRE(space.make());
  std::thread producing([&] {
    for (std::uint64_t next = 0; next < values;) {
      auto batch = pair.producer.reserve(3);
      std::uint32_t filled = 0;
      while (filled < batch.size() && next < values) batch.slots()[filled++] = next++;
      if (batch.commit_and_test(filled)) data.ring();
      if (filled != 0) continue;
      if (!pair.producer.arm()) static_cast<void>(space.wait(-1));
      pair.producer.disarm();
    }
  });
  std::uint64_t out = 0, wrong = 0;
  while (out < values) {
    const auto seen = pair.consumer.peek(5);
    seen.for_each([&](std::uint64_t value) { wrong += value != out++; });
    if (!seen.empty()) {
      if (pair.consumer.release_and_test(static_cast<std::uint32_t>(seen.size()))) space.ring();
      continue;
    }
    if (!pair.consumer.arm()) static_cast<void>(data.wait(-1));
    pair.consumer.disarm();
  }
  producing.join();
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("check 21: two threads that sleep until the bell rings lose no wake-up", K,
                   Spsc<std::uint64_t>, Spsc<std::uint64_t, Untrusted>) {
  if (engine::test::left_out_when_emulated()) return;
  for (const std::uint32_t capacity : {1U, 3U, 64U}) {
    sleep_and_wake<K>(capacity, engine::test::scaled(30'000));
  }
}

}  // namespace
}  // namespace bellpull::ring::test
