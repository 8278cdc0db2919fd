// SPDX-License-Identifier: BSD-2-Clause
// A transfer that begins anew from inside the sink that hears of its end.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rig.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Reposts as long as there is something `left`, all that it may, with the chance of `percent`. Its
// fields are read by the test when the engine rests.
struct RepostingSink {
  explicit RepostingSink(unsigned seed) : random(seed) {}

  CompletionSink sink() {
    return {[](void* context, const Completion& done) noexcept {
              static_cast<RepostingSink*>(context)->take(done);
            },
            this};
  }
  void take(const Completion& done) {
    tokens.push_back(done.token);
    cookies.push_back(done.cookie);
    statuses.push_back(done.status);
    const unsigned may = channel->repostable();
    if (may > most) most = may;
    if (left != 0 && (may == 0 || may >= at_least) && random() % 100 < percent) {
      const auto count = static_cast<unsigned>(std::min<std::uint64_t>(left, std::max(may, 1u)));
      if (channel->repost(requests_from(next, count))) {
        next += count;
        left -= count;
        reposted.fetch_add(count);
      } else {
        ++refused;
      }
      // One for each that was reported.
      if (channel->repost(requests_from(next, channel->repostable() + 1))) ++too_many;
    }
    heard.fetch_add(1);
  }

  const std::vector<Request>& requests_from(std::uint64_t token, unsigned count) {
    segment = {{{bytes_of(text).data(), bytes_of(text).size()}}};
    requests.clear();
    for (unsigned i = 0; i < count; ++i) requests.push_back({segment, token + i});
    return requests;
  }
  void sort() {
    std::sort(tokens.begin(), tokens.end());
    std::sort(cookies.begin(), cookies.end());
  }

  std::mt19937 random;
  unsigned percent = 100;
  unsigned at_least = 1;
  std::array<Segment, 1> segment;
  std::vector<Request> requests;
  std::uint64_t left = 0;
  std::uint64_t next = 0;  // token
  std::atomic<std::uint64_t> reposted{0};
  std::uint64_t refused = 0;
  std::uint64_t too_many = 0;
  unsigned most = 0;
  std::string text = "x";
  StreamChannel* channel = nullptr;
  std::vector<std::uint64_t> tokens;
  std::vector<Cookie> cookies;
  std::vector<Status> statuses;
  std::atomic<std::uint64_t> heard{0};
};

struct Rig {
  Rig(Placement placement, QueueLayout layout, unsigned seed, unsigned window = 16,
      OnClose on_close = OnClose::abort)
      : sink(seed), engine(EngineOptions{.placement = placement}) {
    StreamOptions options{.size = 64, .sink = sink.sink(), .layout = layout};
    options.on_close = on_close;
    channel = engine.open_stream(
        options, std::make_unique<TestBackend>(log, Direction::device_to_memory, window));
    sink.channel = channel.get();
  }
  // Before anything is issued the channel is this thread's; then it is the sink's.
  void post(unsigned count) {
    for (; count != 0; --count) {
      const OneSegment one(bytes_of(sink.text), sink.next++);
      REQUIRE(channel->post({&one.batch().front(), 1}).kind == Kind::none);
    }
  }

  BackendLog log;
  RepostingSink sink;
  Engine engine;
  std::unique_ptr<StreamChannel> channel;
};

TEST_CASE("what a sink reposts ends once and in order, and leaves the slots as they were") {
  const auto seed = static_cast<unsigned>(ring::test::announce_seed("stream repost", 20261121));
  for (const Placement placement : kPlacements) {
    for (const QueueLayout layout : kLayouts) {
      for (const unsigned percent : {100u, 90u, 50u}) {
        for (const auto& shape : {std::pair{1u, 1u}, {7u, 1u}, {64u, 1u}, {64u, 5u}}) {
          const unsigned window = shape.first;
          const unsigned at_least = shape.second;
          CAPTURE(describe(placement));
          CAPTURE(describe(layout));
          CAPTURE(percent);
          CAPTURE(window);
          CAPTURE(at_least);
          Rig rig(placement, layout, seed + percent + window, window);
          rig.sink.percent = percent;
          rig.sink.at_least = at_least;
          rig.sink.left = 5000;
          rig.post(32);
          rig.channel->issue();
          REQUIRE(until(rig.engine, [&] {
            const std::uint64_t heard = rig.sink.heard.load();
            return heard == 32 + rig.sink.reposted.load();
          }));
          const std::uint64_t all = rig.channel->stats().completed;
          CHECK(all == 32 + rig.sink.reposted);
          CHECK(rig.sink.refused == 0);
          CHECK(rig.sink.too_many == 0);
          if (percent == 100 && at_least == 1) CHECK(rig.sink.reposted.load() == 5000);
          CHECK(rig.sink.most <= window);
          // Those of one turn add up.
          if (placement == Placement::driven && at_least == 5) CHECK(rig.sink.most >= 5);
          REQUIRE(rig.sink.tokens.size() == all);
          // A device with room for few is given what is reposted before what the ring holds.
          if (window < 32) rig.sink.sort();
          for (std::size_t i = 0; i < rig.sink.tokens.size(); ++i) {
            REQUIRE(rig.sink.tokens[i] == i);
            REQUIRE(rig.sink.cookies[i] == i + 1);
            REQUIRE(rig.sink.statuses[i] == Status::ok);
          }
          CHECK(rig.channel->poll({}) == 0);
          Completion none;
          CHECK(rig.channel->poll({&none, 1}) == 0);  // takes the slots back
          CHECK(rig.channel->free_slots() == 64);
          CHECK(rig.channel->in_flight() == 0);
          CHECK(rig.channel->stats().bad_done == 0);
          CHECK(rig.log.started.load() == all);
        }
      }
    }
  }
}

TEST_CASE("nothing is reposted from outside of the sink, nor what breaks a rule") {
  Rig rig(Placement::driven, QueueLayout::split, 1);
  const OneSegment one(bytes_of(rig.sink.text), 7);
  CHECK(rig.channel->repostable() == 0);
  CHECK_FALSE(rig.channel->repost(one.batch()));
  CHECK(rig.channel->repost({}));
  rig.post(1);
  rig.channel->issue();
  CHECK(rig.channel->repostable() == 0);
  CHECK_FALSE(rig.channel->repost(one.batch()));
  CHECK(rig.channel->repost({}));
  rig.sink.left = 1;
  rig.sink.text.clear();  // a segment of no bytes
  rig.engine.run(64);
  CHECK(rig.sink.refused == 1);
  CHECK(rig.channel->stats().completed == 1);
  CHECK_FALSE(rig.engine.runnable());
}

TEST_CASE("a run takes no more than its limit, however much the sink reposts") {
  Rig rig(Placement::driven, QueueLayout::split, 1, 64);
  rig.sink.left = 1000;
  rig.post(8);
  rig.channel->issue();
  for (const unsigned limit : {1u, 8u, 9u, 100u}) {
    const unsigned completed = rig.engine.run(limit).completed;
    CHECK(completed != 0);
    CHECK(completed <= limit);
    CHECK(rig.engine.runnable());
  }
}

TEST_CASE("stopping ends what was reposted, and nothing is reposted from then on") {
  for (const Placement placement : kPlacements) {
    for (const QueueLayout layout : kLayouts) {
      CAPTURE(describe(placement));
      CAPTURE(describe(layout));
      Rig rig(placement, layout, 1, 4);
      rig.sink.left = ~std::uint64_t{0};
      rig.post(12);
      rig.channel->issue();
      REQUIRE(until(rig.engine, [&] { return rig.sink.heard.load() > 100; }));
      rig.channel->stop();
      const std::uint64_t submitted = rig.channel->stats().submitted;
      CHECK(rig.channel->stats().completed == submitted);
      CHECK(rig.sink.tokens.size() == submitted);
      rig.sink.sort();
      for (std::size_t i = 0; i < rig.sink.tokens.size(); ++i) REQUIRE(rig.sink.tokens[i] == i);
      unsigned ended = 0;
      for (const Status status : rig.sink.statuses) ended += status != Status::ok ? 1 : 0;
      CHECK(ended == 12);  // those that were out
      CHECK(rig.sink.refused == 12);
    }
  }
}

TEST_CASE("closing finishes what was reposted, where it is asked to finish") {
  Rig rig(Placement::driven, QueueLayout::split, 1, 4, OnClose::finish);
  rig.sink.left = 300;
  rig.post(12);
  rig.channel->issue();
  rig.channel.reset();
  CHECK(rig.sink.tokens.size() == 312);
  for (const Status status : rig.sink.statuses) CHECK(status == Status::ok);
}

}  // namespace
}  // namespace bellpull::engine::test
