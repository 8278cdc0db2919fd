// SPDX-License-Identifier: BSD-2-Clause
// Nobody sleeps on work: each way to go to sleep races the event that should prevent it, again and
// again, with delays of random length. A sleep of 20 s is a lost wake-up and fails with its round.
// BELLPULL_LONG=1 in the environment: ten times as many rounds.
#include <doctest/doctest.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <random>
#include <thread>

#include "long_run.hpp"
#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

std::uint64_t rounds_of(std::uint64_t rounds) {
  return scaled(rounds / 4) * (long_run() ? 40 : 1);
}

// Delays of random length, from nothing to a few microseconds, mostly short: the races are a few
// instructions wide, and the other side takes between 0.1 and 10 microseconds to get there.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : random_(seed) {}

  void spin() {
    const std::uint64_t bits = random_();
    const std::uint64_t most = std::uint64_t{1} << (bits % 15);
    for (std::uint64_t left = (bits >> 8) % most; left != 0; --left) {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
    }
  }
  unsigned up_to(unsigned most) { return 1 + static_cast<unsigned>(random_() % most); }

 private:
  std::mt19937_64 random_;
};

// Bells that wake a sleeper. sleep() returns false when nobody rang for 20 s; a ring that came
// before it makes it return at once.
class FutexBell {
 public:
  Notify notify() {
    return {[](void* context) noexcept {
              auto& self = *static_cast<FutexBell*>(context);
              self.rung_.store(1);
              ::syscall(SYS_futex, &self.rung_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
            },
            this};
  }
  [[nodiscard]] bool sleep() {
    const timespec stuck{kStuck.count(), 0};
    while (rung_.exchange(0) == 0) {
      if (::syscall(SYS_futex, &rung_, FUTEX_WAIT_PRIVATE, 0, &stuck, nullptr, 0) != 0 &&
          errno == ETIMEDOUT) {
        return false;
      }
    }
    return true;
  }

 private:
  std::atomic<std::uint32_t> rung_{0};
};

class EventFdBell {
 public:
  EventFdBell() : fd_(::eventfd(0, EFD_CLOEXEC)) { REQUIRE(fd_ >= 0); }
  EventFdBell(const EventFdBell&) = delete;
  EventFdBell& operator=(const EventFdBell&) = delete;
  ~EventFdBell() { ::close(fd_); }

  Notify notify() {
    return {[](void* context) noexcept {
              const std::uint64_t one = 1;
              [[maybe_unused]] const auto written =
                  ::write(static_cast<EventFdBell*>(context)->fd_, &one, sizeof one);
            },
            this};
  }
  [[nodiscard]] bool sleep() {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kStuck).count())) != 1) {
      return false;
    }
    std::uint64_t rings = 0;
    return ::read(fd_, &rings, sizeof rings) == sizeof rings;
  }

 private:
  int fd_;
};

// Ends transfers a random while after it was asked, so that the end meets the owner's arm().
class LateBackend final : public TestBackend {
 public:
  LateBackend(BackendLog& log, std::uint64_t seed) : TestBackend(log), jitter_(seed) {}
  Reaped reap(std::span<Done> done) noexcept override {
    jitter_.spin();
    return TestBackend::reap(done);
  }

 private:
  Jitter jitter_;
};

struct Outcome {
  std::uint64_t rounds = 0;  // that ended well
  std::uint64_t sleeps = 0;
  std::uint64_t arms = 0;
};

// Issues a few transfers per round and sleeps on the bell until all of them have completed.
template <class Bell>
Outcome issue_and_sleep(StreamChannel& channel, Bell& bell, std::uint64_t rounds, Jitter jitter) {
  Outcome outcome;
  std::byte byte{};
  const Segment segment{&byte, 1};
  const Request request{{&segment, 1}, 0};
  const std::array<Request, 3> requests{request, request, request};
  std::array<Completion, 4> done;
  for (; outcome.rounds < rounds; ++outcome.rounds) {
    const unsigned count = jitter.up_to(3);
    if (channel.post(std::span(requests).first(count)).kind != Kind::none) return outcome;
    channel.issue();
    jitter.spin();
    for (unsigned got = channel.poll(done); got < count; got += channel.poll(done)) {
      ++outcome.arms;
      if (channel.arm() == Armed::work_pending) continue;
      ++outcome.sleeps;
      if (!bell.sleep()) return outcome;
    }
  }
  return outcome;
}

void check(const Outcome& outcome, std::uint64_t rounds, const ChannelStats& stats) {
  MESSAGE(outcome.rounds << " rounds, " << outcome.arms << " arms, " << outcome.sleeps
                         << " sleeps, " << stats.notifies << " rings, " << stats.kicks << " kicks");
  CHECK_MESSAGE(outcome.rounds == rounds, "stalled in round " << outcome.rounds);
  CHECK(stats.notifies <= outcome.arms);
  CHECK(outcome.sleeps != 0);  // or nothing was tested
}

void owner_sleeps(QueueLayout layout, std::uint64_t rounds) {
  const std::uint64_t seed = ring::test::announce_seed("delays", 1);
  CAPTURE(seed);
  BackendLog log;
  FutexBell bell;
  Engine engine({.placement = Placement::autonomous, .spin = true});  // only the owner sleeps
  const auto channel =
      engine.open_stream({.size = 8, .notify = bell.notify(), .sink = {}, .layout = layout},
                         std::make_unique<LateBackend>(log, seed));
  const Outcome outcome = issue_and_sleep(*channel, bell, rounds, Jitter(seed + 1));
  check(outcome, rounds, channel->stats());
}

TEST_CASE(
    "S4.5: an owner who armed and sleeps is woken by every completion, whenever it comes (check "
    "11)") {
  SUBCASE("split") {
    owner_sleeps(QueueLayout::split, rounds_of(1'000'000));
  }
  SUBCASE("packed") {
    owner_sleeps(QueueLayout::packed, rounds_of(500'000));
  }
}

void engine_sleeps(QueueLayout layout, std::uint64_t rounds) {
  // Only the engine sleeps: this bell looks again and again.
  struct Watchman {
    StreamChannel* channel = nullptr;
    bool sleep() {
      const auto give_up = std::chrono::steady_clock::now() + kStuck;
      for (std::uint64_t looks = 1;; ++looks) {
        if (channel->arm() == Armed::work_pending) return true;
        if (looks % 256 != 0) continue;
        std::this_thread::yield();
        if (std::chrono::steady_clock::now() > give_up) return false;
      }
    }
  };
  const std::uint64_t seed = ring::test::announce_seed("delays", 1);
  CAPTURE(seed);
  BackendLog log;
  Engine engine({.placement = Placement::autonomous});
  const auto channel = engine.open_stream({.size = 8, .notify = {}, .sink = {}, .layout = layout},
                                          std::make_unique<LateBackend>(log, seed));
  Watchman watchman{channel.get()};
  const Outcome outcome = issue_and_sleep(*channel, watchman, rounds, Jitter(seed + 1));
  check(outcome, rounds, channel->stats());
  CHECK(channel->stats().kicks != 0);
}

TEST_CASE("an engine that sleeps is kicked by every issue, whenever it comes") {
  SUBCASE("split") {
    engine_sleeps(QueueLayout::split, rounds_of(500'000));
  }
  SUBCASE("packed") {
    engine_sleeps(QueueLayout::packed, rounds_of(250'000));
  }
}

void both_sleep(QueueLayout layout, std::uint64_t rounds) {
  const std::uint64_t seed = ring::test::announce_seed("delays", 1);
  CAPTURE(seed);
  BackendLog log;
  EventFdBell bell;
  Engine engine({.placement = Placement::autonomous});
  const auto channel =
      engine.open_stream({.size = 8, .notify = bell.notify(), .sink = {}, .layout = layout},
                         std::make_unique<LateBackend>(log, seed));
  const Outcome outcome = issue_and_sleep(*channel, bell, rounds, Jitter(seed + 1));
  check(outcome, rounds, channel->stats());
}

TEST_CASE("owner and engine both sleep and always wake each other") {
  SUBCASE("split") {
    both_sleep(QueueLayout::split, rounds_of(100'000));
  }
  SUBCASE("packed") {
    both_sleep(QueueLayout::packed, rounds_of(50'000));
  }
}

// A thread that sends one message, after a random while, each time it is told to.
class Feeder {
 public:
  template <class Send>
  Feeder(std::uint64_t seed, Send send)
      : thread_([this, seed, send = std::move(send)]() mutable {
          Jitter jitter(seed);
          for (std::uint64_t sent = 0; !quit_.load(); ++sent) {
            for (unsigned looks = 1; told_.load() == sent && !quit_.load(); ++looks) {
              if (looks % 4096 == 0) std::this_thread::yield();
            }
            if (quit_.load()) return;
            jitter.spin();
            send();
          }
        }) {}
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;
  ~Feeder() {
    quit_.store(true);
    thread_.join();
  }

  void tell() { told_.fetch_add(1); }

 private:
  std::atomic<std::uint64_t> told_{0};
  std::atomic<bool> quit_{false};
  std::thread thread_;
};

// What an owner's loop does around a driven engine: sleeps in epoll on its wait sources.
class Loop {
 public:
  explicit Loop(Engine& engine) : engine_(engine), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    const auto sources = engine.wait_sources();
    for (std::size_t i = 0; i < sources.size(); ++i) {
      epoll_event event{};
      event.events = sources[i].events | EPOLLET;
      event.data.u64 = i;
      REQUIRE(::epoll_ctl(epoll_, EPOLL_CTL_ADD, sources[i].fd, &event) == 0);
    }
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { ::close(epoll_); }

  [[nodiscard]] bool sleep() {
    std::array<epoll_event, 8> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(std::chrono::milliseconds(kStuck).count()));
    for (int i = 0; i < count; ++i) {
      engine_.source_ready(events[static_cast<std::size_t>(i)].data.u64);
    }
    return count > 0;
  }

 private:
  Engine& engine_;
  int epoll_;
};

Outcome receive_and_sleep(Engine& engine, StreamChannel& rx, Feeder& feeder, std::uint64_t rounds,
                          Jitter jitter) {
  Outcome outcome;
  Loop loop(engine);
  std::byte byte{};
  std::array<Completion, 4> done;
  for (; outcome.rounds < rounds; ++outcome.rounds) {
    if (post(rx, {&byte, 1}, 0).kind != Kind::none) return outcome;
    rx.issue();
    feeder.tell();
    jitter.spin();
    for (;;) {
      engine.run(64);
      if (rx.poll(done) != 0) break;
      jitter.spin();
      ++outcome.arms;
      if (rx.arm() == Armed::work_pending) continue;
      jitter.spin();
      ++outcome.sleeps;
      if (!loop.sleep()) return outcome;
    }
  }
  return outcome;
}

TEST_CASE("the owner of a driven engine who armed and sleeps in epoll is woken by every message") {
  const std::uint64_t seed = ring::test::announce_seed("delays", 1);
  CAPTURE(seed);
  const std::uint64_t rounds = rounds_of(1'000'000);
  FdCounters counters;
  BellCounter bell;
  SocketPair pair(SOCK_DGRAM);
  Engine engine({});
  const auto rx =
      engine.open_stream({.size = 8, .notify = bell.notify()}, reader(pair.right(), counters));
  Feeder feeder(seed, [&] { [[maybe_unused]] const auto sent = ::send(pair.left(), "x", 1, 0); });
  const Outcome outcome = receive_and_sleep(engine, *rx, feeder, rounds, Jitter(seed + 1));
  check(outcome, rounds, rx->stats());
}

TEST_CASE("two driven engines on two threads, joined in memory, always wake each other") {
  const std::uint64_t seed = ring::test::announce_seed("delays", 1);
  CAPTURE(seed);
  const std::uint64_t rounds = rounds_of(200'000);
  BellCounter bell;
  LoopbackPair ends = make_loopback({.messages = 4, .max_length = 16});
  Engine sending({});
  const auto tx = sending.open_stream({.size = 8}, std::move(ends.sender));
  Engine receiving({});
  const auto rx =
      receiving.open_stream({.size = 8, .notify = bell.notify()}, std::move(ends.receiver));
  std::string text = "x";
  Feeder feeder(seed, [&] {
    std::array<Completion, 4> done;
    [[maybe_unused]] const PrepareError error = post(*tx, bytes_of(text), 0);
    tx->issue();
    while (tx->poll(done) == 0) step(sending);
  });
  const Outcome outcome = receive_and_sleep(receiving, *rx, feeder, rounds, Jitter(seed + 1));
  check(outcome, rounds, rx->stats());
}

}  // namespace
}  // namespace bellpull::engine::test
