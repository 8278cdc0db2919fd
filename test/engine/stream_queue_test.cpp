// SPDX-License-Identifier: BSD-2-Clause
// The contract of a stream whose ring the client holds itself.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <semaphore>
#include <string>
#include <system_error>
#include <vector>

#include "bellpull/engine/copy_backend.hpp"
#include "long_run.hpp"
#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "stream_queue_rig.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

TEST_CASE_TEMPLATE("frames go through two bare rings whole, in order and once", Layout, ring::Split,
                   ring::Packed) {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    constexpr std::size_t kFrames = 16, kBytes = 128;
    Engine engine({.placement = placement});
    LoopbackPair ends = make_loopback({.messages = 8, .max_length = kBytes, .window = 8});
    BareQueue<Layout> tx(engine, 64, std::move(ends.sender));
    BareQueue<Layout> rx(engine, 64, std::move(ends.receiver));
    std::vector<std::byte> from(kFrames * kBytes), to(kFrames * kBytes);
    const auto frame = [&](std::vector<std::byte>& memory, std::uint64_t number) {
      return std::span(memory).subspan(number % kFrames * kBytes, kBytes);
    };
    const auto length_of = [](std::uint64_t number) { return 8 + number % (kBytes - 8); };
    const std::uint64_t wanted = scaled(50'000);
    std::uint64_t sent = 0, sent_back = 0, posted = 0, received = 0, wrong = 0;
    const auto turn = [&] {
      for (; posted < received + kFrames; ++posted) {
        rx.post({frame(to, posted).first(40), frame(to, posted).subspan(40)}, posted);
      }
      rx.publish();
      for (; sent < sent_back + kFrames && sent < wanted; ++sent) {
        const auto memory = frame(from, sent).first(length_of(sent));
        std::memcpy(memory.data(), &sent, sizeof sent);
        tx.post({memory.first(5), memory.subspan(5)}, sent);
      }
      tx.publish();
      tx.driver.poll(64, [&](const ring::Used& used) noexcept {
        const StreamResult& result = tx.queue->result(used.head);
        wrong += used.token != sent_back || used.length != 0 || result.status != Status::ok ||
                 result.bytes != length_of(sent_back);
        ++sent_back;
      });
      rx.driver.poll(64, [&](const ring::Used& used) noexcept {
        const StreamResult& result = rx.queue->result(used.head);
        std::uint64_t number = 0;
        std::memcpy(&number, frame(to, received).data(), sizeof number);
        wrong += used.token != received || number != received ||
                 used.length != length_of(received) || result.bytes != used.length ||
                 result.status != Status::ok;
        ++received;
      });
      return received == wanted && sent_back == wanted;
    };
    CHECK(until(engine, turn, [&] { return received + sent_back; }));
    CHECK(wrong == 0);
    CHECK(rx.queue->stats().completed == wanted);
    CHECK(rx.queue->stats().submitted == 0);
    CHECK(tx.driver.free_descriptors() == 64);
  }
}

// What the first byte of a transfer tells it to: 'e' fails, '.' ends the stream.
class ObedientBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  Reaped reap(std::span<Done> done) noexcept override {
    if (held_.empty() || !log_.gate.load()) return TestBackend::reap(done);
    const auto what = static_cast<char>(held_.front().source.front().data[0]);
    const Reaped reaped = TestBackend::reap(done.first(1));
    if (what == 'e') {
      done[0].bytes = 1;
      done[0].error = ECOMM;
    }
    done[0].end = what == '.';
    return reaped;
  }
};

TEST_CASE_TEMPLATE("the result of a head says how its chain ended", Layout, ring::Split,
                   ring::Packed) {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine({.placement = placement});
    BackendLog log;
    BareQueue<Layout> bare(engine, 32, std::make_unique<ObedientBackend>(log));
    std::string text = "okee.";
    for (std::size_t i = 0; i < text.size(); ++i) {
      bare.post({bytes_of(text).subspan(i, 1)}, i);
    }
    bare.publish();
    const auto done = bare.collect(text.size());
    REQUIRE(done.size() == text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
      CAPTURE(i);
      const bool failed = text[i] == 'e';
      CHECK(done[i].used.token == i);
      CHECK(done[i].result.bytes == 1);
      CHECK(done[i].result.error == (failed ? ECOMM : 0));
      CHECK(done[i].result.status == (failed           ? Status::failed
                                      : text[i] == '.' ? Status::end_of_stream
                                                       : Status::ok));
    }
    CHECK(bare.queue->stats().failed == 3);
    CHECK(bare.queue->stats().bytes == 5);
  }
}

TEST_CASE_TEMPLATE("stop gives all published chains back, oldest first, and later ones at once",
                   Layout, ring::Split, ring::Packed) {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine({.placement = placement});
    LoopbackPair ends = make_loopback({.messages = 4, .max_length = 8, .window = 8});
    BareQueue<Layout> bare(engine, 32, std::move(ends.receiver));
    std::string room(32, '.');
    const auto post_range = [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) bare.post({bytes_of(room).subspan(i, 1)}, i);
    };
    post_range(0, 20);
    bare.publish();
    full_round(engine);  // the back-end holds its window of 8, the ring the other 12
    post_range(20, 22);
    bare.driver.publish();  // and nobody is kicked
    post_range(22, 24);     // not published
    bare.queue->stop();
    bare.queue->stop();
    const auto done = bare.poll();
    REQUIRE(done.size() == 22);
    for (std::size_t i = 0; i < 22; ++i) {
      CHECK(done[i].used.token == i);
      CHECK(done[i].used.length == 0);
      CHECK(done[i].result.status == (i < 8 ? Status::aborted : Status::not_attempted));
    }
    bare.publish();
    const auto late = bare.collect(2);
    REQUIRE(late.size() == 2);
    for (const Ended& one : late) CHECK(one.result.status == Status::not_attempted);
    CHECK(bare.driver.free_descriptors() == 32);
    CHECK(bare.queue->stats().completed == 24);
  }
}

TEST_CASE_TEMPLATE("a queue may be closed with chains in flight", Layout, ring::Split,
                   ring::Packed) {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine({.placement = placement});
    std::string room(8, '.'), text = "late";
    LoopbackPair ends = make_loopback({.messages = 4, .max_length = 8});
    const auto tx = engine.open_stream({.size = 4}, std::move(ends.sender));
    {
      BareQueue<Layout> bare(engine, 8, std::move(ends.receiver));
      bare.post({bytes_of(room)}, 1);
      bare.publish();
      full_round(engine);
    }
    REQUIRE(post(*tx, bytes_of(text), 1).kind == PrepareError::Kind::none);
    tx->issue();
    CHECK(collect(engine, *tx, 1).size() == 1);
    full_round(engine);
    CHECK(room == "........");
    CHECK(engine.stats().closed >= 1);
  }
}

TEST_CASE_TEMPLATE("a chain of more segments than the back-end takes comes back and never begins",
                   Layout, ring::Split, ring::Packed) {
  Engine engine({});
  BackendLog log;
  BareQueue<Layout> bare(engine, 16, std::make_unique<TestBackend>(log));
  std::string text = "abcdef";
  REQUIRE(bare.queue->capabilities().max_segments == 4);
  std::vector<std::span<std::byte>> pieces;
  for (std::size_t i = 0; i < 5; ++i) pieces.push_back(bytes_of(text).subspan(i, 1));
  bare.post(pieces, 1);
  pieces.pop_back();
  bare.post(pieces, 2);
  bare.publish();
  engine.run(64);
  CHECK(log.started.load() == 1);
  const auto done = bare.poll();
  REQUIRE(done.size() == 2);
  CHECK(done[0].used.length == 0);
  const auto& taken =
      *std::find_if(done.begin(), done.end(), [](const Ended& one) { return one.used.token == 2; });
  CHECK(taken.result.bytes == 4);
  CHECK(bare.driver.free_descriptors() == 16);
}

TEST_CASE_TEMPLATE("who armed the ring of a driven engine and finds it settled sleeps on no work",
                   Layout, ring::Split, ring::Packed) {
  const std::uint64_t seed = ring::test::announce_seed("turns", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Engine engine({});
  BackendLog log;
  BellCounter bell;
  BareQueue<Layout> bare(engine, 16, std::make_unique<TestBackend>(log), bell.notify());
  CHECK_FALSE(bare.driver.arm());
  CHECK(bare.queue->settled());
  std::string text = "x";
  std::uint64_t posted = 0, polled = 0, sleeps = 0, arms = 0;
  for (std::uint64_t turn = 0; turn < scaled(100'000); ++turn) {
    const std::uint64_t bits = random();
    for (std::uint64_t left = bits % 4; left != 0 && bare.driver.free_descriptors() != 0; --left) {
      bare.post({bytes_of(text)}, posted++);
    }
    if ((bits >> 8) % 2 == 0) REQUIRE_FALSE(bare.driver.publish_and_test());  // asks for no kick
    if ((bits >> 16) % 2 == 0) engine.run(static_cast<unsigned>((bits >> 24) % 8));
    if ((bits >> 32) % 2 == 0) polled += bare.poll().size();
    ++arms;
    if (bare.driver.arm() || !bare.queue->settled()) continue;
    ++sleeps;
    const std::uint64_t rung = bell.rung.load();
    REQUIRE(engine.run(64).completed == 0);
    REQUIRE(bell.rung.load() == rung);
  }
  CHECK(polled > scaled(10'000));
  CHECK(sleeps > scaled(1'000));
  CHECK(bell.rung.load() <= arms);
  CHECK(bell.rung.load() != 0);
  CHECK(bare.queue->stats().notifies == bell.rung.load());
  CHECK(engine.stats().doorbells == 0);
}

TEST_CASE_TEMPLATE("the bell of a bare ring rings once per arm, however many chains end", Layout,
                   ring::Split, ring::Packed) {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine({.placement = placement});
    BellCounter bell;
    LoopbackPair ends = make_loopback({.messages = 16, .max_length = 8});
    const auto tx = engine.open_stream({.size = 16}, std::move(ends.sender));
    BareQueue<Layout> rx(engine, 16, std::move(ends.receiver), bell.notify());
    std::string room(16, '.'), text = "x";
    const auto send = [&](int count) {
      for (; count != 0; --count) {
        REQUIRE(post(*tx, bytes_of(text), 0).kind == PrepareError::Kind::none);
        tx->issue();
        REQUIRE(collect(engine, *tx, 1).size() == 1);
        full_round(engine);
        full_round(engine);  // the receiver's turn may have come before the sender's
      }
    };
    for (std::uint64_t arms = 0; arms < 20; ++arms) {
      for (std::size_t i = 0; i < 4; ++i) rx.post({bytes_of(room).subspan(i, 1)}, i);
      rx.publish();
      full_round(engine);
      if (arms % 2 == 1) {  // not armed again: silent
        send(4);
        CHECK(bell.rung.load() == arms / 2 + 1);
      } else {
        REQUIRE_FALSE(rx.driver.arm());
        CHECK(rx.queue->settled());
        CHECK(bell.rung.load() == arms / 2);
        send(4);
        CHECK(bell.rung.load() == arms / 2 + 1);
        CHECK(rx.driver.arm());  // there is something: the caller polls again
      }
      CHECK(rx.collect(4).size() == 4);
      if (arms % 2 == 0) rx.driver.disarm();
    }
  }
}

// A bell that is slept on.
struct SemaphoreBell {
  std::counting_semaphore<> rings{0};
  Notify notify() {
    return {[](void* context) noexcept { static_cast<SemaphoreBell*>(context)->rings.release(); },
            this};
  }
  [[nodiscard]] bool sleep() { return rings.try_acquire_for(kStuck); }
};

TEST_CASE_TEMPLATE("owner of a bare ring and engine both sleep and always wake each other", Layout,
                   ring::Split, ring::Packed) {
  const std::uint64_t seed = ring::test::announce_seed("delays", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto delay = [&random] {
    const std::uint64_t bits = random();
    const std::uint64_t most = std::uint64_t{1} << (bits % 15);
    for (std::uint64_t left = (bits >> 8) % most; left != 0; --left) {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
    }
  };
  Engine engine({.placement = Placement::autonomous});
  BackendLog log;
  SemaphoreBell bell;
  BareQueue<Layout> bare(engine, 8, std::make_unique<TestBackend>(log), bell.notify());
  const std::uint64_t opened = engine.stats().doorbells;
  const std::uint64_t wanted = scaled(long_run() ? 1'000'000 : 100'000);
  std::string text = "x";
  std::uint64_t rounds = 0, sleeps = 0, arms = 0;
  for (bool well = true; rounds < wanted && well; ++rounds) {
    const std::uint64_t count = 1 + random() % 3;
    for (std::uint64_t i = 0; i < count; ++i) bare.post({bytes_of(text)}, i);
    bare.publish();
    delay();
    for (std::size_t got = bare.poll().size(); got < count && well; got += bare.poll().size()) {
      ++arms;
      if (bare.driver.arm() || !bare.queue->settled()) continue;
      ++sleeps;
      well = bell.sleep();
    }
    CHECK_MESSAGE(well, "stalled in round " << rounds);
  }
  const EngineStats stats = engine.stats();
  MESSAGE(rounds << " rounds, " << arms << " arms, " << sleeps << " sleeps, " << bare.kicks
                 << " kicks, " << stats.waits << " waits");
  CHECK(rounds == wanted);
  CHECK(sleeps != 0);  // or nothing was tested
  CHECK(bare.queue->stats().notifies <= arms);
  // Kicked when it was asked for, and only then.
  CHECK(bare.kicks != 0);
  CHECK(stats.doorbells - opened == bare.kicks);
}

TEST_CASE("a queue that cannot be opened says why and leaves the engine as it was") {
  Engine engine({});
  BackendLog log;
  const auto backend = [&] { return std::make_unique<TestBackend>(log); };
  CHECK_THROWS_WITH_AS((void)engine.open_queue({}, nullptr),
                       "open stream queue: there is no back-end; make one first",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS((void)engine.open_queue({}, make_copy_backend()),
                       "open stream queue: the back-end must declare one operation, read or write; "
                       "open an operation channel over others",
                       std::invalid_argument);
  const CompletionSink sink{[](void*, const Completion&) noexcept {}, nullptr};
  CHECK_THROWS_WITH_AS((void)engine.open_queue({.sink = sink}, backend()),
                       "open stream queue: completions stay in its used ring; open a stream "
                       "channel for a sink",
                       std::invalid_argument);
  StreamOptions finishing;
  finishing.on_close = OnClose::finish;
  CHECK_THROWS_WITH_AS((void)engine.open_queue(finishing, backend()),
                       "open stream queue: what is issued only its client knows; poll all of it "
                       "before closing",
                       std::invalid_argument);
  CHECK_THROWS_AS((void)engine.open_queue({.size = 3}, backend()), std::system_error);
  CHECK(engine.stats().opened == 0);
  CHECK_FALSE(engine.runnable());
}

}  // namespace
}  // namespace bellpull::engine::test
