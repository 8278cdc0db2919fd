// SPDX-License-Identifier: BSD-2-Clause
// Opening and closing: counted, leaving nothing behind, and what becomes of work in flight.
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <vector>

#include "emulated.hpp"
#include "long_run.hpp"
#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

[[nodiscard]] std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

// Opens a channel, leaves work in it, or not, and closes it.
void open_and_close(Engine& engine, std::uint64_t round, bool operations) {
  std::array<std::byte, 8> memory{};
  const QueueLayout layout = round % 2 == 0 ? QueueLayout::split : QueueLayout::packed;
  if (operations) {
    const auto channel = engine.open_operations({.size = 4, .layout = layout}, make_copy_backend());
    const Segment from{memory.data(), 4}, to{memory.data() + 4, 4};
    OperationRequest copy{.operation = Operation::copy};
    copy.source = {&from, 1};
    copy.destination = {&to, 1};
    const PrepareResult dropped = channel->prepare({&copy, 1});
    if (round % 3 != 0) (void)channel->post({&copy, 1});
    if (round % 3 == 2) channel->issue();
    return;
  }
  LoopbackPair ends = make_loopback({.messages = 1, .max_length = 8});
  StreamOptions options{.size = 4};
  options.layout = layout;
  const auto channel = engine.open_stream(options, std::move(ends.sender));
  if (round % 3 != 0) (void)post(*channel, memory, round);
  if (round % 3 == 2) channel->issue();
}

TEST_CASE("R6, S2.24: channels open and close a hundred thousand times and leave nothing behind") {
  const std::uint64_t rounds = long_run() ? 100'000 : scaled(4'000);
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine({.placement = placement});
    const std::ptrdiff_t descriptors = open_descriptors();
    for (std::uint64_t round = 0; round < rounds; ++round) {
      open_and_close(engine, round, round % 2 == 0);
      REQUIRE(engine.stats().opened == round + 1);
      REQUIRE(engine.stats().closed == round + 1);
    }
    CHECK(open_descriptors() == descriptors);
    CHECK_FALSE(engine.runnable());
    CHECK(engine.wait_sources().empty());
  }
}

TEST_CASE("S2.24: only channels that were opened are counted, and closed once") {
  BackendLog log;
  Engine engine({});
  CHECK_THROWS((void)engine.open_stream({.size = 3}, std::make_unique<TestBackend>(log)));
  CHECK_THROWS((void)engine.open_operations({}, nullptr));
  CHECK(engine.stats().opened == 0);
  CHECK(engine.stats().closed == 0);
  {
    const auto one = engine.open_operations({}, make_copy_backend());
    const auto other = engine.open_stream({}, std::make_unique<TestBackend>(log));
    one->stop();
    one->stop();
    CHECK(engine.stats().opened == 2);
    CHECK(engine.stats().closed == 0);
  }
  CHECK(engine.stats().closed == 2);
}

constexpr std::size_t kBytes = 1u << 16;

// Closes a channel with copies in flight; returns how many bytes of each were moved.
[[nodiscard]] std::vector<std::size_t> moved_after_close(const OperationSetting& setting,
                                                         OnClose on_close, bool paused) {
  constexpr std::size_t kTransfers = 8;
  Bytes from(kBytes, std::byte{7}), to(kBytes * kTransfers);
  {
    OperationRig rig(setting, make_copy_backend({.window = 2, .slice = 512}),
                     {.size = 32, .on_close = on_close});
    for (std::size_t i = 0; i < kTransfers; ++i) {
      const Segment target{to.bytes().data() + i * kBytes, kBytes};
      OperationRequest copy{.operation = Operation::copy};
      copy.source = from.list();
      copy.destination = {&target, 1};
      REQUIRE(rig.submit(copy) == i + 1);
      if (i + 2 == kTransfers) rig.channel->issue();  // the last one is not issued
    }
    if (paused) REQUIRE(rig.channel->pause());
  }
  std::vector<std::size_t> moved;
  for (std::size_t i = 0; i < kTransfers; ++i) {
    const auto begin = to.bytes().begin() + static_cast<std::ptrdiff_t>(i * kBytes);
    moved.push_back(static_cast<std::size_t>(
        std::count(begin, begin + static_cast<std::ptrdiff_t>(kBytes), std::byte{7})));
  }
  return moved;
}

TEST_CASE(
    "S2.24: closing lets what was issued run to its end, or ends it, as was said at opening") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    const auto finished = moved_after_close(setting, OnClose::finish, false);
    for (std::size_t i = 0; i + 1 < finished.size(); ++i) CHECK(finished[i] == kBytes);
    CHECK(finished.back() == 0);  // to close issues nothing
    const auto aborted = moved_after_close(setting, OnClose::abort, false);
    CHECK(aborted.back() == 0);
    if (setting.placement == Placement::driven) CHECK(aborted[0] == 0);
    // One that stands still is not waited for.
    CHECK(moved_after_close(setting, OnClose::finish, true).back() == 0);
  }
}

TEST_CASE("S2.24: a stream is closed when all that was issued has gone out") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    BackendLog log;
    Engine engine({.placement = placement});
    {
      StreamOptions options{.size = 64};
      options.on_close = OnClose::finish;
      const auto channel = engine.open_stream(
          options, std::make_unique<TestBackend>(log, Direction::memory_to_device, 2));
      std::byte byte{};
      for (int i = 0; i < 50; ++i) {
        REQUIRE(post(*channel, {&byte, 1}, 0).kind == PrepareError::Kind::none);
      }
      channel->issue();
    }
    CHECK(log.reaped.load() == 50);
    CHECK(log.stops.load() == 1);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
