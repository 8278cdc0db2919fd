// SPDX-License-Identifier: BSD-2-Clause
// The life of an operation channel: pause, resume, terminate, status, settings, stop.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <sstream>
#include <thread>

#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

[[nodiscard]] OperationRequest nop(std::uint64_t token) {
  return {.operation = Operation::nop, .token = token};
}

// A copy large enough that it is under way for many slices.
struct LargeCopy {
  explicit LargeCopy(std::size_t size) : to(size) {
    std::mt19937_64 random(11);
    from.resize(size);
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
      const std::uint64_t word = random();
      std::memcpy(from.data() + i, &word, sizeof word);
    }
    source = {from.data(), size};
    destination = {to.data(), size};
  }
  [[nodiscard]] OperationRequest request() const {
    OperationRequest copy{.operation = Operation::copy};
    copy.source = {&source, 1};
    copy.destination = {&destination, 1};
    return copy;
  }
  std::vector<std::byte> from;
  std::vector<std::byte> to;
  Segment source;
  Segment destination;
};

TEST_CASE("S0.3, S1.9: nothing moves before issue, and submit copies nothing itself") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    OperationRig rig(setting, make_copy_backend());
    LargeCopy large(scaled(std::uint64_t{1} << 24));
    REQUIRE(rig.submit(large.request()) == 1);
    for (int i = 0; i < 100; ++i) step(rig.engine);
    CHECK(std::all_of(large.to.begin(), large.to.end(),
                      [](std::byte byte) { return byte == std::byte{}; }));
    const TransferStatus before = rig.channel->status(1);
    CHECK(before.state == TransferState::in_progress);
    CHECK(before.left == large.to.size());
    rig.channel->issue();
    if (setting.placement == Placement::driven) CHECK(large.to != large.from);
    REQUIRE(rig.collect(1).size() == 1);
    CHECK(large.to == large.from);
  }
}

TEST_CASE("S2.32, S2.33, check 13: a paused channel moves no byte and goes on where it was") {
  const std::uint64_t seed = ring::test::announce_seed("pause and resume", 3);
  std::mt19937_64 random(seed);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    const std::uint64_t size = scaled(std::uint64_t{1} << 22);
    OperationRig rig(setting,
                     make_copy_backend({.slice = static_cast<std::uint32_t>(size / 1024)}));
    LargeCopy large(size);
    CHECK_FALSE(rig.channel->resume());
    REQUIRE(rig.submit(large.request()) == 1);
    rig.channel->issue();
    int in_the_middle = 0;
    for (int i = 0; i < 50; ++i) {
      for (std::uint64_t k = random() % 20; k != 0; --k) rig.engine.run(8);
      REQUIRE(rig.channel->pause());
      CHECK_FALSE(rig.channel->pause());
      const TransferStatus status = rig.channel->status(1);
      const std::vector<std::byte> snapshot = large.to;
      step(rig.engine);
      step(rig.engine);
      CHECK(large.to == snapshot);
      const std::size_t moved = large.to.size() - status.left;
      if (moved != 0 && moved != large.to.size()) ++in_the_middle;
      CHECK(std::equal(large.to.begin(), large.to.begin() + static_cast<long>(moved),
                       large.from.begin()));
      // What lies behind was not touched, or the numbers lie.
      CHECK(std::all_of(large.to.begin() + static_cast<long>(moved), large.to.end(),
                        [](std::byte byte) { return byte == std::byte{}; }));
      REQUIRE(rig.channel->resume());
    }
    if (setting.placement == Placement::driven) CHECK(in_the_middle > 10);
    const auto done = rig.collect(1);
    REQUIRE(done.size() == 1);
    CHECK(done[0].bytes == large.to.size());
    CHECK(large.to == large.from);
  }
}

TEST_CASE("S4.1: pausing does not change what is armed, arming does not change what is paused") {
  int rings = 0;
  Hand hand;
  const Notify notify{[](void* context) noexcept { ++*static_cast<int*>(context); }, &rings};
  OperationRig rig({}, std::make_unique<HandBackend>(hand), {.notify = notify});
  rig.submit(nop(0));
  rig.submit(nop(1));
  rig.channel->issue();
  rig.engine.run(8);
  CHECK(rig.channel->pause());
  CHECK(rig.channel->arm() == Armed::armed);
  CHECK(hand.pauses == 1);
  hand.end(0);
  rig.engine.run(8);
  CHECK(rings == 0);
  rig.channel->disarm();
  CHECK(rig.channel->arm() == Armed::armed);
  CHECK(rig.channel->resume());
  CHECK(hand.resumes == 1);
  rig.engine.run(8);
  CHECK(rings == 1);  // armed through the pause
  std::array<OperationCompletion, 4> done;
  CHECK(rig.channel->poll(done) == 1);
  // Over before the pause, polled in it.
  hand.end(0);
  rig.engine.run(8);
  CHECK(rig.channel->pause());
  CHECK(rig.channel->poll(done) == 1);
}

TEST_CASE("S2.34, S2.24: terminate ends all that was submitted, once, and the channel goes on") {
  for (const bool sync : {true, false}) {
    CAPTURE(sync);
    Hand hand;
    hand.window = 2;
    OperationRig rig({}, std::make_unique<HandBackend>(hand));
    Bytes from(10);
    Bytes to(10);
    OperationRequest copy{.operation = Operation::copy};
    copy.source = from.list();
    copy.destination = to.list();
    for (std::uint64_t i = 0; i < 3; ++i) rig.submit(copy);
    rig.channel->issue();
    rig.engine.run(8);
    REQUIRE(hand.held.size() == 2);
    rig.submit(copy);  // not issued
    hand.progress = 4;
    std::array<OperationCompletion, 8> done;
    if (sync) {
      rig.channel->terminate();
    } else {
      rig.channel->terminate_async();
      rig.channel->terminate_async();  // twice is once
      CHECK(hand.stops == 0);
      rig.submit(nop(9));  // younger than the wish
      rig.channel->issue();
      CHECK(rig.engine.runnable());
      rig.engine.run(8);
      rig.channel->synchronize();
    }
    CHECK(hand.stops == 1);
    REQUIRE(rig.channel->poll(done) == 4);
    for (unsigned i = 0; i < 4; ++i) {
      CHECK(done[i].cookie == i + 1);
      CHECK(done[i].status == (i < 2 ? Status::aborted : Status::not_attempted));
      CHECK(done[i].bytes == (i < 2 ? 4 : 0));
    }
    if (sync) rig.submit(nop(9));
    rig.channel->issue();
    rig.engine.run(8);
    REQUIRE(hand.held.size() == 1);
    hand.end(0);
    rig.engine.run(8);
    REQUIRE(rig.channel->poll(done) == 1);
    CHECK(done[0].token == 9);
    CHECK(done[0].status == Status::ok);
    CHECK(rig.channel->free_slots() == 256);
  }
}

TEST_CASE("S2.34, check 14: after synchronize no memory of what was terminated is touched") {
  const std::uint64_t seed = ring::test::announce_seed("terminate", 5);
  std::mt19937_64 random(seed);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    OperationRig rig(setting, make_copy_backend({.slice = 1024}), {.size = 64});
    for (int round = 0; round < 60; ++round) {
      LargeCopy large(std::size_t{1} << 16);
      const std::uint64_t count = 1 + random() % 8;
      for (std::uint64_t i = 0; i < count; ++i) REQUIRE(rig.submit(large.request()) != 0);
      rig.channel->issue();
      for (std::uint64_t k = random() % 60; k != 0; --k) step(rig.engine);
      rig.channel->terminate();
      const std::vector<std::byte> snapshot = large.to;
      const auto done = rig.collect(count);
      REQUIRE(done.size() == count);
      for (const OperationCompletion& each : done) {
        if (each.status == Status::ok) CHECK(each.bytes == large.to.size());
        if (each.status == Status::not_attempted) CHECK(each.bytes == 0);
      }
      step(rig.engine);
      CHECK(large.to == snapshot);
      REQUIRE(rig.channel->free_slots() == 64);
    }
  }
}

TEST_CASE("S2.30, S2.10, check 18: status knows every cookie, and how much is left") {
  Hand hand;
  hand.window = 2;
  OperationRig rig({}, std::make_unique<HandBackend>(hand), {.size = 16});
  Bytes from(100);
  Bytes to(100);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  CHECK(rig.channel->status(0).state == TransferState::unknown);
  CHECK(rig.channel->status(1).state == TransferState::unknown);
  for (int i = 0; i < 3; ++i) rig.submit(copy);
  CHECK(rig.channel->status(3).left == 100);
  CHECK(rig.channel->status(4).state == TransferState::unknown);
  rig.channel->issue();
  hand.progress = 30;
  rig.engine.run(8);
  CHECK(rig.channel->status(1).left == 70);
  CHECK(rig.channel->status(2).left == 100);  // behind it
  hand.end(0);
  hand.progress = 10;
  rig.engine.run(8);
  CHECK(rig.channel->status(1).state == TransferState::complete);
  CHECK(rig.channel->status(1).left == 0);
  CHECK(rig.channel->status(2).left == 90);
  std::array<OperationCompletion, 4> done;
  CHECK(rig.channel->poll(done) == 1);
  // Long after: its slot is another's now, its cookie is not (a stale one never looks alive).
  for (int i = 0; i < 100; ++i) {
    rig.submit(nop(0));
    rig.channel->issue();
    rig.engine.run(8);
    while (!hand.held.empty()) hand.end(0);
    rig.engine.run(8);
    while (rig.channel->poll(done) != 0) {
    }
    CHECK(rig.channel->status(1).state == TransferState::complete);
    CHECK(rig.channel->status(2).state == TransferState::complete);
  }
}

TEST_CASE("S2.10: what is left of a transfer that is cut up counts its parts") {
  Hand hand;
  OperationRig rig(
      {}, std::make_unique<HandBackend>(hand, Capabilities{.operations = kMemoryOperations,
                                                           .max_length = 10,
                                                           .residue = Granularity::burst}));
  Bytes from(25);
  Bytes to(25);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  rig.submit(copy);
  rig.channel->issue();
  for (const std::uint64_t left : {25u, 15u, 5u}) {
    rig.engine.run(8);
    CHECK(rig.channel->status(1).left == left);
    REQUIRE(hand.held.size() == 1);
    hand.end(0);
  }
  rig.engine.run(8);
  CHECK(rig.channel->status(1).state == TransferState::complete);
}

TEST_CASE("S2.31, check 19: settings hold for what is prepared later") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  const auto start = [&](std::uint64_t token) { rig.submit(nop(token)); };
  start(0);
  CHECK(rig.channel->configure({.burst = 512}));
  start(1);
  OperationRequest request = nop(2);
  PrepareResult prepared = rig.channel->prepare({&request, 1});
  CHECK(rig.channel->configure({.burst = 64}));
  rig.channel->submit(std::move(prepared.prepared));
  start(3);
  rig.channel->issue();
  rig.engine.run(8);
  REQUIRE(hand.held.size() == 4);
  CHECK(hand.held[0].burst == 0);
  CHECK(hand.held[1].burst == 512);
  CHECK(hand.held[2].burst == 512);
  CHECK(hand.held[3].burst == 64);
  OperationRig plain({}, std::make_unique<HandBackend>(
                             hand, Capabilities{.operations = {Operation::nop}, .max_length = 1}));
  CHECK_FALSE(plain.channel->configure({.burst = 1}));
  CHECK_FALSE(plain.channel->external_control(true));
}

TEST_CASE("S1.10: external control may be set after submit and holds for what is issued then") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  rig.submit(nop(0));
  rig.channel->issue();
  rig.submit(nop(1));
  rig.submit(nop(2));
  CHECK(rig.channel->external_control(true));
  rig.channel->issue();
  rig.submit(nop(3));
  CHECK(rig.channel->external_control(false));
  rig.channel->issue();
  rig.engine.run(8);
  REQUIRE(hand.held.size() == 4);
  CHECK_FALSE(hand.held[0].external_control);
  CHECK(hand.held[1].external_control);
  CHECK(hand.held[2].external_control);
  CHECK_FALSE(hand.held[3].external_control);
}

TEST_CASE("S2.5: a burst that was asked for is what the copy back-end moves at a time") {
  OperationRig rig({}, make_copy_backend());
  REQUIRE(rig.channel->configure({.burst = 100}));
  Bytes from(1000, std::byte{1});
  Bytes to(1000);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  rig.submit(copy);
  rig.channel->issue();
  for (std::uint64_t left = 900; left != 0; left -= 100) {
    rig.engine.run(8);
    CHECK(rig.channel->status(1).left == left);
  }
}

TEST_CASE("S0.17: the state can be dumped by any thread while the channel runs") {
  OperationRig rig({.placement = Placement::autonomous}, make_copy_backend());
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> wrong{0};
  std::thread reader([&] {
    const std::uint64_t times = scaled(10'000);
    for (std::uint64_t i = 0; i < times; ++i) {
      std::istringstream text(rig.channel->dump());
      std::string name;
      std::uint64_t value = 0;
      unsigned lines = 0;
      while (text >> name >> value) ++lines;
      if (lines != 12 || !text.eof()) wrong.fetch_add(1);
    }
    over.store(true);
  });
  std::uint64_t sent = 0;
  while (!over.load()) {
    for (int i = 0; i < 10; ++i) REQUIRE(rig.submit(nop(0)) == ++sent);
    rig.channel->issue();
    REQUIRE(rig.collect(10).size() == 10);
  }
  reader.join();
  CHECK(wrong.load() == 0);
  CHECK(rig.channel->dump().find("completed " + std::to_string(sent) + "\n") != std::string::npos);
  Hand hand;
  OperationRig failing({}, std::make_unique<HandBackend>(hand));
  for (int i = 0; i < 3; ++i) failing.submit(nop(0));
  failing.channel->issue();
  failing.engine.run(8);
  hand.end(0);
  hand.end(0, EIO);
  failing.engine.run(8);
  const std::string text = failing.channel->dump();
  CHECK(text.find("failure 2 5\n") != std::string::npos);
  CHECK(text.find("begun 3\n") != std::string::npos);
  CHECK(text.find("completed 2\n") != std::string::npos);
}

TEST_CASE("S2.34: stop ends an operation channel for good") {
  for (const OperationSetting& setting : kOperationSettings) {
    OperationRig rig(setting, make_copy_backend({.slice = 16}), {.size = 64});
    Bytes from(1000, std::byte{1});
    Bytes to(1000);
    OperationRequest copy{.operation = Operation::copy};
    copy.source = from.list();
    copy.destination = to.list();
    for (int i = 0; i < 20; ++i) REQUIRE(rig.submit(copy) != 0);
    rig.channel->issue();
    for (int i = 0; i < 5; ++i) step(rig.engine);
    rig.submit(copy);
    rig.channel->stop();
    rig.channel->stop();
    std::array<OperationCompletion, 64> done;
    REQUIRE(rig.channel->poll(done) == 21);
    CHECK(done[20].status == Status::not_attempted);
    CHECK_FALSE(rig.channel->pause());
    rig.submit(copy);
    rig.channel->issue();
    const auto late = rig.collect(1);
    REQUIRE(late.size() == 1);
    CHECK(late[0].status == Status::not_attempted);
    CHECK(rig.channel->free_slots() == 64);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
