// SPDX-License-Identifier: BSD-2-Clause
// What the packed ring looks like in memory, byte for byte; see golden_split_test.cpp. In numbers,
// the two flag bytes are: NEXT 01 00, WRITE 02 00, INDIRECT 04 00, AVAIL 80 00, USED 00 80.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "golden_image.hpp"
#include "queue_pair.hpp"

namespace bellpull::ring::test {
namespace {

// The queue of all images has 3 entries: a number that no split queue can have.
struct Queue : Pair<PackedTrusted> {
  explicit Queue(const Features& agreed = {}) : Pair(3, agreed) {
    REQUIRE(attach() == SetupError::none);
  }
  [[nodiscard]] std::string desc() const { return hex(memory.parts[0].span()); }
  [[nodiscard]] std::string driver_event() const { return hex(memory.parts[1].span()); }
  [[nodiscard]] std::string device_event() const { return hex(memory.parts[2].span()); }
};

TEST_CASE("check 1: a single readable buffer has the bytes of 2.8 from offer to return") {
  Queue queue;
  const Segment segment{0x1122334455667788, 0x0a0b0c0d};
  REQUIRE(queue.driver.post({&segment, 1}, {}, 99) == 0);
  queue.driver.publish();
  CHECK(queue.desc() == hex({
                            // 2.8.13: le64 addr, le32 len, le16 id, le16 flags. 2.8.1: wrap
                            // counter 1, so AVAIL is 1 and USED its inverse.
                            0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,  //
                            0x0d, 0x0c, 0x0b, 0x0a, 0,    0,    0x80, 0,     //
                            0,    0,    0,    0,    0,    0,    0,    0,     //
                            0,    0,    0,    0,    0,    0,    0,    0,     //
                            0,    0,    0,    0,    0,    0,    0,    0,     //
                            0,    0,    0,    0,    0,    0,    0,    0,
                        }));
  const auto chain = queue.take();
  REQUIRE(chain);
  queue.complete(*chain, 0);
  queue.device.publish();
  // 2.8.1: used, so USED equals AVAIL equals the wrap counter. The address is nobody's any more.
  CHECK(hex(queue.memory.parts[0].span().subspan(8, 8)) == hex({0, 0, 0, 0, 0, 0, 0x80, 0x80}));
}

TEST_CASE("check 1: a used descriptor that was written to has its length, its id and WRITE") {
  Queue queue;
  queue.post_one(0);
  const Segment segment{queue.address(0), 0x01020304};
  REQUIRE(queue.driver.post({}, {&segment, 1}, 1) == 1);
  queue.driver.publish();
  CHECK(hex(queue.memory.parts[0].span().subspan(24, 8)) ==
        hex({4, 3, 2, 1, 1, 0, 0x82, 0}));  // WRITE and AVAIL
  REQUIRE(queue.take());
  const auto second = queue.take();
  REQUIRE(second);
  queue.complete(*second, 0x00010203);  // 2.8.5: first used, so it is written to the first place
  queue.device.publish();
  CHECK(hex(queue.memory.parts[0].span().subspan(8, 8)) == hex({3, 2, 1, 0, 1, 0, 0x82, 0x80}));
}

TEST_CASE("check 1: a chain is in consecutive descriptors, with one id, and NEXT on all but one") {
  Queue queue;
  const std::array readable{Segment{0x1000, 12}, Segment{0x2000, 1514}};
  const std::array writable{Segment{0x3000, 1}};
  REQUIRE(queue.driver.post(readable, writable, 1) == 0);
  // 2.8.6: nothing is available before the first descriptor's flags are, which come last.
  CHECK(hex(queue.memory.parts[0].span().subspan(8, 8)) == hex({0, 0, 0, 0, 0, 0, 0, 0}));
  queue.driver.publish();
  CHECK(queue.desc() == hex({
                            0, 0x10, 0, 0, 0, 0, 0, 0, 12,   0, 0, 0, 0, 0, 0x81, 0,  // NEXT
                            0, 0x20, 0, 0, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, 0, 0x81, 0,  // NEXT
                            0, 0x30, 0, 0, 0, 0, 0, 0, 1,    0, 0, 0, 0, 0, 0x82, 0,  // WRITE
                        }));
  const auto chain = queue.take();
  REQUIRE(chain);
  queue.complete(*chain, 1);
  queue.device.publish();
  // 2.8.6: one used descriptor for the chain, in its first place; the others stay as they are.
  CHECK(queue.desc() == hex({
                            0, 0x10, 0, 0, 0, 0, 0, 0, 1,    0, 0, 0, 0, 0, 0x82, 0x80,  //
                            0, 0x20, 0, 0, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, 0, 0x81, 0,     //
                            0, 0x30, 0, 0, 0, 0, 0, 0, 1,    0, 0, 0, 0, 0, 0x82, 0,
                        }));
}

TEST_CASE("check 1: in the second lap AVAIL is clear and USED set, and used clears both") {
  Queue queue;
  queue.step(2);
  const std::array two{Segment{0x1000, 1}, Segment{0x2000, 2}};
  REQUIRE(queue.driver.post(two, {}, 1) == 0);
  queue.driver.publish();
  // 2.8.1: the chain goes over the end, where the wrap counter flips: AVAIL, then USED.
  CHECK(hex(queue.memory.parts[0].span().subspan(32, 16)) ==
        hex({0, 0x10, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x81, 0}));
  CHECK(hex(queue.memory.parts[0].span().first(16)) ==
        hex({0, 0x20, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0x80}));
  CHECK(queue.drain() == 1);
  CHECK(hex(queue.memory.parts[0].span().subspan(40, 8)) == hex({0, 0, 0, 0, 0, 0, 0x80, 0x80}));
  CHECK(queue.poll().size() == 1);
  queue.post_one(2);
  queue.driver.publish();
  CHECK(hex(queue.memory.parts[0].span().subspan(30, 2)) == hex({0, 0x80}));
  CHECK(queue.drain() == 1);
  CHECK(hex(queue.memory.parts[0].span().subspan(24, 8)) == hex({0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("check 1: a packed indirect table has its entries in a row, without NEXT and id") {
  Queue queue({.indirect = true});
  DriverOptions<Packed> options{.features = queue.features, .slots = queue.driver_slots};
  options.indirect = {{reinterpret_cast<PackedDescriptor*>(queue.tables.data()), 9}, 3, 0x55667788};
  REQUIRE(queue.driver.attach(queue.memory.queue, options) == SetupError::none);
  const std::array readable{Segment{0x1000, 12}, Segment{0x2000, 1514}};
  const std::array writable{Segment{0x3000, 1}};
  REQUIRE(queue.driver.post(readable, writable, 1) == 0);
  queue.driver.publish();
  CHECK(hex(queue.memory.parts[0].span().first(16)) ==
        hex({0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0x84, 0}));  // INDIRECT
  // 2.8.7: length and address count, of the flags only WRITE.
  CHECK(hex(queue.tables.span().first(48)) ==
        hex({
            0, 0x10, 0, 0, 0, 0, 0, 0, 12,   0, 0, 0, 0, 0, 0, 0,  //
            0, 0x20, 0, 0, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, 0, 0, 0,  //
            0, 0x30, 0, 0, 0, 0, 0, 0, 1,    0, 0, 0, 0, 0, 2, 0,  // WRITE
        }));
}

TEST_CASE("check 1: in order, one used descriptor with the last id stands for a batch") {
  Queue queue({.in_order = true});
  std::vector<Chain> chains;
  for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(queue.post_writable(i) == i);
  queue.driver.publish();
  while (const auto chain = queue.take()) chains.push_back(*chain);
  REQUIRE(chains.size() == 3);
  for (const Chain& chain : chains) queue.complete(chain, 1);
  queue.device.publish();
  // 2.8.9: the first place names id 2; the other two stay as the driver wrote them.
  CHECK(hex(queue.memory.parts[0].span().subspan(8, 8)) == hex({1, 0, 0, 0, 2, 0, 0x82, 0x80}));
  CHECK(hex(queue.memory.parts[0].span().subspan(24, 8)) == hex({1, 0, 0, 0, 1, 0, 0x82, 0}));
  CHECK(hex(queue.memory.parts[0].span().subspan(40, 8)) == hex({1, 0, 0, 0, 2, 0, 0x82, 0}));
}

TEST_CASE("check 1: event words are disabled at first, then name a place with its wrap counter") {
  Queue queue;
  // 2.8.14: le16 offset in bits 0 to 14 and wrap in bit 15, le16 flags: 1 is off, 2 a descriptor.
  CHECK(queue.driver_event() == hex({0, 0, 1, 0}));
  CHECK(queue.device_event() == hex({0, 0, 1, 0}));
  CHECK_FALSE(queue.driver.arm());
  CHECK_FALSE(queue.device.arm());
  CHECK(queue.driver_event() == hex({0, 0x80, 2, 0}));
  CHECK(queue.device_event() == hex({0, 0x80, 2, 0}));
  queue.step(4);
  CHECK_FALSE(queue.driver.arm());
  CHECK_FALSE(queue.device.arm());
  CHECK(queue.driver_event() == hex({1, 0, 2, 0}));  // the second lap
  CHECK(queue.device_event() == hex({1, 0, 2, 0}));
  queue.driver.disarm();
  queue.device.disarm();
  CHECK(queue.driver_event() == hex({0, 0, 1, 0}));
  CHECK(queue.device_event() == hex({0, 0, 1, 0}));
}

TEST_CASE("check 1: without event index the event words say on or off") {
  Queue queue({.event_idx = false});
  CHECK(queue.driver_event() == hex({0, 0, 1, 0}));
  CHECK_FALSE(queue.driver.arm());
  CHECK_FALSE(queue.device.arm());
  CHECK(queue.driver_event() == hex({0, 0, 0, 0}));
  CHECK(queue.device_event() == hex({0, 0, 0, 0}));
}

TEST_CASE("check 1: the device half reads a chain that a foreign driver wrote") {
  Queue queue;
  put(queue.memory.parts[0].span(),
      {
          1,    0,    0,    0,    0,    0,    0,    0,    0, 1, 0, 0,    9, 9, 0x81, 0,  // NEXT
          0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0, 0, 0, 0x80, 2, 0, 0x82, 0,  // WRITE
          9,    9,    9,    9,    9,    9,    9,    9,    9, 9, 9, 9,    9, 9, 9,    9,
      });
  const auto chain = queue.take();
  REQUIRE(chain);
  CHECK(chain->head == 2);  // 2.8.6: the id is that of the chain's last descriptor
  CHECK(chain->descriptors == 2);
  REQUIRE(chain->readable == 1);
  REQUIRE(chain->writable == 1);
  CHECK(reinterpret_cast<std::uintptr_t>(queue.pieces[0].data) == 1);
  CHECK(queue.pieces[0].length == 256);
  CHECK(reinterpret_cast<std::uintptr_t>(queue.pieces[1].data) == 0x0123456789abcdef);
  CHECK(queue.pieces[1].length == 0x80000000);
  put(queue.memory.parts[1].span(), {0, 0x80, 2, 0});  // wants to hear of the first descriptor
  queue.complete(*chain, 1);
  CHECK(queue.device.publish_and_test());
}

TEST_CASE("check 1: the driver half reads what a foreign device wrote") {
  Queue queue;
  for (unsigned i = 0; i < 3; ++i) REQUIRE(queue.post_writable(70 + i) == i);
  put(queue.memory.parts[2].span(), {2, 0x80, 2, 0});  // a kick at the third descriptor
  CHECK(queue.driver.publish_and_test());
  put(queue.memory.parts[0].span(),
      {
          7, 7, 7, 7, 7, 7, 7, 7, 0xff, 0xff, 0xff, 0xff, 2, 0, 0x82, 0x80,  // id 2, WRITE
          7, 7, 7, 7, 7, 7, 7, 7, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x80, 0x80,  // id 0, none
          0, 0, 0, 0, 0, 0, 0, 0, 1,    0,    0,    0,    2, 0, 0x82, 0,     // available still
      });
  const auto back = queue.poll();
  REQUIRE(back.size() == 2);
  CHECK(back[0].token == 72);
  CHECK(back[0].length == 0xffffffff);
  CHECK(back[1].token == 70);
  CHECK(back[1].length == 0);  // 2.8.5: without WRITE the length is reserved
}

TEST_CASE("check 1: the kernel's structures read from the packed ring what we put there") {
  Queue queue;
  const std::array two{Segment{0x10, 1}, Segment{0x20, 2}};
  REQUIRE(queue.driver.post(std::span(two).first(1), std::span(two).last(1), 1) == 0);
  queue.driver.publish();
  const auto first = read_as<vring_packed_desc>(queue.memory.parts[0].span(), 0);
  const auto second = read_as<vring_packed_desc>(queue.memory.parts[0].span(), 16);
  CHECK(first.addr == 0x10);
  CHECK(first.len == 1);
  CHECK(first.id == 0);
  CHECK(first.flags == (VRING_DESC_F_NEXT | 1U << VRING_PACKED_DESC_F_AVAIL));
  CHECK(second.addr == 0x20);
  CHECK(second.len == 2);
  CHECK(second.flags == (VRING_DESC_F_WRITE | 1U << VRING_PACKED_DESC_F_AVAIL));
  CHECK_FALSE(queue.driver.arm());
  const auto event = read_as<vring_packed_desc_event>(queue.memory.parts[1].span(), 0);
  CHECK(event.off_wrap == 1U << VRING_PACKED_EVENT_F_WRAP_CTR);
  CHECK(event.flags == VRING_PACKED_EVENT_FLAG_DESC);
}

}  // namespace
}  // namespace bellpull::ring::test
