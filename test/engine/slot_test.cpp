// SPDX-License-Identifier: BSD-2-Clause
// Slots: taken all or none, given back by whoever drops what was prepared, in any interleaving.
#include <doctest/doctest.h>

#include <array>
#include <concepts>
#include <deque>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "long_run.hpp"
#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

static_assert(std::is_nothrow_move_constructible_v<Prepared>);
static_assert(std::is_nothrow_move_assignable_v<Prepared>);
static_assert(!std::is_copy_constructible_v<Prepared> && !std::is_copy_assignable_v<Prepared>);
static_assert(noexcept(std::declval<OperationChannel&>().submit(std::declval<Prepared>())));
static_assert(
    std::same_as<decltype(std::declval<OperationChannel&>().submit(std::declval<Prepared>())),
                 Cookie>);

// Prepares, drops, submits, issues, polls and terminates at random, with an account of the slots.
class Accountant {
 public:
  Accountant(const OperationSetting& setting, std::uint32_t size, std::uint64_t seed)
      : rig_(setting, make_copy_backend(), {.size = size}), random_(seed) {
    for (std::size_t i = 0; i < segments_.size(); ++i) segments_[i] = {&memory_[4 * i], 2};
  }

  [[nodiscard]] std::uint64_t drops() const { return drops_; }
  [[nodiscard]] bool act() {
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        return prepare();
      case 3:
      case 4:
        drop();
        break;
      case 5:
        submit();
        break;
      case 6:
        rig_.channel->issue();
        step(rig_.engine);
        if (random_() % 64 == 0) rig_.channel->terminate();
        break;
      default:
        poll(random_() % 4);
    }
    return exact();
  }
  [[nodiscard]] bool finish() {
    drops_ += held_.size();
    held_.clear();
    rig_.channel->terminate();
    poll(rig_.channel->size());
    return in_flight_.empty() && rig_.channel->free_slots() == rig_.channel->size();
  }

 private:
  struct Held {
    Prepared prepared;
    std::vector<std::uint32_t> slots;
  };

  [[nodiscard]] std::uint32_t used() const {
    std::uint32_t sum = 0;
    for (const Held& held : held_) {
      for (const std::uint32_t slots : held.slots) sum += slots;
    }
    for (const std::uint32_t slots : in_flight_) sum += slots;
    return sum;
  }
  [[nodiscard]] bool exact() const {
    return rig_.channel->free_slots() == rig_.channel->size() - used();
  }

  bool prepare() {
    Held held;
    std::uint32_t needed = 0;
    std::array<OperationRequest, 3> batch;
    const std::size_t count = 1 + random_() % batch.size();
    for (OperationRequest& request : std::span(batch).first(count)) {
      const std::size_t sources = 1 + random_() % 3, targets = 1 + random_() % 3;
      request = {.operation = Operation::copy, .shorter = true};
      request.source = std::span(segments_).first(sources);
      request.destination = std::span(segments_).last(targets);
      held.slots.push_back(static_cast<std::uint32_t>(2 * std::min(sources, targets)));
      needed += held.slots.back();
    }
    const std::uint32_t free = rig_.channel->size() - used();
    PrepareResult result = rig_.channel->prepare(std::span(batch).first(count));
    if (needed > rig_.channel->size()) return result.error.kind == Kind::too_large && exact();
    if (needed > free) {
      return result.error.kind == Kind::would_block && result.error.needed == needed &&
             result.error.free == free && exact();
    }
    held.prepared = std::move(result.prepared);
    held_.push_back(std::move(held));
    return result.error.kind == Kind::none && exact();
  }
  void drop() {
    if (held_.empty()) return;
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(random_() % held_.size()));
    ++drops_;
  }
  void submit() {
    if (held_.empty()) return;
    const auto at = held_.begin() + static_cast<std::ptrdiff_t>(random_() % held_.size());
    rig_.channel->submit(std::move(at->prepared));
    in_flight_.insert(in_flight_.end(), at->slots.begin(), at->slots.end());
    held_.erase(at);
  }
  void poll(std::size_t budget) {
    std::array<OperationCompletion, 64> done;
    const unsigned count = rig_.channel->poll(std::span(done).first(budget));
    in_flight_.erase(in_flight_.begin(), in_flight_.begin() + count);
  }

  OperationRig rig_;
  std::mt19937_64 random_;
  std::array<std::byte, 64> memory_{};
  std::array<Segment, 6> segments_{};
  std::vector<Held> held_;
  std::deque<std::uint32_t> in_flight_;
  std::uint64_t drops_ = 0;
};

TEST_CASE("S1.2, check 6: dropped transfers leak no slot, in any interleaving with submissions") {
  const std::uint64_t seed = ring::test::announce_seed("dropped transfers", 6);
  CAPTURE(seed);
  const std::uint64_t drops = long_run() ? 10'000'000 : scaled(200'000);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    Accountant accountant(setting, 16, seed);
    // Where two threads have to take turns, a tenth shows as much.
    const std::uint64_t most = setting.placement == Placement::driven ? drops : drops / 10;
    bool exact = true;
    for (std::uint64_t act = 0; exact && accountant.drops() < most; ++act) {
      exact = accountant.act() && (act % 1000 != 999 || accountant.finish());
    }
    CHECK(exact);
    CHECK(accountant.finish());
  }
}

// Holds what it prepared until it cannot get more, and then gives something back.
class Preparer {
 public:
  explicit Preparer(std::uint64_t seed) : random_(seed) {}

  // False when a try took a part, or said something else than is true.
  [[nodiscard]] bool act(OperationChannel& channel) {
    const auto needed = static_cast<std::uint32_t>(1 + random_() % 6);
    std::array<OperationRequest, 6> batch;
    batch.fill({});
    const std::uint32_t free = channel.free_slots();
    PrepareResult result = channel.prepare(std::span(batch).first(needed));
    if (needed <= free) {
      if (!result || channel.free_slots() != free - needed) return false;
      held_.push_back(std::move(result.prepared));
      return true;
    }
    if (result || result.prepared.size() != 0 || result.error.kind != Kind::would_block ||
        result.error.needed != needed || result.error.free != free ||
        channel.free_slots() != free) {
      return false;
    }
    if (held_.empty()) return true;
    const std::uint32_t slots = held_.front().size();
    held_.pop_front();
    return channel.free_slots() == free + slots;
  }

 private:
  std::mt19937_64 random_;
  std::deque<Prepared> held_;
};

TEST_CASE("S1.12, check 5: two who prepare on a ring that is almost full get all slots or none") {
  const std::uint64_t tries = long_run() ? 10'000'000 : scaled(500'000);
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    OperationRig rig({Placement::driven, layout}, make_copy_backend(), {.size = 16});
    bool all_or_none = true;
    {
      std::array<Preparer, 2> two{Preparer(1), Preparer(2)};
      std::mt19937_64 turn(3);
      for (std::uint64_t i = 0; all_or_none && i < tries; ++i) {
        all_or_none = two[turn() % 2].act(*rig.channel);
      }
    }
    CHECK(all_or_none);
    CHECK(rig.channel->free_slots() == 16);
  }
}

TEST_CASE("S1.12: a transfer of many segments has one cookie and one completion") {
  for (const OperationSetting& setting : kOperationSettings) {
    OperationRig rig(setting, make_copy_backend(), {.size = 128});
    Bytes from(64, std::byte{5}), to(64);
    std::vector<Segment> source, target;
    for (std::size_t i = 0; i < 64; ++i) {
      source.push_back({&from.bytes()[i], 1});
      target.push_back({&to.bytes()[i], 1});
    }
    OperationRequest copy{.operation = Operation::copy, .token = 3};
    copy.source = source;
    copy.destination = target;
    REQUIRE(rig.submit(copy) == 1);
    CHECK(rig.channel->free_slots() == 0);
    CHECK(rig.channel->in_flight() == 1);
    rig.channel->issue();
    const auto done = rig.collect(1);
    REQUIRE(done.size() == 1);
    CHECK(done[0].cookie == 1);
    CHECK(done[0].bytes == 64);
    full_round(rig.engine);
    std::array<OperationCompletion, 2> more;
    CHECK(rig.channel->poll(more) == 0);
    CHECK(rig.channel->free_slots() == 128);
    CHECK(to.bytes() == from.bytes());
  }
}

}  // namespace
}  // namespace bellpull::engine::test
