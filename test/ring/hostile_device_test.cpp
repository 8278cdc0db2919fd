// SPDX-License-Identifier: BSD-2-Clause
// What a hostile device can do to a driver half, in either layout.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "queue_pair.hpp"
#include "raw_queue.hpp"

namespace bellpull::ring::test {
namespace {

#define BELLPULL_LAYOUTS Split, Packed

template <class Layout>
struct Bench {
  explicit Bench(const Features& features = {}, std::uint32_t size = 8)
      : queue(size, features), device(queue.memory), neighbour(4) {
    REQUIRE(queue.attach_driver() == SetupError::none);
    REQUIRE(neighbour.attach() == SetupError::none);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() { neighbour.step(5); }

  /// Posts `count` chains of one writable byte, and shows them.
  void post(unsigned count) {
    for (unsigned i = 0; i < count; ++i) REQUIRE(queue.post_writable(100 + i) != kNoHead);
    queue.driver.publish();
  }

  /// The queue breaks for this reason, touches nothing from then on, and works after a reset.
  void expect_broken(QueueFault fault) {
    CHECK(queue.poll().empty());
    expect_dead(fault);
  }
  void expect_dead(QueueFault fault) {
    CHECK(queue.driver.fault() == fault);
    const auto bytes = [this] {
      std::vector<std::byte> all;
      for (const AlignedBytes& part : queue.memory.parts) {
        all.insert(all.end(), part.span().begin(), part.span().end());
      }
      return all;
    };
    const auto image = bytes();
    CHECK(queue.poll().empty());
    CHECK(queue.post_one(1) == kNoHead);
    const Segment one = queue.segment(0, 1);
    const std::uint16_t head = queue.driver.reserve({&one, 1}, {}, 1);
    CHECK(head == kNoHead);
    CHECK_FALSE(queue.driver.offer(0));
    queue.driver.publish();
    CHECK_FALSE(queue.driver.publish_and_test());
    CHECK_FALSE(queue.driver.arm());
    queue.driver.disarm();
    CHECK(bytes() == image);
    queue.driver.reset();
    queue.memory.clear();
    REQUIRE(queue.attach() == SetupError::none);
    queue.step(20);
  }

  Pair<Kind<Layout, Untrusted, RegionMap<>>> queue;
  RawDevice<Layout> device;
  Pair<Kind<Layout, Untrusted, RegionMap<>>> neighbour;
};

TEST_CASE_TEMPLATE("check 12, V1: a used id that is not below the size of the queue", Layout,
                   BELLPULL_LAYOUTS) {
  for (const std::uint32_t id : {8U, 9U, 255U, 0x7fffU, 0x8000U, 0xffffU}) {
    CAPTURE(id);
    Bench<Layout> bench;
    bench.post(2);
    bench.device.use(id, 0);
    bench.expect_broken(QueueFault::used_id_unknown);
  }
}

TEST_CASE("check 12, V1: split, an id whose low 16 bits would be a good one") {
  for (const std::uint32_t id : {0x10000U, 0x80000001U, 0xffff0000U, 0xffffffffU}) {
    CAPTURE(id);
    Bench<Split> bench;
    bench.post(2);
    bench.device.use(id, 0);
    bench.expect_broken(QueueFault::used_id_unknown);
  }
}

TEST_CASE_TEMPLATE(
    "check 12, V1: a used id that is not in flight, and one from the middle of a chain", Layout,
    BELLPULL_LAYOUTS) {
  for (const bool middle : {false, true}) {
    CAPTURE(middle);
    Bench<Layout> bench;
    const std::vector<Segment> three(3, bench.queue.segment(0, 1));
    const std::uint16_t head = bench.queue.driver.post(three, {}, 1);
    bench.queue.driver.publish();
    bench.device.use(head + (middle ? 1U : 5U), 0);
    bench.expect_broken(QueueFault::used_id_unknown);
  }
}

TEST_CASE_TEMPLATE("check 12, V1: a chain that is completed twice is reported once", Layout,
                   BELLPULL_LAYOUTS) {
  Bench<Layout> bench;
  bench.post(3);
  bench.device.use(1, 1);
  bench.device.use(1, 1);
  const auto back = bench.queue.poll();
  REQUIRE(back.size() == 1);
  CHECK(back[0].token == 101);
  bench.expect_dead(QueueFault::used_id_unknown);
}

TEST_CASE_TEMPLATE("check 12, V1: a chain that was reserved and not offered cannot be completed",
                   Layout, BELLPULL_LAYOUTS) {
  Bench<Layout> bench;
  bench.post(1);
  const Segment one = bench.queue.segment(0, 1);
  const std::uint16_t head = bench.queue.driver.reserve({&one, 1}, {}, 7);
  bench.device.use(head, 0);
  bench.expect_broken(QueueFault::used_id_unknown);
}

TEST_CASE_TEMPLATE("check 12, V1: a chain that was offered and not published cannot be completed",
                   Layout, BELLPULL_LAYOUTS) {
  Bench<Layout> bench;
  bench.post(2);
  const std::uint16_t head = bench.queue.post_writable(7);
  REQUIRE(head != kNoHead);
  bench.device.use(head, 1);
  bench.expect_broken(QueueFault::used_id_unknown);
}

TEST_CASE_TEMPLATE(
    "check 12, V2: a used length above the chain's writable bytes is cut, and counted", Layout,
    BELLPULL_LAYOUTS) {
  for (const bool in_order : {false, true}) {
    Bench<Layout> bench({.in_order = in_order});
    const std::vector<Segment> readable(1, bench.queue.segment(0, 1000));
    const std::vector<Segment> writable(2, bench.queue.segment(0, 100));
    unsigned clamped = 0;
    for (const std::uint32_t claimed :
         {0U, 1U, 199U, 200U, 201U, 1200U, 0x7fffffffU, 0xffffffffU}) {
      CAPTURE(claimed);
      const std::uint16_t head = bench.queue.driver.post(readable, writable, 1);
      REQUIRE(head != kNoHead);
      bench.queue.driver.publish();
      bench.device.use(head, claimed, 3);
      const auto back = bench.queue.poll();
      REQUIRE(back.size() == 1);
      CHECK(back[0].length == std::min(claimed, 200U));
      clamped += claimed > 200 ? 1 : 0;
      CHECK(bench.queue.driver.counters().lengths_clamped == clamped);
    }
    CHECK(bench.queue.driver.fault() == QueueFault::none);
    const std::uint16_t head = bench.queue.driver.post(readable, {}, 1);  // nothing to write at all
    bench.queue.driver.publish();
    bench.device.use(head, 1);
    const auto back = bench.queue.poll();
    REQUIRE(back.size() == 1);
    CHECK(back[0].length == 0);
  }
}

TEST_CASE("check 12, V3: split, a used index ahead of what was published, or going back") {
  for (const std::uint16_t index : Words{4, 8, 9, 255, 32768, 65535}) {
    CAPTURE(index);
    Bench<Split> bench;
    bench.post(3);
    bench.device.show(index);
    bench.expect_broken(QueueFault::used_index_jump);
  }
  Bench<Split> bench;
  bench.post(3);
  bench.device.use(0, 0);
  bench.device.use(1, 0);
  REQUIRE(bench.queue.poll(1).size() == 1);
  bench.device.show(1);  // two were seen
  CHECK(bench.queue.driver.arm());
  bench.expect_dead(QueueFault::used_index_jump);
}

TEST_CASE("check 12, V3: packed, used descriptors beyond what is in flight") {
  Bench<Packed> bench;
  bench.post(2);
  for (std::uint32_t i = 0; i < 8; ++i) bench.device.use(i % 2, 0);
  CHECK(bench.queue.poll().size() == 2);
  bench.expect_dead(QueueFault::used_id_unknown);
}

TEST_CASE_TEMPLATE(
    "check 12, V4: a device that rewrites descriptors changes nothing that the driver believes",
    Layout, BELLPULL_LAYOUTS) {
  for (const bool indirect : {false, true}) {
    CAPTURE(indirect);
    Bench<Layout> bench({.indirect = indirect});
    for (unsigned round = 0; round < 50; ++round) {
      const std::vector<Segment> three(3, bench.queue.segment(0, 10));
      const std::uint16_t first = bench.queue.driver.post({}, three, 1);
      const std::uint16_t second = bench.queue.driver.post({}, three, 2);
      REQUIRE(second != kNoHead);
      bench.queue.driver.publish();
      // All of the table, the driver's area and the indirect tables.
      std::ranges::fill(bench.queue.memory.parts[0].span(), std::byte{0x7f});
      if constexpr (!kIsSplit<Layout>) {  // but for the flags: none of them looks used
        for (std::uint32_t at = 0; at < 8; ++at) {
          bench.queue.memory.queue.desc[at].tail = std::uint64_t{kAvail} << 48 | 0x7f7f'7f7f'7f7f;
        }
      }
      std::ranges::fill(bench.queue.memory.parts[1].span(), std::byte{0xff});
      std::ranges::fill(bench.queue.tables.span(), std::byte{0xff});
      const std::uint32_t each = indirect ? 1 : 3;
      bench.device.use(second, 30, each);
      bench.device.use(first, 29, each);
      const auto back = bench.queue.poll();
      REQUIRE(back.size() == 2);
      CHECK(back[0].token == 2);
      CHECK(back[0].length == 30);
      CHECK(back[1].token == 1);
      CHECK(back[1].length == 29);
      CHECK(bench.queue.driver.free_descriptors() == 8);
    }
    CHECK(bench.queue.driver.fault() == QueueFault::none);
  }
}

TEST_CASE_TEMPLATE("check 12, V6: in-order, an id outside of the window of outstanding chains",
                   Layout, BELLPULL_LAYOUTS) {
  for (const std::uint32_t id : {0U, 1U, 5U, 6U, 7U, 8U, 0xffffU}) {  // 2, 3 and 4 are outstanding
    CAPTURE(id);
    Bench<Layout> bench({.in_order = true});
    bench.post(5);
    bench.device.use(1, 1, kIsSplit<Layout> ? 1 : 2);  // a batch of 0 and 1
    if constexpr (kIsSplit<Layout>) bench.device.show(2);
    REQUIRE(bench.queue.poll().size() == 2);
    if constexpr (kIsSplit<Layout>) bench.device.use(0, 0);  // moves our raw device on
    bench.device.use(id, 1);
    bench.expect_broken(QueueFault::used_id_unknown);
  }
}

TEST_CASE(
    "check 12, V6: split in-order, an entry that skips more chains than the index was moved by") {
  Bench<Split> bench({.in_order = true});
  bench.post(5);
  bench.device.use(3, 1);  // claims 0 to 3, the index says one
  bench.expect_broken(QueueFault::used_out_of_order);
}

TEST_CASE_TEMPLATE(
    "check 12, V6: in-order, the last of the window is legal and completes all before it", Layout,
    BELLPULL_LAYOUTS) {
  Bench<Layout> bench({.in_order = true});
  bench.post(5);
  bench.device.use(4, 1, 5);
  if constexpr (kIsSplit<Layout>) bench.device.show(5);
  const auto back = bench.queue.poll();
  REQUIRE(back.size() == 5);
  for (std::uint32_t i = 0; i < 5; ++i) {
    CHECK(back[i].token == 100 + i);
    CHECK(back[i].length == 1);
  }
}

TEST_CASE_TEMPLATE(
    "check 12, D29: any word a device puts where its event word is costs a kick at most", Layout,
    BELLPULL_LAYOUTS) {
  for (const bool event_idx : {true, false}) {
    for (const unsigned byte : {0x00U, 0x01U, 0x02U, 0x03U, 0x7fU, 0x80U, 0xffU}) {
      CAPTURE(byte);
      Bench<Layout> bench({.event_idx = event_idx});
      for (unsigned round = 0; round < 40; ++round) {
        const auto device_area = bench.queue.memory.parts[2].span();
        std::ranges::fill(device_area.last(kIsSplit<Layout> ? 2 : 4), static_cast<std::byte>(byte));
        if (kIsSplit<Layout>) std::ranges::fill(device_area.first(2), static_cast<std::byte>(byte));
        const std::uint16_t head = bench.queue.post_writable(round);
        REQUIRE(head != kNoHead);
        static_cast<void>(bench.queue.driver.publish_and_test());
        bench.device.use(head, 1);
        REQUIRE(bench.queue.poll().size() == 1);
      }
    }
  }
}

}  // namespace
}  // namespace bellpull::ring::test
