// SPDX-License-Identifier: BSD-2-Clause
// The contract of stop() and of closing a channel: everything completes once, nothing is touched
// afterwards.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Whole pages that can be taken away from everybody.
class Pages {
 public:
  explicit Pages(std::size_t bytes)
      : bytes_(bytes),
        data_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { ::munmap(data_, bytes_); }

  [[nodiscard]] std::span<std::byte> span() const {
    return {static_cast<std::byte*>(data_), bytes_};
  }
  void forbid() { REQUIRE(::mprotect(data_, bytes_, PROT_NONE) == 0); }

 private:
  std::size_t bytes_;
  void* data_;
};

TEST_CASE(
    "S0.18: stop completes what was under way as aborted and the rest as not_attempted, oldest "
    "first") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting, {.size = 64, .window = 8});
    std::string room(48, '.');
    const auto post_range = [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        REQUIRE(post(*rig.rx, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
      }
    };
    post_range(0, 24);
    rig.rx->issue();
    full_round(rig.engine);  // the back-end holds its window of 8, the ring the other 16
    post_range(24, 32);      // submitted, not issued
    rig.rx->stop();

    std::array<Completion, 64> done;
    REQUIRE(rig.rx->poll(done) == 32);  // all there, without another round
    for (std::size_t i = 0; i < 32; ++i) {
      CHECK(done[i].token == i);
      CHECK(done[i].cookie == i + 1);
      CHECK(done[i].status == (i < 8 ? Status::aborted : Status::not_attempted));
      CHECK(done[i].bytes == 0);
    }
    CHECK(rig.rx->in_flight() == 0);
    CHECK(rig.rx->free_slots() == 64);

    post_range(32, 48);
    rig.rx->issue();
    const auto late = collect(rig.engine, *rig.rx, 16);
    REQUIRE(late.size() == 16);
    for (std::size_t i = 0; i < 16; ++i) {
      CHECK(late[i].token == 32 + i);
      CHECK(late[i].status == Status::not_attempted);
    }
    CHECK(rig.rx->stats().completed == 48);
  }
}

TEST_CASE("S1.9: stop does not start what was submitted and never issued") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    for (std::uint64_t attempt = 0; attempt < scaled(300); ++attempt) {
      std::string text = "no", room = "..";
      Rig rig(setting, {.size = 4, .window = 4, .messages = 4});
      REQUIRE(post(*rig.rx, bytes_of(room), 1).kind == Kind::none);
      rig.rx->issue();
      REQUIRE(post(*rig.tx, bytes_of(text), 1).kind == Kind::none);
      rig.tx->stop();
      const auto done = collect(rig.engine, *rig.tx, 1);
      REQUIRE(done.at(0).status == Status::not_attempted);
      full_round(rig.engine);
      REQUIRE(rig.rx->stats().completed == 0);
      REQUIRE(room == "..");
    }
  }
}

TEST_CASE("stop may be called again, also with something submitted in between") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    std::string room = ".";
    Rig rig(setting);
    rig.rx->stop();
    rig.rx->stop();
    REQUIRE(post(*rig.rx, bytes_of(room), 5).kind == Kind::none);
    rig.rx->stop();
    std::array<Completion, 4> done;
    REQUIRE(rig.rx->poll(done) == 1);
    CHECK(done[0].token == 5);
    CHECK(done[0].status == Status::not_attempted);
    rig.rx->stop();
    CHECK(rig.rx->poll(done) == 0);
  }
}

TEST_CASE("S2.34: after stop the engine writes into no receive buffer, whatever still arrives") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Pages pages(std::size_t{16} * 4096);
    Rig rig(setting);
    for (std::size_t i = 0; i < 16; ++i) {
      REQUIRE(post(*rig.rx, pages.span().subspan(i * 4096, 4096), i).kind == Kind::none);
    }
    rig.rx->issue();
    full_round(rig.engine);
    rig.rx->stop();
    pages.forbid();
    std::string text = "too late";
    for (std::uint64_t i = 0; i < 8; ++i) {
      REQUIRE(post(*rig.tx, bytes_of(text), i).kind == Kind::none);
      rig.tx->issue();
      REQUIRE(collect(rig.engine, *rig.tx, 1).size() == 1);
      full_round(rig.engine);
    }
    CHECK(collect(rig.engine, *rig.rx, 16).size() == 16);
  }
}

TEST_CASE("S2.34: after stop the engine reads no send buffer, although the device could go on") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Pages pages(4096);
    std::string room(4096, '.');
    Rig rig(setting, {.size = 4096, .window = 16});
    std::uint64_t posted = 0;
    // Until the medium is full and transfers wait for it.
    while (post(*rig.tx, pages.span(), posted).kind == Kind::none) ++posted;
    rig.tx->issue();
    for (int i = 0; i < 100; ++i) full_round(rig.engine);
    rig.tx->stop();
    pages.forbid();
    std::vector<Completion> done(4096);
    REQUIRE(rig.tx->poll(done) == posted);
    const auto moved = static_cast<std::uint64_t>(std::count_if(
        done.begin(), done.end(), [](const Completion& c) { return c.status == Status::ok; }));
    CHECK(moved < posted);
    // Exactly what was reported as sent arrives, no more.
    std::uint64_t received = 0;
    for (; received < moved; ++received) {
      REQUIRE(post(*rig.rx, bytes_of(room), 0).kind == Kind::none);
      rig.rx->issue();
      REQUIRE(collect(rig.engine, *rig.rx, 1).size() == 1);
    }
    REQUIRE(post(*rig.rx, bytes_of(room), 0).kind == Kind::none);
    rig.rx->issue();
    for (int i = 0; i < 10; ++i) full_round(rig.engine);
    CHECK(rig.rx->stats().completed == moved);
  }
}

TEST_CASE(
    "S2.34: stopped at a random moment, every transfer that was issued completes exactly once") {
  const std::uint64_t seed = ring::test::announce_seed("stop at random", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    for (std::uint64_t round = 0; round < scaled(200); ++round) {
      CAPTURE(round);
      Rig rig(setting, {.size = 32, .window = 1 + static_cast<unsigned>(random() % 16)});
      std::string text = "x", room(32, '.');
      std::uint64_t tx_posted = 0, rx_posted = 0;
      std::vector<Completion> tx_done, rx_done;
      const auto take = [&](StreamChannel& channel, std::vector<Completion>& into) {
        std::array<Completion, 32> batch;
        const unsigned count = channel.poll(batch);
        into.insert(into.end(), batch.begin(), batch.begin() + count);
      };
      for (std::uint64_t work = random() % 40; work != 0; --work) {
        if (post(*rig.tx, bytes_of(text), tx_posted).kind == Kind::none) ++tx_posted;
        if (post(*rig.rx, bytes_of(room), rx_posted).kind == Kind::none) ++rx_posted;
        if (random() % 3 != 0) rig.tx->issue();
        if (random() % 3 != 0) rig.rx->issue();
        if (random() % 4 == 0) step(rig.engine);
        if (random() % 4 == 0) take(*rig.rx, rx_done);
        if (random() % 4 == 0) take(*rig.tx, tx_done);
      }
      rig.rx->stop();
      rig.tx->stop();
      take(*rig.tx, tx_done);
      take(*rig.rx, rx_done);
      const auto exactly_once = [](const std::vector<Completion>& done, std::uint64_t posted) {
        if (done.size() != posted) return false;
        for (std::size_t i = 0; i < done.size(); ++i) {
          if (done[i].token != i || done[i].cookie != i + 1) return false;
        }
        return true;
      };
      REQUIRE(exactly_once(tx_done, tx_posted));
      REQUIRE(exactly_once(rx_done, rx_posted));
    }
  }
}

TEST_CASE("a push sink hears of every stopped transfer, on the thread that runs the engine") {
  struct Log {
    std::uint64_t aborted = 0, not_attempted = 0, foreign = 0;
    std::thread::id owner = std::this_thread::get_id();
    bool driven = true;
  };
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Log log;
    log.driven = setting.placement == Placement::driven;
    const CompletionSink sink{[](void* context, const Completion& done) noexcept {
                                auto& heard = *static_cast<Log*>(context);
                                if (done.status == Status::aborted) ++heard.aborted;
                                if (done.status == Status::not_attempted) ++heard.not_attempted;
                                if ((std::this_thread::get_id() == heard.owner) != heard.driven) {
                                  ++heard.foreign;
                                }
                              },
                              &log};
    Rig rig(setting, {.size = 32, .window = 8, .rx_sink = sink});
    std::string room(20, '.');
    for (std::size_t i = 0; i < 20; ++i) {
      REQUIRE(post(*rig.rx, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
      if (i == 14) rig.rx->issue();
    }
    full_round(rig.engine);
    rig.rx->stop();
    CHECK(log.aborted == 8);
    CHECK(log.not_attempted == 12);
    CHECK(log.foreign == 0);
  }
}

TEST_CASE("S2.24: a channel can be closed with work in flight while the other end is busy") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    for (std::uint64_t round = 0; round < scaled(100); ++round) {
      Rig rig(setting, {.size = 32});
      std::string text = "x", room(32, '.');
      for (std::size_t i = 0; i < 32; ++i) {
        REQUIRE(post(*rig.rx, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
        REQUIRE(post(*rig.tx, bytes_of(text), i).kind == Kind::none);
      }
      rig.rx->issue();
      rig.tx->issue();
      step(rig.engine);
      (round % 2 == 0 ? rig.rx : rig.tx).reset();
      step(rig.engine);
      StreamChannel& left = round % 2 == 0 ? *rig.tx : *rig.rx;
      left.stop();
      std::array<Completion, 32> done;
      REQUIRE(left.poll(done) == 32);
    }
  }
}

TEST_CASE("S0.15: to stop one channel does not disturb another of the same engine") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    BackendLog log;
    const auto victim = rig.engine.open_stream({}, std::make_unique<TestBackend>(log));
    std::string text = "x", room = ".";
    for (std::uint64_t i = 0; i < 50; ++i) {
      REQUIRE(post(*victim, bytes_of(text), i).kind == Kind::none);
      victim->issue();
      if (i == 25) victim->stop();
      REQUIRE(post(*rig.rx, bytes_of(room), i).kind == Kind::none);
      REQUIRE(post(*rig.tx, bytes_of(text), i).kind == Kind::none);
      rig.rx->issue();
      rig.tx->issue();
      CHECK(collect(rig.engine, *rig.tx, 1).at(0).status == Status::ok);
      CHECK(collect(rig.engine, *rig.rx, 1).at(0).status == Status::ok);
    }
  }
}

TEST_CASE(
    "channels of one autonomous engine can have owners of their own, who open, stop and close at "
    "will") {
  Engine engine({.placement = Placement::autonomous});
  std::array<std::uint64_t, 2> wrong{};
  const auto own = [&](std::size_t who) {
    std::string text = "x";
    for (std::uint64_t round = 0; round < scaled(500); ++round) {
      BackendLog log;
      const auto channel = engine.open_stream({.size = 8}, std::make_unique<TestBackend>(log));
      for (std::uint64_t i = 0; i < 8; ++i) {
        if (post(*channel, bytes_of(text), i).kind != Kind::none) ++wrong[who];
      }
      channel->issue();
      channel->stop();
      std::array<Completion, 8> done;
      if (channel->poll(done) != 8) ++wrong[who];
      if (log.foreign_calls.load() != 0) ++wrong[who];
    }
  };
  std::thread other(own, 1);
  own(0);
  other.join();
  CHECK(wrong[0] == 0);
  CHECK(wrong[1] == 0);
}

}  // namespace
}  // namespace bellpull::engine::test
