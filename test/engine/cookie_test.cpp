// SPDX-License-Identifier: BSD-2-Clause
// Cookies: their order, past every wrap, and that none is given twice.
#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <utility>

#include "long_run.hpp"
#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

constexpr Cookie kLast = std::numeric_limits<Cookie>::max();
constexpr Cookie k32 = Cookie{1} << 32;

// Cookies that no test gets to by counting from 1.
constexpr std::array<Cookie, 3> kStarts{k32 - 20, (Cookie{1} << 63) - 20, kLast - 20};

TEST_CASE("S2.36, S1.5: cookies are compared rightly around 2^32, 2^63 and 2^64") {
  for (const Cookie start : kStarts) {
    Cookie cookie = start;
    for (std::uint64_t steps = 1; steps < 100; ++steps) {
      const Cookie before = cookie;
      cookie = next_cookie(cookie);
      REQUIRE(cookie != 0);
      CHECK(previous_cookie(cookie) == before);
      CHECK(cookie_before(before, cookie));
      CHECK_FALSE(cookie_before(cookie, before));
      CHECK(cookie_before(start, cookie));
      CHECK_FALSE(cookie_before(cookie, start));
      CHECK_FALSE(cookie_before(cookie, cookie));
      CHECK(cookie_distance(start, cookie) == steps);
    }
  }
}

TEST_CASE("S1.5, S2.36, check 18: a channel counts and answers rightly across the wraps") {
  for (const OperationSetting& setting : kOperationSettings) {
    for (const Cookie start : kStarts) {
      CAPTURE(describe(setting));
      CAPTURE(start);
      // No power of two, where the ring may have such a size: what is kept by cookie shows it.
      const std::uint32_t size = setting.layout == QueueLayout::packed ? 7 : 8;
      OperationRig rig(setting, make_copy_backend(), {.size = size, .first_cookie = start});
      Cookie next = start, oldest = start;
      for (int round = 0; round < 30; ++round) {
        CHECK(rig.channel->status(next).state == TransferState::unknown);
        for (int i = 0; i < 3; ++i) {
          REQUIRE(rig.submit({}) == next);
          CHECK(rig.channel->status(next).state == TransferState::in_progress);
          next = next_cookie(next);
        }
        CHECK(rig.channel->status(next).state == TransferState::unknown);
        CHECK(rig.channel->status(0).state == TransferState::unknown);
        rig.channel->issue();
        for (const OperationCompletion& done : rig.collect(3)) {
          CHECK(done.cookie == oldest);
          oldest = next_cookie(oldest);
        }
        REQUIRE(oldest == next);
        CHECK(rig.channel->status(start).state == TransferState::complete);
        CHECK(rig.channel->status(previous_cookie(next)).state == TransferState::complete);
        CHECK(rig.channel->status(previous_cookie(start)).state == TransferState::unknown);
      }
    }
  }
}

TEST_CASE("S2.36: external control, terminating and reusing go by cookies that wrap") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand), {.first_cookie = kLast - 1});
  rig.submit({});
  REQUIRE(rig.channel->external_control(true));
  rig.submit({});
  rig.submit({});  // cookie 1
  rig.channel->issue();
  rig.engine.run(8);
  REQUIRE(hand.held.size() == 3);
  for (const Op& op : hand.held) CHECK(op.external_control);

  Hand one;
  one.window = 1;
  OperationRig ending({}, std::make_unique<HandBackend>(one), {.first_cookie = kLast - 1});
  for (int i = 0; i < 3; ++i) ending.submit({});
  ending.channel->issue();
  ending.engine.run(8);
  REQUIRE(one.held.size() == 1);
  ending.channel->terminate_async();
  ending.submit({});  // younger than the wish: cookie 2
  ending.channel->issue();
  ending.engine.run(8);
  ending.channel->synchronize();
  std::array<OperationCompletion, 8> done;
  REQUIRE(ending.channel->poll(done) == 3);
  CHECK(done[0].cookie == kLast - 1);
  CHECK(done[0].status == Status::aborted);
  CHECK(done[1].status == Status::not_attempted);
  CHECK(done[2].cookie == 1);
  CHECK(done[2].status == Status::not_attempted);
  REQUIRE(one.held.size() == 1);

  OperationRig wrapping({}, make_copy_backend(), {.size = 4, .first_cookie = kLast - 2});
  ReusableResult reusable = wrapping.channel->prepare_reusable({});
  REQUIRE(reusable);
  Cookie cookie = kLast - 2;
  for (int i = 0; i < 10; ++i, cookie = next_cookie(cookie)) {
    REQUIRE(wrapping.channel->submit(reusable.transfer) == cookie);
    CHECK(reusable.transfer.in_flight());
    CHECK(wrapping.channel->submit(reusable.transfer) == 0);  // not twice at once
    wrapping.channel->issue();
    REQUIRE(wrapping.collect(1).size() == 1);
    CHECK_FALSE(reusable.transfer.in_flight());
  }
}

TEST_CASE("S2.36, S2.26: the cookies of a stream wrap as well") {
  for (const Cookie start : kStarts) {
    BackendLog log;
    Engine engine({});
    StreamOptions options{.size = 4};
    options.first_cookie = start;
    const auto channel = engine.open_stream(options, std::make_unique<TestBackend>(log));
    std::string text = "x";
    Cookie next = start;
    for (int i = 0; i < 60; ++i, next = next_cookie(next)) {
      REQUIRE(post(*channel, bytes_of(text), 0).kind == PrepareError::Kind::none);
      channel->issue();
      const auto done = collect(engine, *channel, 1);
      REQUIRE(done.size() == 1);
      REQUIRE(done[0].cookie == next);
    }
  }
}

// Cookies count up without a gap, so none comes twice; and the first one never looks alive again.
void count_up(QueueLayout layout, std::uint64_t transfers) {
  OperationRig rig({Placement::driven, layout}, make_copy_backend(), {.size = 256});
  std::array<OperationRequest, 64> batch;
  batch.fill({});
  std::array<OperationCompletion, 64> done;
  Cookie next = 1;
  bool right = true;
  while (next <= transfers && right) {
    right = rig.channel->post(batch).kind == PrepareError::Kind::none;
    rig.channel->issue();
    rig.engine.run(64);
    const unsigned count = rig.channel->poll(done);
    right = right && count == batch.size();
    for (unsigned i = 0; i < count; ++i) right = right && done[i].cookie == next++;
    right = right && rig.channel->status(1).state == TransferState::complete;
  }
  CAPTURE(next);
  CHECK(right);
  CHECK(next > transfers);
}

TEST_CASE("S2.26, check 18: no cookie is given twice, and a stale one is recognised") {
  const std::uint64_t transfers = long_run() ? 100'000'000 : scaled(1'000'000);
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    count_up(layout, transfers);
  }
}

TEST_CASE("check 18, S2.30: the status of any of a thousand in flight is right, several at once") {
  constexpr std::uint64_t kCount = 1000;
  for (const QueueLayout layout : kLayouts) {
    Hand hand;
    hand.window = 4;
    OperationRig rig({Placement::driven, layout}, std::make_unique<HandBackend>(hand),
                     {.size = 2048});
    Bytes from(kCount), to(kCount);
    for (std::uint64_t i = 1; i <= kCount; ++i) {
      const Segment source{from.bytes().data(), i}, target{to.bytes().data(), i};
      OperationRequest copy{.operation = Operation::copy};
      copy.source = {&source, 1};
      copy.destination = {&target, 1};
      REQUIRE(rig.submit(copy) == i);
    }
    rig.channel->issue();
    std::array<OperationCompletion, 1> done;
    for (std::uint64_t ended = 0; ended < kCount; ++ended) {
      hand.progress = ended % 7;
      rig.engine.run(1);
      bool right = true;
      for (Cookie cookie = 1; cookie <= kCount; cookie += 1 + ended % 97) {
        const TransferStatus status = rig.channel->status(cookie);
        const std::uint64_t moved = cookie == ended + 1 ? std::min(hand.progress, cookie) : 0;
        right = right && (cookie <= ended ? status.state == TransferState::complete
                                          : status.state == TransferState::in_progress &&
                                                status.left == cookie - moved);
      }
      REQUIRE(right);
      hand.end(0);
      hand.progress = 0;  // of the next one
      rig.engine.run(1);
      if (ended % 2 == 0) (void)rig.channel->poll(done);  // some are polled, some are not
    }
  }
}

}  // namespace
}  // namespace bellpull::engine::test
