// SPDX-License-Identifier: BSD-2-Clause
// Only issue() starts anything.
#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <random>
#include <utility>

#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

/// A device that counts what reaches it before it is enabled.
struct Enable {
  std::atomic<bool> on{false};
  std::atomic<std::uint64_t> early{0};
  std::atomic<std::uint64_t> in_time{0};
};

class EnabledBackend final : public LimitedBackend {
 public:
  explicit EnabledBackend(Enable& enable)
      : LimitedBackend({.operations = kMemoryOperations,
                        .max_segments = kMaxSegments,
                        .max_length = 1u << 20,
                        .configurable = true,
                        .external_control = true}),
        enable_(enable) {}
  unsigned start(std::span<const Op> ops) noexcept override {
    (enable_.on.load() ? enable_.in_time : enable_.early).fetch_add(ops.size());
    return LimitedBackend::start(ops);
  }

 private:
  Enable& enable_;
};

// Everything an owner can call but issue(), until the slots run out and far beyond.
std::uint64_t storm(OperationRig& rig, std::mt19937_64& random, const OperationRequest& copy) {
  OperationChannel& channel = *rig.channel;
  std::deque<Prepared> held;
  std::array<OperationCompletion, 4> done;
  std::uint64_t exhausted = 0;
  for (int i = 0; i < 2000; ++i) {
    PrepareResult result = channel.prepare({&copy, 1});
    if (result) held.push_back(std::move(result.prepared));
    if (!result) ++exhausted;
    if (channel.post({&copy, 1}).kind != PrepareError::Kind::none) ++exhausted;
    if (random() % 8 == 0 && !held.empty()) {
      (void)channel.submit(std::move(held.front()));
      held.pop_front();
    }
    if (random() % 16 == 0) held.clear();
    (void)channel.notify_space(2, {});
    (void)channel.configure({.burst = static_cast<std::uint32_t>(random() % 100)});
    (void)channel.external_control(random() % 2 == 0);
    (void)channel.poll(done);
    (void)channel.arm();
    channel.disarm();
    (void)channel.status(1);
    if (random() % 64 == 0 && channel.pause()) CHECK(channel.resume());
    if (random() % 16 == 0) step(rig.engine);
  }
  full_round(rig.engine);
  return exhausted;
}

TEST_CASE("S1.9, check 4: a device counts nothing before it is enabled, whatever is submitted") {
  const std::uint64_t seed = ring::test::announce_seed("storm", 9);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    Enable enable;
    OperationRig rig(setting, std::make_unique<EnabledBackend>(enable), {.size = 16});
    Bytes from(64, std::byte{6}), to(64);
    OperationRequest copy{.operation = Operation::copy};
    copy.source = from.list();
    copy.destination = to.list();
    CHECK(storm(rig, random, copy) > 1000);
    CHECK(enable.early.load() == 0);
    CHECK(to.bytes() == std::vector<std::byte>(64));
    const std::uint32_t waiting = rig.channel->in_flight();
    REQUIRE(waiting > 0);
    CHECK(rig.channel->stats().completed == 0);
    enable.on.store(true);
    rig.channel->issue();
    CHECK(rig.collect(waiting).size() == waiting);
    CHECK(enable.early.load() == 0);
    CHECK(enable.in_time.load() >= waiting);
    CHECK(to.bytes() == from.bytes());
  }
}

TEST_CASE(
    "S1.9, check 4: what is submitted after issue waits for the next one, also when it ends") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    Enable enable;
    enable.on.store(true);
    OperationRig rig(setting, std::make_unique<EnabledBackend>(enable), {.size = 16});
    REQUIRE(rig.submit({}) == 1);
    rig.channel->issue();
    REQUIRE(rig.submit({}) == 2);
    REQUIRE(rig.collect(1).size() == 1);
    full_round(rig.engine);
    CHECK(rig.channel->status(2).state == TransferState::in_progress);
    rig.channel->stop();  // ends it, and starts it no more
    CHECK(rig.collect(1).at(0).status == Status::not_attempted);
    CHECK(enable.in_time.load() == 1);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
