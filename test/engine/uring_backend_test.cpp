// SPDX-License-Identifier: BSD-2-Clause
// The io_uring back-end alone: order, what fails in the middle of a batch, what it costs, and what
// it leaves behind.
#include "bellpull/engine/uring_backend.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "bellpull/engine/conformance.hpp"
#include "seeds.hpp"
#include "uring_rig.hpp"

namespace bellpull::engine::test {
namespace {

using Numbers = std::vector<unsigned>;

Numbers count_to(unsigned end, unsigned first = 0) {
  Numbers numbers(end - first);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

}  // namespace

TEST_CASE("check 35: the io_uring back-end passes, on messages and on byte streams") {
  if (no_uring()) return;
  for (const bool reads : {false, true}) {
    for (const Far kind : {Far::datagrams, Far::bytes, Far::pipe}) {
      CAPTURE(reads);
      CAPTURE(static_cast<int>(kind));
      std::unique_ptr<FarEnd> far;
      FdCounters counters;
      conformance::Subject subject;
      subject.make = [&] {
        far = std::make_unique<FarEnd>(kind, reads);
        FdOptions options = far->options();
        options.window = 12;
        return make_uring_backend(options, counters);
      };
      subject.peer.send = [&](std::span<const std::byte> message) { return far->send(message); };
      subject.peer.receive = [&](std::span<std::byte> into) { return far->receive(into); };
      const conformance::Report report =
          conformance::run(subject, {.seed = 7, .max_length = 1u << 16, .rounds = 24});
      CHECK_MESSAGE(report.passed(), report.text());
    }
  }
}

TEST_CASE("messages that are read in batches come in their order, and there is an end to them") {
  if (no_uring()) return;
  FarEnd far(Far::packets, true);
  Bench bench(far);
  for (const unsigned wanted : {1u, 3u, 40u, 64u, 64u, 5u, 64u, 0u, 2u}) {
    bench.post(64 - bench.posted());
    for (unsigned i = 0; i < wanted; ++i) REQUIRE(far.send_number(i));
    CHECK(bench.reap_all() == count_to(wanted));
    CHECK(bench.would_block() == (wanted < 64));
  }
  CHECK(workers() == 0);
}

TEST_CASE("messages that are written in batches come in their order, whatever is in the way") {
  if (no_uring()) return;
  for (const Far kind : {Far::packets, Far::datagrams}) {
    FarEnd far(kind, false);
    Bench bench(far);
    std::mt19937_64 random(ring::test::announce_seed("io_uring writes", 14));
    Numbers received;
    for (unsigned sent = 0; received.size() < 5000;) {
      const auto wish = static_cast<unsigned>(random() % 65);
      sent += bench.post(std::min(wish, 64 - bench.posted()), sent);
      static_cast<void>(bench.reap_all());
      for (auto takes = random() % 40; takes != 0; --takes) {
        if (const auto number = far.receive_number()) received.push_back(*number);
      }
    }
    CHECK(received == count_to(static_cast<unsigned>(received.size())));
    CHECK(bench.counters.would_block.value() > 0);
    CHECK(workers() == 0);
  }
}

TEST_CASE("a write that fails in the middle of a batch ends it: nothing behind it has moved") {
  if (no_uring()) return;
  FarEnd far(Far::datagrams, false);
  far.widen();
  Bench bench(far);
  bench.lengthen(4, 1u << 22);  // too long for the socket
  bench.post(8);
  CHECK(bench.reap() == count_to(5));
  CHECK(bench.last().error == EMSGSIZE);
  CHECK(bench.last().id == Bench::id_of(4));
  for (unsigned i = 0; i < 4; ++i) CHECK(far.receive_number() == i);
  CHECK_FALSE(far.receive_number());
  CHECK(bench.reap() == count_to(8, 5));
  for (unsigned i = 5; i < 8; ++i) CHECK(far.receive_number() == i);
}

TEST_CASE("reads that fail in the middle of a batch are reported behind the others, one by one") {
  if (no_uring()) return;
  FarEnd far(Far::datagrams, true);
  far.widen();
  Bench bench(far);
  // What was given last time is what is offered this time.
  bench.post(8);
  for (unsigned i = 0; i < 8; ++i) REQUIRE(far.send_number(i));
  CHECK(bench.reap_all().size() == 8);
  bench.forget();
  bench.close_buffer(2);
  bench.close_buffer(5);
  bench.post(8);
  for (unsigned i = 0; i < 8; ++i) REQUIRE(far.send_number(i));
  CHECK(bench.reap() == Numbers{0, 1, 3, 4, 6, 7, 2});
  CHECK(bench.last().error == EFAULT);
  CHECK_FALSE(bench.would_block());
  CHECK_FALSE(bench.backend->cancel(Bench::id_of(5)));
  CHECK(bench.reap() == Numbers{5});
  CHECK(bench.last().error == EFAULT);
  CHECK(workers() == 0);
}

TEST_CASE("check 14: 64 transfers cost one io_uring_enter, a lone one what a plain read costs") {
  if (no_uring()) return;
  for (const bool reads : {true, false}) {
    FarEnd far(Far::packets, reads);
    Bench bench(far);
    std::uint64_t before = 0;
    constexpr unsigned kRounds = 40;
    for (unsigned round = 0; round < kRounds; ++round) {
      if (round == 8) before = bench.counters.calls.value();  // it has learned what to expect
      bench.post(64 - bench.posted());
      for (unsigned i = 0; reads && i < 64; ++i) REQUIRE(far.send_number(i));
      CHECK(bench.reap() == count_to(64));
      while (!reads && far.receive_number()) {
      }
    }
    CHECK(bench.counters.calls.value() - before == kRounds - 8);
  }
  FarEnd far(Far::packets, true);
  Bench bench(far);
  bench.post(64);
  for (unsigned round = 0; round < 10; ++round) {
    const std::uint64_t before = bench.counters.calls.value();
    REQUIRE(far.send_number(0));
    CHECK(bench.reap_all().size() == 1);
    CHECK(bench.counters.calls.value() - before == 2);  // the message, and that there is no more
    bench.post(1);
  }
}

TEST_CASE("two large transfers cost one io_uring_enter once one was large, two small ones do not") {
  if (no_uring()) return;
  for (const bool reads : {true, false}) {
    for (const std::size_t size : {std::size_t{64}, std::size_t{8192}}) {
      CAPTURE(reads);
      CAPTURE(size);
      FarEnd far(Far::datagrams, reads);
      far.widen();
      Bench bench(far);
      for (unsigned slot = 0; slot < 64; ++slot) bench.lengthen(slot, size);
      std::vector<std::byte> message(size);
      for (unsigned round = 0; round < 6; ++round) {
        const std::uint64_t before = bench.counters.calls.value();
        bench.post(2);
        for (unsigned i = 0; reads && i < 2; ++i) REQUIRE(far.send(message));
        CHECK(bench.reap().size() == 2);
        // The first round has seen nothing yet, the second enables the ring.
        if (round > 1) CHECK(bench.counters.calls.value() - before == (size == 64 ? 2 : 1));
        while (!reads && far.receive(message) != 0) {
        }
      }
    }
  }
}

TEST_CASE("check 9: who polls a device that has nothing makes no system call, and misses nothing") {
  if (no_uring()) return;
  FarEnd far(Far::packets, true);
  Bench bench(far);
  bench.post(64);
  for (unsigned round = 0; round < 100; ++round) {
    CHECK(bench.reap_all().empty());
    REQUIRE(bench.backend->quiet());
    const std::uint64_t calls = bench.counters.calls.value();
    for (int i = 0; i < 1000; ++i) REQUIRE(bench.backend->quiet());
    CHECK(bench.counters.calls.value() == calls);
    const unsigned burst = round % 7 * 10 + 1;
    for (unsigned i = 0; i < burst; ++i) REQUIRE(far.send_number(i));
    REQUIRE_FALSE(bench.backend->quiet());
    CHECK(bench.reap_all() == count_to(burst));
    bench.post(burst);
  }
  // What came before it is asked.
  CHECK(bench.reap_all().empty());
  REQUIRE(far.send_number(0));
  CHECK_FALSE(bench.backend->quiet());
  CHECK(workers() == 0);
}

TEST_CASE("after stop() the descriptor belongs to nobody but its owner") {
  if (no_uring()) return;
  for (const bool watched : {false, true}) {
    FarEnd far(Far::packets, true);
    Bench bench(far);
    bench.post(8);
    CHECK(bench.reap_all().empty());
    if (watched) CHECK(bench.backend->quiet());
    bench.backend->stop();
    far.close_near();
    CHECK_FALSE(far.send_number(0));  // nobody reads any more
    CHECK(errno == EPIPE);
  }
}

TEST_CASE("a ring is the first thread's: for another one plain calls do") {
  if (no_uring()) return;
  FarEnd far(Far::packets, true);
  Bench bench(far);
  const auto round = [&] {
    bench.post(64 - bench.posted());
    for (unsigned i = 0; i < 64; ++i) REQUIRE(far.send_number(i));
    return bench.reap_all();
  };
  Numbers there;
  std::thread([&] {
    for (int i = 0; i < 3; ++i) there = round();
  }).join();
  CHECK(there == count_to(64));
  for (int i = 0; i < 3; ++i) CHECK(round() == count_to(64));
}

TEST_CASE("where io_uring is forbidden or missing it says so and how to get it") {
  if (no_uring()) return;
  struct Case {
    int error;
    const char* words;
  };
  for (const Case& one : {Case{EPERM, "kernel.io_uring_disabled"}, Case{ENOSYS, "CONFIG_IO_URING"},
                          Case{ENOMEM, "ulimit -l"}}) {
    CAPTURE(one.words);
    const Refused refused = without_uring(one.error);
    CHECK(refused.code == one.error);
    CHECK(refused.thrown.find("io_uring_setup") != std::string::npos);
    CHECK(refused.thrown.find(one.words) != std::string::npos);
    CHECK(refused.told.starts_with("io_uring_setup: "));
    CHECK(refused.told.find(one.words) != std::string::npos);
  }
  CHECK(uring_refusal().reason.empty());
}

TEST_CASE("it refuses what the plain back-end refuses") {
  if (no_uring()) return;
  FdCounters counters;
  CHECK_THROWS_AS((void)make_uring_backend({.fd = -1}, counters), std::system_error);
  CHECK_THROWS_AS(
      (void)make_uring_backend({.fd = 0, .direction = Direction::device_to_device}, counters),
      std::invalid_argument);
  FarEnd far(Far::packets, false);
  FdOptions options = far.options();
  options.window = 0;
  CHECK_THROWS_AS((void)make_uring_backend(options, counters), std::invalid_argument);
}

}  // namespace bellpull::engine::test
