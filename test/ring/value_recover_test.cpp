// SPDX-License-Identifier: BSD-2-Clause
// What a producer that died leaves behind, at every point of a claim, and how the consumer gets
// past it. A dead producer is one that is detached in the middle; what it had not yet done to its
// note is put there by hand.
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <utility>

#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

using Kind = Mpsc<std::uint64_t>;

struct Scene {
  explicit Scene(std::uint64_t start, std::uint32_t capacity = 8)
      : pair(capacity, start, 3), notes(pair.heap.memory().notes), control(pair.heap.control()) {
    REQUIRE(live.attach(pair.heap.memory(), 2) == SetupError::none);
  }
  /// Producer `number` noted `count` slots from the tail on; and made the claim, or not.
  void claim(std::uint32_t number, std::uint32_t count, bool made) {
    notes[number].value = detail::note_of(control.tail.value, count);
    if (made) control.tail.value += count;
  }
  Recovery recover(std::uint32_t number) { return pair.consumer.recover(number); }

  ValuePair<Kind> pair;
  ValueWord* notes;
  ValueControl& control;
  MpscProducer<std::uint64_t> live;
};

TEST_CASE("check 24: recover() finds nothing where nothing was claimed, and strikes the note out") {
  for (const std::uint64_t start : kStarts) {
    CAPTURE(start);
    Scene scene(start);
    CHECK(scene.recover(0) == Recovery::nothing);
    CHECK(scene.recover(3) == Recovery::nothing);  // no such producer
    // Noted only; then also claimed by somebody else, who committed.
    scene.claim(0, 3, false);
    CHECK(scene.recover(0) == Recovery::nothing);
    CHECK(scene.notes[0].value == detail::kNoClaim);
    scene.claim(0, 3, false);
    REQUIRE(scene.live.push(std::uint64_t{7}));
    CHECK(scene.recover(0) == Recovery::nothing);
    scene.claim(0, 3, false);
    REQUIRE(scene.pair.consumer.pop() == 7);
    CHECK(scene.recover(0) == Recovery::nothing);
    // Committed, and not yet struck out; seen, consumed, and a lap ago.
    for (unsigned i = 0; i < 20; ++i) {
      const std::uint64_t note = detail::note_of(scene.control.tail.value, 1);
      REQUIRE(scene.live.push(std::uint64_t{i}));
      scene.notes[0].value = note;
      CHECK(scene.recover(0) == Recovery::nothing);
      scene.notes[0].value = note;
      REQUIRE(scene.pair.consumer.pop() == i);
      CHECK(scene.recover(0) == Recovery::nothing);
    }
    CHECK(scene.pair.consumer.counters().skipped == 0);
  }
}

TEST_CASE("check 24: a dead producer holds the consumer up until recover(), and only until then") {
  for (const std::uint64_t start : kStarts) {
    for (const std::uint32_t count : {1U, 2U, 5U}) {
      CAPTURE(start);
      CAPTURE(count);
      Scene scene(start);
      for (unsigned round = 0; round < 7; ++round) {
        REQUIRE(scene.live.push(std::uint64_t{1}));
        scene.claim(0, count, true);
        REQUIRE(scene.live.push(std::uint64_t{2}));
        CHECK(scene.pair.consumer.pop() == 1);
        CHECK(!scene.pair.consumer.pop());
        MpscProducer<std::uint64_t> next;
        CHECK(next.attach(scene.pair.heap.memory(), 0) == SetupError::producer_taken);
        CHECK(!next.attached());
        CHECK(scene.recover(0) == Recovery::recovered);
        CHECK(scene.recover(0) == Recovery::nothing);
        CHECK(scene.pair.consumer.pop() == 2);
        CHECK(!scene.pair.consumer.pop());
        CHECK(next.attach(scene.pair.heap.memory(), 0) == SetupError::none);
        CHECK(next.reserve(8).size() == 8);
        CHECK(!scene.pair.consumer.pop());
      }
      CHECK(scene.pair.consumer.counters().skipped == 7 * (count + 8));
    }
  }
}

TEST_CASE("check 24: tags that a dead producer had stored but the first do not show its values") {
  Scene scene(0);
  scene.claim(0, 4, true);
  for (const std::uint32_t i : {3U, 2U})
    scene.pair.heap.memory().tags[i] = detail::tag_of(i, 8, false);
  REQUIRE(scene.live.push(std::uint64_t{9}));
  CHECK(!scene.pair.consumer.pop());
  CHECK(scene.recover(0) == Recovery::recovered);
  CHECK(scene.pair.consumer.pop() == 9);
  CHECK(!scene.pair.consumer.pop());
  CHECK(scene.live.reserve(8).size() == 8);
}

TEST_CASE("check 24: slots that a live producer noted too are contended until it went on") {
  for (const std::uint64_t start : kStarts) {
    CAPTURE(start);
    Scene scene(start);
    // The dead one noted, the live one got the slots.
    scene.claim(0, 2, false);
    auto batch = scene.live.reserve(3);
    CHECK(scene.recover(0) == Recovery::contended);
    CHECK(scene.notes[0].value != detail::kNoClaim);
    batch.slots()[0] = 5;
    batch.commit(1);
    CHECK(scene.recover(0) == Recovery::nothing);
    CHECK(scene.pair.consumer.pop() == 5);
    // The dead one got them, the live one noted and is about to see that it did not.
    scene.claim(0, 2, true);
    scene.notes[2].value = detail::note_of(scene.control.tail.value - 2, 1);
    CHECK(scene.recover(0) == Recovery::contended);
    scene.notes[2].value = detail::kNoClaim;
    CHECK(scene.recover(0) == Recovery::recovered);
    REQUIRE(scene.live.push(std::uint64_t{6}));
    CHECK(scene.pair.consumer.pop() == 6);
  }
}

TEST_CASE("check 24: when two that noted the same slots are both dead, both are recovered") {
  for (const std::uint64_t start : kStarts) {
    for (const std::uint32_t first : {1U, 2U, 4U}) {
      for (const std::uint32_t second : {1U, 2U, 4U}) {
        for (const bool first_got_it : {false, true}) {
          for (const bool first_is_recovered_first : {false, true}) {
            Scene scene(start, 16);
            scene.claim(0, first, false);
            scene.claim(1, second, false);
            scene.control.tail.value += first_got_it ? first : second;
            REQUIRE(scene.live.push(std::uint64_t{3}));
            auto held = scene.live.reserve(1);  // belongs to one that lives
            const std::uint32_t one = first_is_recovered_first ? 0 : 1;
            CHECK(scene.recover(one) == Recovery::contended);
            const Recovery other = scene.recover(1 - one);
            CHECK((other == Recovery::recovered || other == Recovery::contended));
            held.slots()[0] = 4;
            held.commit();
            // Whoever is told to come back comes back.
            for (unsigned i = 0; i < 2; ++i) {
              for (const std::uint32_t number : {0U, 1U}) {
                const Recovery last = scene.recover(number);
                if (i != 0) CHECK(last == Recovery::nothing);
              }
            }
            CHECK(scene.pair.consumer.pop() == 3);
            CHECK(scene.pair.consumer.pop() == 4);
            CHECK(!scene.pair.consumer.pop());
            CHECK(scene.live.reserve(16).size() == 16);
            MpscProducer<std::uint64_t> next;
            CHECK(next.attach(scene.pair.heap.memory(), 0) == SetupError::none);
            next.detach();
            CHECK(next.attach(scene.pair.heap.memory(), 1) == SetupError::none);
          }
        }
      }
    }
  }
}

TEST_CASE("check 24: a consumer that attaches anew recovers what was claimed before") {
  for (const std::uint64_t start : kStarts) {
    Scene scene(start);
    REQUIRE(scene.live.push(std::uint64_t{1}));
    scene.claim(0, 2, true);
    REQUIRE(scene.live.push(std::uint64_t{2}));
    MpscConsumer<std::uint64_t> next;
    REQUIRE(next.attach(scene.pair.heap.memory()) == SetupError::none);
    CHECK(next.recover(0) == Recovery::recovered);
    CHECK(next.pop() == 1);
    CHECK(next.pop() == 2);
    CHECK(!next.pop());
    CHECK(next.counters().skipped == 2);
    scene.pair.consumer.detach();
    CHECK(scene.recover(0) == Recovery::nothing);
  }
}

TEST_CASE(
    "check 24: a dead producer in every slot of a full ring is recovered, whoever waits behind") {
  Scene scene(0);
  scene.claim(0, 8, true);
  CHECK(!scene.live.push(std::uint64_t{1}));
  CHECK(scene.recover(0) == Recovery::recovered);
  CHECK(!scene.live.push(std::uint64_t{1}));  // not before the consumer came by
  CHECK(!scene.pair.consumer.pop());
  CHECK(scene.live.push(std::uint64_t{1}));
  CHECK(scene.pair.consumer.pop() == 1);
}

}  // namespace
}  // namespace bellpull::ring::test
