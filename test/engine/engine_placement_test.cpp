// SPDX-License-Identifier: BSD-2-Clause
// Who runs an engine, when it sleeps, and what opening and closing channels does to it.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Holds one transfer for ever without being blocked: its engine always has something to ask.
class BusyBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  Reaped reap(std::span<Done>) noexcept override {
    note_thread();
    return {};
  }
};

TEST_CASE("run ends at most its limit of transfers on each channel, and with limit 0 none") {
  const std::uint64_t seed = ring::test::announce_seed("run limits", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  BackendLog first_log, second_log;
  Engine engine({});
  const auto first = engine.open_stream({.size = 512}, std::make_unique<TestBackend>(first_log));
  const auto second = engine.open_stream({.size = 512}, std::make_unique<TestBackend>(second_log));
  std::string text = "x";
  for (int round = 0; round < 2000; ++round) {
    for (StreamChannel* channel : {first.get(), second.get()}) {
      for (std::uint64_t i = random() % 256; i != 0; --i) {
        if (post(*channel, bytes_of(text), i).kind != Kind::none) break;
      }
      channel->issue();
    }
    const auto limit = static_cast<unsigned>(random() % 200);
    const std::uint64_t before[] = {first->stats().completed, second->stats().completed};
    const RunResult result = engine.run(limit);
    const std::uint64_t now[] = {first->stats().completed, second->stats().completed};
    REQUIRE(now[0] - before[0] <= limit);
    REQUIRE(now[1] - before[1] <= limit);
    REQUIRE(result.completed == now[0] - before[0] + now[1] - before[1]);
    REQUIRE(result.runnable == engine.runnable());
    std::array<Completion, 512> done;
    first->poll(done);
    second->poll(done);
  }
}

TEST_CASE(
    "a run turns to those that send first, whatever the order in which channels were opened") {
  LoopbackPair ends = make_loopback({});
  Engine engine({});
  const auto rx = engine.open_stream({}, std::move(ends.receiver));
  const auto tx = engine.open_stream({}, std::move(ends.sender));
  std::string text = "x", room = ".";
  REQUIRE(post(*rx, bytes_of(room), 1).kind == Kind::none);
  REQUIRE(post(*tx, bytes_of(text), 1).kind == Kind::none);
  rx->issue();
  tx->issue();
  CHECK(engine.run(64).completed == 2);
  CHECK(room == "x");
}

TEST_CASE("runnable says whether a run would find something to do") {
  FdCounters counters;
  SocketPair pair(SOCK_DGRAM);
  Engine engine({});
  CHECK_FALSE(engine.runnable());
  const auto rx = engine.open_stream({}, reader(pair.right(), counters));
  CHECK_FALSE(engine.runnable());
  std::string room = "..";
  REQUIRE(post(*rx, bytes_of(room), 1).kind == Kind::none);
  CHECK_FALSE(engine.runnable());  // submitted is not issued
  rx->issue();
  CHECK(engine.runnable());
  CHECK_FALSE(engine.run(64).runnable);
  CHECK_FALSE(engine.runnable());
  REQUIRE(::send(pair.left(), "hi", 2, 0) == 2);
  CHECK_FALSE(engine.runnable());  // nobody told it
  engine.run(64);
  CHECK(rx->stats().completed == 0);
  engine.source_ready(0);
  CHECK(engine.runnable());
  engine.run(64);
  CHECK(rx->stats().completed == 1);
}

TEST_CASE(
    "an autonomous engine leaves nothing to its owner: run does nothing, there is nothing to wait "
    "for") {
  BackendLog log;
  Engine engine({.placement = Placement::autonomous});
  const auto channel = engine.open_stream({}, std::make_unique<BusyBackend>(log));
  std::string text = "x";
  REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
  channel->issue();
  REQUIRE(until(engine, [&] { return log.started.load() == 1; }));
  CHECK_FALSE(engine.runnable());
  CHECK(engine.run(64).completed == 0);
  CHECK(engine.wait_sources().empty());
  engine.source_ready(0);
  engine.retry_blocked();
  CHECK(log.foreign_calls.load() == 0);
}

TEST_CASE(
    "S3.6: a back-end is called on the thread that runs the engine and on no other, also to stop") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    for (const bool spin : {false, true}) {
      BackendLog log;
      Engine engine({.placement = placement, .spin = spin});
      std::string text = "x";
      {
        const auto channel = engine.open_stream({.size = 8}, std::make_unique<TestBackend>(log));
        for (std::uint64_t i = 0; i < 100; ++i) {
          REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
          channel->issue();
          (void)channel->arm();
          REQUIRE(collect(engine, *channel, 1).size() == 1);
        }
        REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
        channel->issue();
        channel->stop();
      }
      CHECK(log.stops.load() == 1);
      CHECK(log.foreign_calls.load() == 0);
      const bool on_owner = log.thread.load() == std::this_thread::get_id();
      CHECK(on_owner == (placement == Placement::driven));
    }
  }
}

TEST_CASE(
    "an idle autonomous engine sleeps without end: it wakes for a doorbell and for nothing else") {
  BackendLog log;
  Engine engine({.placement = Placement::autonomous});
  const auto channel = engine.open_stream({}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  for (std::uint64_t i = 0; i < 100; ++i) {
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
    channel->issue();
    REQUIRE(collect(engine, *channel, 1).size() == 1);
  }
  // Whatever the owner does that issues nothing leaves it asleep. The pause only gives a wrong
  // engine time to show itself.
  std::array<Completion, 1> done;
  for (int i = 0; i < 1000; ++i) {
    (void)channel->arm();
    channel->poll(done);
    channel->issue();
    channel->disarm();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const EngineStats stats = engine.stats();
  CHECK(stats.waits <= 1 + stats.doorbells);
  CHECK(stats.doorbells <= 1 + 100);  // one to open the channel, one per issue
  // An issue that finds the engine awake needs no doorbell.
  CHECK(stats.runs <= 2 * (1 + 100));
}

TEST_CASE("issue kicks only an engine that sleeps") {
  BackendLog busy_log, log;
  Engine engine({.placement = Placement::autonomous});
  const auto busy = engine.open_stream({}, std::make_unique<BusyBackend>(busy_log));
  const auto channel = engine.open_stream({}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  REQUIRE(post(*busy, bytes_of(text), 1).kind == Kind::none);
  busy->issue();
  CHECK(busy->stats().kicks <= 1);
  REQUIRE(until(engine, [&] { return busy_log.started.load() == 1; }));
  const EngineStats before = engine.stats();
  for (std::uint64_t i = 0; i < scaled(1000); ++i) {
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
    channel->issue();
    REQUIRE(collect(engine, *channel, 1).size() == 1);
  }
  CHECK(channel->stats().kicks == 0);
  CHECK(engine.stats().waits == before.waits);
  CHECK(engine.stats().doorbells == before.doorbells);
}

TEST_CASE("a spinning engine never sleeps, needs no kick and asks blocked devices by itself") {
  BackendLog log;
  Engine engine({.placement = Placement::autonomous, .spin = true});
  const auto channel = engine.open_stream({}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  for (std::uint64_t i = 0; i < 200; ++i) {
    log.gate = i % 2 == 0;
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
    channel->issue();
    if (i % 50 == 1) full_round(engine);
    log.gate = true;  // no wait source says so
    REQUIRE(collect(engine, *channel, 1).size() == 1);
  }
  CHECK(channel->stats().kicks == 0);
  CHECK(engine.stats().waits == 0);
}

TEST_CASE("a device that is always busy does not keep a blocked one from its event") {
  BackendLog busy_log;
  FdCounters counters;
  SocketPair pair(SOCK_DGRAM);
  Engine engine({.placement = Placement::autonomous});
  const auto rx = engine.open_stream({}, reader(pair.right(), counters));
  const auto busy = engine.open_stream({}, std::make_unique<BusyBackend>(busy_log));
  std::string text = "x", room = ".";
  REQUIRE(post(*rx, bytes_of(room), 1).kind == Kind::none);
  rx->issue();
  REQUIRE(until(engine, [&] { return counters.would_block.value() != 0; }));
  REQUIRE(post(*busy, bytes_of(text), 1).kind == Kind::none);
  busy->issue();
  REQUIRE(until(engine, [&] { return busy_log.started.load() == 1; }));
  REQUIRE(::send(pair.left(), "y", 1, 0) == 1);
  REQUIRE(collect(engine, *rx, 1).size() == 1);
  CHECK(room == "y");
}

// As many descriptors as the machine allows, up to what the test wants.
void raise_descriptor_limit(rlim_t wanted) {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_cur < wanted) {
    MESSAGE("only " << limit.rlim_cur << " descriptors instead of " << wanted
                    << ": the hard limit is lower; fewer channels have one of their own");
  }
}

TEST_CASE("S2.24: a thousand channels open and close on a running autonomous engine") {
  raise_descriptor_limit(2100);
  Engine engine({.placement = Placement::autonomous});
  LoopbackPair steady = make_loopback({.max_length = 16});
  const auto tx = engine.open_stream({}, std::move(steady.sender));
  const auto rx = engine.open_stream({}, std::move(steady.receiver));
  std::string text = "x", room = ".";
  const auto goes_on = [&] {
    if (post(*tx, bytes_of(text), 1).kind != Kind::none) return false;
    if (post(*rx, bytes_of(room), 1).kind != Kind::none) return false;
    rx->issue();
    tx->issue();
    return collect(engine, *tx, 1).size() == 1 && collect(engine, *rx, 1).size() == 1;
  };

  FdCounters counters;
  std::vector<std::unique_ptr<SocketPair>> pairs;
  std::vector<std::unique_ptr<StreamChannel>> channels;
  std::vector<std::string> rooms(1000, ".");
  for (std::size_t i = 0; i < 1000; ++i) {
    try {
      pairs.push_back(std::make_unique<SocketPair>(SOCK_DGRAM));
    } catch (const std::system_error&) {
      pairs.push_back(nullptr);
    }
    const int fd = pairs.back() ? pairs.back()->left() : pairs.front()->left();
    channels.push_back(engine.open_stream({.size = 4}, reader(fd, counters)));
    REQUIRE(post(*channels.back(), bytes_of(rooms[i]), i).kind == Kind::none);
    channels.back()->issue();
    if (i % 50 == 0) REQUIRE(goes_on());
  }
  for (std::size_t i = 0; i < 1000; ++i) {
    if (!pairs[i]) continue;
    REQUIRE(::send(pairs[i]->right(), "y", 1, 0) == 1);
    if (i == 0) continue;  // its descriptor may have several readers
    REQUIRE(collect(engine, *channels[i], 1).size() == 1);
    REQUIRE(rooms[i] == "y");
  }
  std::mt19937_64 random(1);
  while (!channels.empty()) {
    const auto at = static_cast<std::ptrdiff_t>(random() % channels.size());
    channels.erase(channels.begin() + at);
    if (channels.size() % 50 == 0) REQUIRE(goes_on());
  }
}

TEST_CASE("engines come and go, with and without channels") {
  for (std::uint64_t i = 0; i < 100; ++i) {
    Engine engine({.placement = Placement::autonomous, .spin = i % 4 == 0});
    if (i % 2 == 0) full_round(engine);
  }
}

TEST_CASE(
    "a wait source that cannot be watched refuses the channel with a message, and harms no other") {
  BackendLog log;
  FdCounters counters;
  const int null = ::open("/dev/null", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(null >= 0);
  Engine engine({.placement = Placement::autonomous});
  const auto channel = engine.open_stream({}, std::make_unique<TestBackend>(log));
  for (int i = 0; i < 10; ++i) {
    try {
      (void)engine.open_stream({}, writer(null, counters));
      FAIL("opened");
    } catch (const std::system_error& error) {
      const std::string what = error.what();
      CAPTURE(what);
      CHECK(error.code() == std::errc::operation_not_permitted);
      CHECK(what.find("epoll_ctl") != std::string::npos);
      CHECK(what.find("descriptor " + std::to_string(null)) != std::string::npos);
      CHECK(what.find('\n') == std::string::npos);
    }
    std::string text = "x";
    REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
    channel->issue();
    REQUIRE(collect(engine, *channel, 1).size() == 1);
  }
  Engine driven({});  // nobody watches it there
  const auto to_null = driven.open_stream({}, writer(null, counters));
  std::string text = "x";
  REQUIRE(post(*to_null, bytes_of(text), 1).kind == Kind::none);
  to_null->issue();
  CHECK(collect(driven, *to_null, 1).size() == 1);
  ::close(null);
}

// Declares what it likes.
class DeclaringBackend final : public TestBackend {
 public:
  DeclaringBackend(BackendLog& log, unsigned segments) : TestBackend(log), segments_(segments) {}
  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return {.operations = {Operation::write}, .max_segments = segments_, .max_length = 100};
  }

 private:
  unsigned segments_;
};

TEST_CASE("set-up refuses what it cannot do, and says why") {
  BackendLog log;
  Engine engine({});
  for (const std::uint32_t size : {0u, 3u, 65536u, ~0u}) {
    CHECK_THROWS_AS((void)engine.open_stream({.size = size}, std::make_unique<TestBackend>(log)),
                    std::system_error);
  }
  for (const std::uint32_t size : {1u, 2u, 32768u}) {
    CHECK(engine.open_stream({.size = size}, std::make_unique<TestBackend>(log))->size() == size);
  }
  CHECK_THROWS_AS((void)engine.open_stream({}, nullptr), std::invalid_argument);
  for (const unsigned segments : {0u, kMaxSegments + 1}) {
    CHECK_THROWS_AS((void)engine.open_stream({}, std::make_unique<DeclaringBackend>(log, segments)),
                    std::invalid_argument);
  }
  CHECK(engine.open_stream({}, std::make_unique<DeclaringBackend>(log, kMaxSegments)) != nullptr);

  FdCounters counters;
  SocketPair pair(SOCK_DGRAM);
  for (const unsigned window : {0u, 1025u}) {
    CHECK_THROWS_AS((void)reader(pair.left(), counters, window), std::invalid_argument);
  }
  CHECK_THROWS_AS((void)reader(-1, counters), std::system_error);
  REQUIRE(::fcntl(pair.left(), F_SETFL, 0) == 0);
  CHECK_THROWS_AS((void)reader(pair.left(), counters), std::invalid_argument);
  CHECK_THROWS_AS((void)make_loopback({.messages = 0}), std::invalid_argument);
  CHECK_THROWS_AS((void)make_loopback({.messages = 65537}), std::invalid_argument);
  CHECK_THROWS_AS((void)make_loopback({.max_length = 0}), std::invalid_argument);
  CHECK_THROWS_AS((void)make_loopback({.window = 0}), std::invalid_argument);
}

TEST_CASE("an autonomous engine leaves the program's signals to the program's own threads") {
  Engine engine({.placement = Placement::autonomous});
  full_round(engine);  // the thread is up
  sigset_t usr1;
  sigset_t old;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &usr1, &old) == 0);
  // If the engine's thread took it, its default action would end the program here.
  REQUIRE(::kill(::getpid(), SIGUSR1) == 0);
  const timespec now{};
  CHECK(::sigtimedwait(&usr1, nullptr, &now) == SIGUSR1);
  REQUIRE(::pthread_sigmask(SIG_SETMASK, &old, nullptr) == 0);
}

}  // namespace
}  // namespace bellpull::engine::test
