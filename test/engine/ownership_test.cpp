// SPDX-License-Identifier: BSD-2-Clause
// Memory that is not the engine's, taken away from the whole program: who touches it ends the test.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <array>
#include <concepts>
#include <cstring>
#include <new>
#include <random>
#include <type_traits>

#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

// What was asked for is input: nobody who gets to see it can change it.
static_assert(
    std::same_as<decltype(&OperationChannel::prepare),
                 PrepareResult (OperationChannel::*)(std::span<const OperationRequest>) noexcept>);
static_assert(std::same_as<decltype(&StreamChannel::prepare),
                           PrepareResult (StreamChannel::*)(std::span<const Request>) noexcept>);
static_assert(
    std::same_as<decltype(&Backend::start), unsigned (Backend::*)(std::span<const Op>) noexcept>);
static_assert(std::same_as<decltype(OperationRequest::source), std::span<const Segment>>);
static_assert(std::same_as<decltype(Op::source), std::span<const Segment>>);

/// Pages of their own, which can be made inaccessible.
class Pages {
 public:
  explicit Pages(std::size_t bytes)
      : bytes_(bytes),
        memory_(
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    REQUIRE(memory_ != MAP_FAILED);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { ::munmap(memory_, bytes_); }

  void protect(int access) const { REQUIRE(::mprotect(memory_, bytes_, access) == 0); }
  [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(memory_); }
  [[nodiscard]] Segment segment() const { return {data(), bytes_}; }

 private:
  std::size_t bytes_;
  void* memory_;
};

constexpr std::size_t kBytes = 1u << 16;

TEST_CASE("check 14: after synchronize the memory of terminated transfers can be taken away") {
  const std::uint64_t seed = ring::test::announce_seed("taken away", 14);
  std::mt19937_64 random(seed);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    OperationRig rig(setting, make_copy_backend({.slice = 1024}), {.size = 64});
    Pages from(kBytes), to(kBytes);
    Bytes here(5000), there(5000);
    for (std::uint64_t round = 0; round < scaled(100); ++round) {
      const Segment source = from.segment(), target = to.segment();
      OperationRequest copy{.operation = Operation::copy};
      copy.source = {&source, 1};
      copy.destination = {&target, 1};
      const std::uint64_t count = 1 + random() % 8;
      for (std::uint64_t i = 0; i < count; ++i) REQUIRE(rig.submit(copy) != 0);
      rig.channel->issue();
      for (std::uint64_t k = random() % 60; k != 0; --k) step(rig.engine);
      rig.channel->terminate_async();
      if (random() % 2 == 0) step(rig.engine);
      rig.channel->synchronize();
      from.protect(PROT_NONE);
      to.protect(PROT_NONE);
      // The channel goes on with other memory, and so would what was not stopped.
      OperationRequest other{.operation = Operation::copy};
      other.source = here.list();
      other.destination = there.list();
      REQUIRE(rig.submit(other) != 0);
      rig.channel->issue();
      auto done = rig.collect(count + 1);
      REQUIRE(done.size() == count + 1);
      CHECK(done.back().status == Status::ok);
      done.pop_back();
      for (const OperationCompletion& each : done) {
        CHECK((each.status == Status::aborted || each.status == Status::not_attempted ||
               each.status == Status::ok));
      }
      from.protect(PROT_READ | PROT_WRITE);
      to.protect(PROT_READ | PROT_WRITE);
    }
  }
}

TEST_CASE("S2.27: a request is input: it can lie in memory that nobody may write") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    Hand hand;
    Pages pages(4096);
    Bytes from(64, std::byte{3}), to(64);
    struct Input {
      std::array<Segment, 2> source, destination;
      std::array<OperationRequest, 2> requests;
    };
    auto& input = *new (pages.data()) Input;
    input.source = {{{from.bytes().data(), 32}, {from.bytes().data() + 32, 32}}};
    input.destination = {{{to.bytes().data(), 16}, {to.bytes().data() + 16, 48}}};
    input.requests[0] = {.operation = Operation::copy, .fence = true, .token = 1};
    input.requests[0].source = input.source;
    input.requests[0].destination = input.destination;
    input.requests[1] = input.requests[0];
    input.requests[1].operation = Operation::copy_crc32c;
    std::array<std::byte, sizeof(Input)> before{};
    std::memcpy(before.data(), pages.data(), sizeof(Input));
    pages.protect(PROT_READ);
    OperationRig rig(setting, make_copy_backend());
    for (int i = 0; i < 50; ++i) {
      PrepareResult prepared = rig.channel->prepare(input.requests);
      REQUIRE(prepared);
      REQUIRE(rig.channel->submit(std::move(prepared.prepared)) != 0);
      rig.channel->issue();
      const auto done = rig.collect(2);  // what became of it is told here, and nowhere else
      REQUIRE(done.size() == 2);
      CHECK(done[1].value == slow_crc32c(0, from.bytes()));
    }
    CHECK(std::memcmp(before.data(), pages.data(), sizeof(Input)) == 0);
    CHECK(to.bytes() == from.bytes());
  }
}

TEST_CASE("S2.27: what a back-end was given is the same when it is done as when it began") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  Bytes from(64), to(64);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  for (int i = 0; i < 4; ++i) REQUIRE(rig.submit(copy) != 0);
  rig.channel->issue();
  rig.engine.run(8);
  REQUIRE(hand.held.size() == 4);
  const Op given = hand.held[3];
  hand.end(0, EIO);
  hand.end(0);
  REQUIRE(rig.channel->configure({.burst = 9}));
  rig.engine.run(8);
  REQUIRE(hand.held.size() == 2);
  const Op& held = hand.held[1];
  CHECK(held.id == given.id);
  CHECK(held.source.data() == given.source.data());
  CHECK(held.source[0].data == from.bytes().data());
  CHECK(held.destination[0].length == 64);
  CHECK(held.burst == 0);
}

}  // namespace
}  // namespace bellpull::engine::test
