// SPDX-License-Identifier: BSD-2-Clause
// The contract of prepare(): three ways to fail, all or nothing, and what is dropped comes back.
#include <doctest/doctest.h>

#include <cstdint>
#include <deque>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Requests of a few segments each, all over the same bytes.
struct Batch {
  explicit Batch(std::span<const unsigned> segments_each, std::size_t length = 1) {
    for (const unsigned count : segments_each) {
      segments.emplace_back(count, Segment{&byte, length});
    }
    for (const auto& list : segments) requests.push_back({list, 0});
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  std::byte byte{};
  std::deque<std::vector<Segment>> segments;
  std::vector<Request> requests;
};

TEST_CASE(
    "S1.6: when slots are short, prepare says would_block, how many it needs and how many are "
    "free") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting, {.size = 8});
    const std::array<unsigned, 4> four{1, 1, 1, 1};
    Batch busy(four);
    REQUIRE(rig.rx->post(busy.requests).kind == Kind::none);
    rig.rx->issue();
    const std::array<unsigned, 3> six{3, 1, 2};
    Batch more(six);
    const PrepareResult result = rig.rx->prepare(more.requests);
    CHECK_FALSE(result);
    CHECK(result.error.kind == Kind::would_block);
    CHECK(result.error.needed == 6);
    CHECK(result.error.free == 4);
    CHECK(result.prepared.size() == 0);
    CHECK(rig.rx->free_slots() == 4);

    // It says "later", and later it works.
    std::string text = "1234";
    for (int i = 0; i < 4; ++i) REQUIRE(post(*rig.tx, bytes_of(text), 0).kind == Kind::none);
    rig.tx->issue();
    REQUIRE(collect(rig.engine, *rig.rx, 4).size() == 4);
    CHECK(rig.rx->prepare(more.requests));
  }
}

TEST_CASE("S1.8: what can never fit is refused at once with too_large and the limit") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting, {.size = 32});
    for (StreamChannel* channel : {rig.tx.get(), rig.rx.get()}) {
      const Capabilities limits = channel->capabilities();
      const std::array<unsigned, 2> segments{1, limits.max_segments + 1};
      Batch batch(segments);
      PrepareResult result = channel->prepare(batch.requests);
      CHECK(result.error.kind == Kind::too_large);
      CHECK(result.error.max == limits.max_segments);
      CHECK(result.error.request == 1);

      const std::vector<unsigned> whole_ring_and_one(33, 1);
      Batch crowd(whole_ring_and_one);
      result = channel->prepare(crowd.requests);
      CHECK(result.error.kind == Kind::too_large);
      CHECK(result.error.max == 32);
      CHECK(channel->free_slots() == 32);
      CHECK(channel->prepare(std::span(crowd.requests).first(32)));
    }
  }
}

TEST_CASE("S1.8: a ring smaller than the back-end's segment limit is the limit") {
  Rig rig({Medium::loopback, Placement::driven}, {.size = 2});
  const std::array<unsigned, 1> three{3};
  Batch batch(three);
  const PrepareResult result = rig.tx->prepare(batch.requests);
  CHECK(result.error.kind == Kind::too_large);
  CHECK(result.error.max == 2);
}

TEST_CASE("S2.3: lengths of 0, 1, max and max + 1 are refused, taken, taken and refused") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    for (StreamChannel* channel : {rig.tx.get(), rig.rx.get()}) {
      const std::uint32_t max = channel->capabilities().max_length;
      const auto kind_of = [&](std::size_t first, std::size_t second) {
        std::byte byte{};
        const std::array<Segment, 2> segments{{{&byte, first}, {&byte, second}}};
        const Request request{segments, 0};
        const PrepareResult result = channel->prepare({&request, 1});
        if (result.error.kind == Kind::too_large) CHECK(result.error.max == max);
        return result.error.kind;
      };
      CHECK(kind_of(0, 1) == Kind::bad_request);
      CHECK(kind_of(1, 0) == Kind::bad_request);
      CHECK(kind_of(1, 1) == Kind::none);
      CHECK(kind_of(max - 1, 1) == Kind::none);
      CHECK(kind_of(max, 1) == Kind::too_large);
      CHECK(kind_of(1, max) == Kind::too_large);
    }
  }
}

TEST_CASE("S2.3: lengths whose sum wraps around are too large, not short") {
  Rig rig({Medium::seqpacket, Placement::driven});
  std::byte byte{};
  const std::size_t half = ~std::size_t{0} / 2 + 1;
  const std::array<Segment, 2> segments{{{&byte, half}, {&byte, half}}};
  const Request request{segments, 0};
  CHECK(rig.tx->prepare({&request, 1}).error.kind == Kind::too_large);
  const std::array<Segment, 2> just_over{{{&byte, ~std::size_t{0}}, {&byte, 2}}};
  const Request wrapped{just_over, 0};
  CHECK(rig.tx->prepare({&wrapped, 1}).error.kind == Kind::too_large);
}

TEST_CASE(
    "S1.4: a segment without memory or length is a bad_request, named by request and segment") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    const std::array<unsigned, 4> each{1, 2, 3, 4};
    for (std::uint32_t request = 0; request < each.size(); ++request) {
      for (std::uint32_t segment = 0; segment < each[request]; ++segment) {
        for (const bool no_memory : {true, false}) {
          Batch batch(each);
          Segment& broken = batch.segments[request][segment];
          broken = no_memory ? Segment{nullptr, 1} : Segment{&batch.byte, 0};
          const PrepareResult result = rig.tx->prepare(batch.requests);
          CHECK(result.error.kind == Kind::bad_request);
          CHECK(result.error.request == request);
          CHECK(result.error.segment == segment);
          CHECK(rig.tx->free_slots() == rig.tx->size());
        }
      }
    }
    const std::array<unsigned, 3> one_is_empty{1, 1, 0};
    Batch batch(one_is_empty);
    const PrepareResult result = rig.tx->prepare(batch.requests);
    CHECK(result.error.kind == Kind::bad_request);
    CHECK(result.error.request == 2);
  }
}

TEST_CASE("S1.12: a batch takes all its slots or none, whichever of its requests is refused") {
  Rig rig({Medium::seqpacket, Placement::driven}, {.size = 16});
  for (std::uint32_t bad = 0; bad < 4; ++bad) {
    std::array<unsigned, 4> each{2, 2, 2, 2};
    each[bad] = rig.tx->capabilities().max_segments + 1;
    Batch batch(each);
    CHECK(rig.tx->prepare(batch.requests).error.request == bad);
    CHECK(rig.tx->free_slots() == 16);
  }
  const std::array<unsigned, 4> each{4, 4, 4, 3};
  Batch batch(each);
  PrepareResult result = rig.tx->prepare(batch.requests);
  REQUIRE(result);
  CHECK(result.prepared.size() == 4);
  CHECK(rig.tx->free_slots() == 1);
  const std::array<unsigned, 2> two{1, 1};
  Batch more(two);
  CHECK(rig.tx->prepare(more.requests).error.kind == Kind::would_block);
  CHECK(rig.tx->free_slots() == 1);
}

TEST_CASE("an empty batch is prepared, holds nothing and gets no cookie") {
  Rig rig({Medium::loopback, Placement::driven});
  PrepareResult result = rig.tx->prepare({});
  CHECK(result);
  CHECK(result.prepared.size() == 0);
  CHECK(rig.tx->submit(std::move(result.prepared)) == 0);
  CHECK(rig.tx->in_flight() == 0);
}

TEST_CASE("S1.3: submit cannot fail: it is noexcept and answers with a cookie alone") {
  static_assert(noexcept(std::declval<StreamChannel&>().submit(std::declval<Prepared>())));
  static_assert(
      std::is_same_v<Cookie, decltype(std::declval<StreamChannel&>().submit(Prepared{}))>);
  static_assert(noexcept(std::declval<StreamChannel&>().prepare({})));
  static_assert(noexcept(std::declval<StreamChannel&>().post({})));
  static_assert(noexcept(std::declval<StreamChannel&>().issue()));
  static_assert(noexcept(std::declval<StreamChannel&>().poll({})));
  static_assert(noexcept(std::declval<StreamChannel&>().arm()));
  static_assert(noexcept(std::declval<StreamChannel&>().disarm()));
  static_assert(noexcept(std::declval<StreamChannel&>().stop()));
  static_assert(noexcept(std::declval<Engine&>().run(1)));
  static_assert(!std::is_copy_constructible_v<Prepared>);
  static_assert(std::is_nothrow_move_constructible_v<Prepared>);
  // Submitted is not dropped: each slot comes back once, with its completion.
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting, {.size = 8});
    std::string text = "x", room = ".";
    for (Cookie next = 1; next <= 100; ++next) {
      const OneSegment one(bytes_of(text), next);
      PrepareResult result = rig.tx->prepare(one.batch());
      REQUIRE(rig.tx->submit(std::move(result.prepared)) == next);
      REQUIRE(rig.tx->free_slots() == 7);
      rig.tx->issue();
      REQUIRE(post(*rig.rx, bytes_of(room), next).kind == Kind::none);
      rig.rx->issue();
      REQUIRE(collect(rig.engine, *rig.tx, 1).at(0).token == next);
      REQUIRE(collect(rig.engine, *rig.rx, 1).size() == 1);
      REQUIRE(rig.tx->free_slots() == 8);
    }
  }
}

TEST_CASE("prepare reads the requests and keeps none of the arrays that describe them") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    Rig rig(setting);
    std::string text = "kept", room(16, '.');
    Prepared prepared;
    {
      std::vector<Segment> segments{{bytes_of(text).data(), 2}, {bytes_of(text).data() + 2, 2}};
      std::vector<Request> requests{{segments, 7}};
      PrepareResult result = rig.tx->prepare(requests);
      REQUIRE(result);
      prepared = std::move(result.prepared);
      segments.assign(2, Segment{});
      requests.assign(1, Request{});
    }
    rig.tx->submit(std::move(prepared));
    rig.tx->issue();
    REQUIRE(post(*rig.rx, bytes_of(room), 0).kind == Kind::none);
    rig.rx->issue();
    CHECK(collect(rig.engine, *rig.tx, 1).at(0).token == 7);
    const Completion got = collect(rig.engine, *rig.rx, 1).at(0);
    CHECK(room.substr(0, got.bytes) == "kept");
  }
}

TEST_CASE(
    "a Prepared that was moved from is empty, and one that is assigned to drops what it had") {
  Rig rig({Medium::loopback, Placement::driven}, {.size = 8});
  const std::array<unsigned, 2> two{1, 1};
  const std::array<unsigned, 1> three{3};
  Batch first_batch(two);
  Batch second_batch(three);
  Prepared first = rig.tx->prepare(first_batch.requests).prepared;
  Prepared second = rig.tx->prepare(second_batch.requests).prepared;
  CHECK(rig.tx->free_slots() == 3);
  first = std::move(second);
  CHECK(first.size() == 1);
  CHECK(second.size() == 0);  // NOLINT(bugprone-use-after-move): that is the point
  CHECK(rig.tx->free_slots() == 5);
  Prepared& same = first;
  first = std::move(same);
  CHECK(first.size() == 1);
  CHECK(rig.tx->free_slots() == 5);
  first = Prepared{};
  CHECK(rig.tx->free_slots() == 8);
}

TEST_CASE("a Prepared of another channel is dropped there, not submitted here") {
  Rig rig({Medium::loopback, Placement::driven}, {.size = 8});
  const std::array<unsigned, 2> two{1, 1};
  Batch batch(two);
  Prepared prepared = rig.rx->prepare(batch.requests).prepared;
  CHECK(rig.tx->submit(std::move(prepared)) == 0);
  CHECK(rig.tx->in_flight() == 0);
  CHECK(rig.rx->in_flight() == 0);
  CHECK(rig.rx->free_slots() == 8);
}

// A client that prepares, drops, submits, issues and polls at random, with a count of its own.
class RandomClient {
 public:
  RandomClient(Engine& engine, StreamChannel& channel, std::uint64_t seed)
      : engine_(engine), channel_(channel), random_(seed) {}

  // False as soon as the channel and the model differ.
  [[nodiscard]] bool act() {
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        return prepare();
      case 3:
        drop();
        break;
      case 4:
      case 5:
        submit();
        break;
      case 6:
        channel_.issue();
        engine_.run(static_cast<unsigned>(random_() % 4));
        break;
      default:
        poll(random_() % 4);
    }
    return agrees();
  }

  [[nodiscard]] bool finish() {
    held_.clear();
    channel_.issue();
    engine_.run(64);
    poll(64);
    submitted_.clear();
    return channel_.free_slots() == channel_.size() && channel_.in_flight() == 0;
  }

 private:
  struct Held {
    Prepared prepared;
    std::vector<std::uint32_t> slots_each;
  };

  [[nodiscard]] bool agrees() const { return channel_.free_slots() == channel_.size() - used(); }

  [[nodiscard]] std::uint32_t used() const {
    std::uint32_t sum = 0;
    for (const Held& held : held_) {
      for (const std::uint32_t slots : held.slots_each) sum += slots;
    }
    for (const std::uint32_t slots : submitted_) sum += slots;
    return sum;
  }

  bool prepare() {
    Held held;
    std::uint32_t needed = 0;
    std::array<Request, 3> requests;
    const std::size_t count = 1 + random_() % requests.size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto segments = static_cast<std::uint32_t>(1 + random_() % 3);
      requests[i].segments = std::span(segments_).first(segments);
      held.slots_each.push_back(segments);
      needed += segments;
    }
    const std::uint32_t free = channel_.size() - used();
    PrepareResult result = channel_.prepare(std::span(requests).first(count));
    if (needed > free) {
      return result.error.kind == Kind::would_block && result.error.needed == needed &&
             result.error.free == free && agrees();
    }
    if (!result || result.prepared.size() != count) return false;
    held.prepared = std::move(result.prepared);
    held_.push_back(std::move(held));
    return agrees();
  }

  void drop() {
    if (held_.empty()) return;
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(random_() % held_.size()));
  }

  void submit() {
    if (held_.empty()) return;
    const auto at = held_.begin() + static_cast<std::ptrdiff_t>(random_() % held_.size());
    channel_.submit(std::move(at->prepared));
    submitted_.insert(submitted_.end(), at->slots_each.begin(), at->slots_each.end());
    held_.erase(at);
  }

  void poll(std::size_t budget) {
    std::array<Completion, 64> done;
    const unsigned count = channel_.poll(std::span(done).first(budget));
    submitted_.erase(submitted_.begin(), submitted_.begin() + count);
  }

  Engine& engine_;
  StreamChannel& channel_;
  std::mt19937_64 random_;
  std::byte byte_{};
  std::array<Segment, 3> segments_{{{&byte_, 1}, {&byte_, 1}, {&byte_, 1}}};
  std::vector<Held> held_;
  std::deque<std::uint32_t> submitted_;
};

TEST_CASE("S1.2: dropping prepared transfers gives their slots back in any interleaving") {
  const std::uint64_t seed = ring::test::announce_seed("interleavings", 1);
  CAPTURE(seed);
  BackendLog log;
  Engine engine({});
  const auto channel = engine.open_stream({.size = 16}, std::make_unique<TestBackend>(log));
  RandomClient client(engine, *channel, seed);
  std::uint64_t interleaving = 0;
  bool agrees = true;
  for (; agrees && interleaving < scaled(100'000); ++interleaving) {
    for (int act = 0; agrees && act < 12; ++act) agrees = client.act();
    agrees = agrees && client.finish();
  }
  CAPTURE(interleaving);
  CHECK(agrees);
}

}  // namespace
}  // namespace bellpull::engine::test
