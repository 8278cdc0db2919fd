// SPDX-License-Identifier: BSD-2-Clause
// The contract of submit(), issue() and poll(), and what a failed transfer means to whom.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <random>

#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

TEST_CASE(
    "S1.9: nothing moves before issue, not even when the slots run out; then all of it moves") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting, {.size = 8});
    // The receiver is the FPGA that counts what arrives before it was enabled.
    std::string room(8, '.');
    for (std::size_t i = 0; i < 8; ++i) {
      REQUIRE(post(*rig.rx, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
    }
    rig.rx->issue();

    std::string text = "abcdefgh";
    for (std::size_t i = 0; i < 8; ++i) {
      const OneSegment one(bytes_of(text).subspan(i, 1), i);
      PrepareResult result = rig.tx->prepare(one.batch());
      REQUIRE(result);
      full_round(rig.engine);
      CHECK(rig.tx->submit(std::move(result.prepared)) == i + 1);
      full_round(rig.engine);
    }
    const OneSegment too_many(bytes_of(text), 9);
    for (int attempt = 0; attempt < 10; ++attempt) {
      CHECK(rig.tx->prepare(too_many.batch()).error.kind == Kind::would_block);
      full_round(rig.engine);
    }
    CHECK(rig.tx->stats().completed == 0);
    CHECK(rig.rx->stats().completed == 0);
    CHECK(room == "........");

    rig.tx->issue();
    CHECK(collect(rig.engine, *rig.rx, 8).size() == 8);
    CHECK(room == text);
  }
}

TEST_CASE("issue with nothing submitted does nothing") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    for (int i = 0; i < 100; ++i) rig.tx->issue();
    CHECK(rig.tx->stats().kicks == 0);
    CHECK(rig.tx->stats().submitted == 0);
    CHECK(rig.tx->free_slots() == rig.tx->size());
  }
}

TEST_CASE(
    "S1.5, S2.26: cookies count 1, 2, 3 ... in the order of submission and are never used again") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    BackendLog log;
    Engine engine({.placement = placement});
    const auto channel = engine.open_stream({.size = 4}, std::make_unique<TestBackend>(log));
    std::string text = "x";
    Cookie next = 1;
    bool in_order = true;
    for (std::uint64_t round = 0; round < scaled(20'000); ++round) {
      const OneSegment one(bytes_of(text), round);
      {
        const Prepared dropped = channel->prepare(one.batch()).prepared;  // takes no number
      }
      const std::array<Request, 3> batch{one.batch()[0], one.batch()[0], one.batch()[0]};
      PrepareResult result = channel->prepare(batch);
      in_order = in_order && channel->submit(std::move(result.prepared)) == next;
      channel->issue();
      for (const Completion& done : collect(engine, *channel, 3)) {
        in_order = in_order && done.cookie == next++ && done.token == round;
      }
      REQUIRE(in_order);
    }
  }
}

TEST_CASE("S2.28, S2.29: what was issued all completes while the client sleeps") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    // Many more transfers than the back-ends hold at once: somebody elects the next.
    Rig rig(setting, {.size = 64, .window = 3, .messages = 2});
    std::string text(64, 'x'), room(64, '.');
    for (std::size_t i = 0; i < 64; ++i) {
      REQUIRE(post(*rig.rx, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
      REQUIRE(post(*rig.tx, bytes_of(text).subspan(i, 1), i).kind == Kind::none);
    }
    rig.rx->issue();
    rig.tx->issue();
    CHECK(until(rig.engine, [&] { return rig.rx->stats().completed == 64; }));
    CHECK(collect(rig.engine, *rig.rx, 64).size() == 64);
    CHECK(room == text);
  }
  // The next ones begin when some have ended, not when somebody runs the engine again.
  BackendLog log;
  Engine engine({});
  const auto channel = engine.open_stream(
      {.size = 64}, std::make_unique<TestBackend>(log, Direction::memory_to_device, 3));
  std::string text = "x";
  for (std::uint64_t i = 0; i < 9; ++i) {
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
  }
  channel->issue();
  CHECK(engine.run(64).completed == 3);
  CHECK(log.started.load() == 6);
}

TEST_CASE("transfers of a channel begin and complete in the order of submission") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    std::string text(2, ' '), room(2, '.');
    std::vector<std::string> sent, rooms;
    for (int i = 0; i < 40; ++i) {
      sent.push_back("message " + std::to_string(i));
      rooms.emplace_back(32, '.');
    }
    for (std::size_t i = 0; i < 40; ++i) {
      REQUIRE(post(*rig.rx, bytes_of(rooms[i]), i).kind == Kind::none);
      REQUIRE(post(*rig.tx, bytes_of(sent[i]), i).kind == Kind::none);
      if (i % 7 == 0) rig.tx->issue();
      if (i % 5 == 0) rig.rx->issue();
    }
    rig.tx->issue();
    rig.rx->issue();
    const auto out = collect(rig.engine, *rig.tx, 40);
    const auto in = collect(rig.engine, *rig.rx, 40);
    REQUIRE(out.size() == 40);
    REQUIRE(in.size() == 40);
    for (std::size_t i = 0; i < 40; ++i) {
      CHECK(out[i].token == i);
      CHECK(in[i].token == i);
      CHECK(rooms[i].substr(0, in[i].bytes) == sent[i]);
    }
  }
}

TEST_CASE(
    "S4.2: poll returns at most as many completions as its span is long; an empty span does "
    "nothing") {
  const std::uint64_t seed = ring::test::announce_seed("budgets", 1);
  CAPTURE(seed);
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    std::mt19937_64 random(seed);
    BackendLog log;
    Engine engine({.placement = placement});
    const auto channel = engine.open_stream({.size = 64}, std::make_unique<TestBackend>(log));
    std::string text = "x";
    std::uint64_t posted = 0, polled = 0;
    bool kept = true;
    while (kept && posted < scaled(100'000)) {
      while (random() % 8 != 0 && post(*channel, bytes_of(text), posted).kind == Kind::none) {
        ++posted;
      }
      channel->issue();
      step(engine);
      std::array<Completion, 64> done;
      const std::size_t budget = random() % 3 == 0 ? 0 : random() % 64;
      const std::uint32_t before = channel->in_flight();
      const unsigned count = channel->poll(std::span(done).first(budget));
      kept = count <= budget && channel->in_flight() == before - count;
      for (unsigned i = 0; i < count; ++i) kept = kept && done[i].token == polled++;
    }
    CHECK(kept);
    CHECK(channel->poll({}) == 0);
  }
}

TEST_CASE("S4.2: work that is posted while completions are handled does not extend the poll") {
  // A driven engine with a device that ends everything at once: an unbounded poll would not return.
  BackendLog log;
  Engine engine({});
  const auto channel = engine.open_stream({.size = 8}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  for (std::uint64_t i = 0; i < 5; ++i)
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
  channel->issue();
  engine.run(64);
  for (std::uint64_t round = 0; round < 100; ++round) {
    std::array<Completion, 64> done;
    CHECK(channel->poll(done) == 5);
    for (std::uint64_t i = 0; i < 5; ++i) {
      REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
      channel->issue();
      engine.run(64);
    }
  }
}

// What write does to one message once the other end is prepared for it to fail.
struct Failure {
  const char* name;
  int expected;
  int type;
  std::size_t length;
  void (*prepare)(SocketPair&);
};

constexpr std::array<Failure, 3> kFailures{
    {{"peer closed", EPIPE, SOCK_SEQPACKET, 8, [](SocketPair& pair) { pair.close_right(); }},
     {"message too long", EMSGSIZE, SOCK_DGRAM, 1u << 20, [](SocketPair&) {}},
     {"descriptor closed", EBADF, SOCK_DGRAM, 8, [](SocketPair& pair) { pair.close_left(); }}}};

TEST_CASE(
    "S0.11, S0.13, S0.14: a transfer that fails says why, gives its buffer back, and can be tried "
    "again") {
  std::signal(SIGPIPE, SIG_IGN);
  for (const Placement placement : kPlacements) {
    for (const Failure& failure : kFailures) {
      CAPTURE(describe(placement));
      CAPTURE(failure.name);
      FdCounters counters;
      SocketPair pair(failure.type);
      Engine engine({.placement = placement});
      const auto channel = engine.open_stream({.size = 4}, writer(pair.left(), counters));
      failure.prepare(pair);
      std::string text(failure.length, 'x');
      for (std::uint64_t attempt = 1; attempt <= 10; ++attempt) {
        REQUIRE(post(*channel, bytes_of(text), attempt).kind == Kind::none);
        channel->issue();
        const auto done = collect(engine, *channel, 1);
        REQUIRE(done.size() == 1);
        CHECK(done[0].status == Status::failed);
        CHECK(done[0].error == failure.expected);
        CHECK(done[0].bytes == 0);
        CHECK(done[0].token == attempt);
        CHECK(channel->free_slots() == 4);
      }
      CHECK(channel->stats().failed == 10);
      CHECK(channel->stats().completed == 10);
    }
  }
}

TEST_CASE("a reader whose descriptor fails gives its buffers back one by one with the error") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    FdCounters counters;
    SocketPair pair(SOCK_DGRAM);
    Engine engine({.placement = placement});
    const auto channel = engine.open_stream({.size = 8}, reader(pair.left(), counters));
    pair.close_left();
    std::string room(8, '.');
    for (std::size_t i = 0; i < 8; ++i) {
      REQUIRE(post(*channel, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
    }
    channel->issue();
    const auto done = collect(engine, *channel, 8);
    REQUIRE(done.size() == 8);
    for (std::size_t i = 0; i < 8; ++i) {
      CHECK(done[i].status == Status::failed);
      CHECK(done[i].error == EBADF);
      CHECK(done[i].token == i);
    }
  }
}

TEST_CASE(
    "a writer on an autonomous engine survives a closed peer without the program ignoring "
    "SIGPIPE") {
  std::signal(SIGPIPE, SIG_DFL);
  FdCounters counters;
  SocketPair pair(SOCK_STREAM);
  pair.close_right();
  Engine engine({.placement = Placement::autonomous});
  const auto channel =
      engine.open_stream({.size = 4}, writer(pair.left(), counters, 16, Framing::bytes));
  std::string text = "x";
  REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
  channel->issue();
  CHECK(collect(engine, *channel, 1).at(0).error == EPIPE);
}

TEST_CASE("S0.15: other transfers go on after one failed, and other channels do not notice") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    FdCounters counters;
    SocketPair pair(SOCK_DGRAM);
    Engine engine({.placement = placement});
    const auto tx = engine.open_stream({.size = 64}, writer(pair.left(), counters));
    const auto rx = engine.open_stream({.size = 64}, reader(pair.right(), counters));
    BackendLog log;
    const auto other = engine.open_stream({.size = 64}, std::make_unique<TestBackend>(log));
    std::string good = "good", bad(1u << 20, 'x'), room(64, '.');
    for (std::size_t i = 0; i < 30; ++i) {
      REQUIRE(post(*tx, bytes_of(i % 3 == 1 ? bad : good), i).kind == Kind::none);
      REQUIRE(post(*other, bytes_of(good), i).kind == Kind::none);
    }
    for (std::size_t i = 0; i < 20; ++i) {
      REQUIRE(post(*rx, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
    }
    rx->issue();
    tx->issue();
    other->issue();
    const auto done = collect(engine, *tx, 30);
    REQUIRE(done.size() == 30);
    for (std::size_t i = 0; i < 30; ++i) {
      CHECK(done[i].token == i);
      CHECK(done[i].status == (i % 3 == 1 ? Status::failed : Status::ok));
      CHECK(done[i].error == (i % 3 == 1 ? EMSGSIZE : 0));
    }
    CHECK(collect(engine, *rx, 20).size() == 20);
    for (const Completion& completion : collect(engine, *other, 30)) {
      CHECK(completion.status == Status::ok);
    }
    CHECK(other->stats().failed == 0);
  }
}

// Counts what it is pushed, and where.
struct PushLog {
  std::atomic<std::uint64_t> pushed{0};
  std::uint64_t out_of_order = 0;  // these are read after the engine has stopped
  std::uint64_t foreign_calls = 0;
  std::thread::id thread{};

  CompletionSink sink() {
    return {[](void* context, const Completion& done) noexcept {
              auto& log = *static_cast<PushLog*>(context);
              const std::thread::id me = std::this_thread::get_id();
              const std::uint64_t number = log.pushed.load() + 1;
              if (number == 1) log.thread = me;
              if (me != log.thread) ++log.foreign_calls;
              if (done.cookie != number || done.token != number * 3) ++log.out_of_order;
              log.pushed.store(number);
            },
            this};
  }
};

TEST_CASE(
    "a push sink is called once per transfer, at the reap, on the thread that runs the engine") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    PushLog pushes;
    BackendLog log;
    {
      Engine engine({.placement = placement});
      const auto channel = engine.open_stream({.size = 32, .sink = pushes.sink()},
                                              std::make_unique<TestBackend>(log));
      std::string text = "x";
      std::uint64_t posted = 0;
      bool silent = true;
      const std::uint64_t count = scaled(100'000);
      // Far more transfers than ids: these come back through prepare().
      const auto some_more = [&] {
        while (posted < count &&
               post(*channel, bytes_of(text), (posted + 1) * 3).kind == Kind::none) {
          ++posted;
        }
        channel->issue();
        std::array<Completion, 8> done;
        silent = silent && (posted % 2 == 0 || channel->poll(done) == 0);
        return pushes.pushed.load() == count;
      };
      CHECK(until(engine, some_more, [&] { return pushes.pushed.load(); }));
      CHECK(silent);
      CHECK(channel->stats().completed == count);
    }
    CHECK(pushes.out_of_order == 0);
    CHECK(pushes.foreign_calls == 0);
    CHECK(pushes.thread == log.thread.load());
    CHECK((pushes.thread == std::this_thread::get_id()) == (placement == Placement::driven));
  }
}

TEST_CASE("with a push sink, poll takes the slots back, so that arm can answer armed") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    PushLog pushes;
    BackendLog log;
    Engine engine({.placement = placement});
    const auto channel =
        engine.open_stream({.size = 8, .sink = pushes.sink()}, std::make_unique<TestBackend>(log));
    std::string text = "x";
    for (std::uint64_t i = 1; i <= 4; ++i) {
      REQUIRE(post(*channel, bytes_of(text), i * 3).kind == Kind::none);
    }
    channel->issue();
    REQUIRE(until(engine, [&] { return pushes.pushed.load() == 4; }));
    std::array<Completion, 1> done;
    CHECK(until(engine, [&] { return channel->poll(done) == 0 && channel->in_flight() == 0; }));
    CHECK(channel->free_slots() == 8);
    CHECK(channel->arm() == Armed::armed);
  }
}

// Posts the next transfer from inside the push.
struct Reposter {
  StreamChannel* channel = nullptr;
  std::string text = "x";
  std::uint64_t left = 0;
  std::uint64_t pushed = 0;

  CompletionSink sink() {
    return {[](void* context, const Completion&) noexcept {
              auto& self = *static_cast<Reposter*>(context);
              ++self.pushed;
              if (self.left == 0) return;
              --self.left;
              [[maybe_unused]] const auto error =
                  post(*self.channel, bytes_of(self.text), self.left);
              self.channel->issue();
            },
            this};
  }
};

TEST_CASE(
    "with a driven engine, a push sink may post the next transfer, and run still keeps its limit") {
  BackendLog log;
  Reposter reposter;
  Engine engine({});
  const auto channel =
      engine.open_stream({.size = 4, .sink = reposter.sink()}, std::make_unique<TestBackend>(log));
  reposter.channel = channel.get();
  reposter.left = 1000;
  REQUIRE(post(*channel, bytes_of(reposter.text), 0).kind == Kind::none);
  channel->issue();
  while (engine.runnable()) {
    CHECK(engine.run(3).completed <= 3);
  }
  CHECK(reposter.pushed == 1001);
}

TEST_CASE("run reports work that a push sink issued to a device whose turn was over") {
  BackendLog sender_log, receiver_log;
  Reposter reposter;
  Engine engine({});
  const auto sender = engine.open_stream({.size = 4}, std::make_unique<TestBackend>(sender_log));
  const auto receiver =
      engine.open_stream({.size = 4, .sink = reposter.sink()},
                         std::make_unique<TestBackend>(receiver_log, Direction::device_to_memory));
  reposter.channel = sender.get();
  reposter.left = 1;
  REQUIRE(post(*receiver, bytes_of(reposter.text), 0).kind == Kind::none);
  receiver->issue();
  CHECK(engine.run(64).runnable);
  engine.run(64);
  CHECK(sender->stats().completed == 1);
}

}  // namespace
}  // namespace bellpull::engine::test
