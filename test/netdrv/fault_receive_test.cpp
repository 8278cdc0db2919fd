// SPDX-License-Identifier: BSD-2-Clause
// Each kind of fault on received frames, one call at a time.
#include <cerrno>

#include "fault_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace bellpull::test;

namespace {

constexpr auto kReads = engine::Direction::device_to_memory;

void push(const FaultRig& rig, unsigned count, unsigned first = 0) {
  for (unsigned i = 0; i < count; ++i)
    REQUIRE(rig.tap.push(pattern_frame(60 + first + i, first + i)));
}

// The numbers of the frames, which push() gave their lengths.
std::vector<std::size_t> numbers(const FaultRig& rig, const std::vector<engine::Done>& done) {
  std::vector<std::size_t> found;
  for (const engine::Done& d : done) {
    const Bytes frame = rig.frame(d);
    const std::size_t number = frame.size() - 60;
    CHECK(frame == pattern_frame(frame.size(), static_cast<unsigned>(number)));
    found.push_back(number);
  }
  return found;
}

using Numbers = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a link without faults for a direction hands out the back-end inside") {
  const FaultRig rig("tx:drop", kReads);
  CHECK(rig.backend->wait_source().fd == rig.whole.device().fd());
}

TEST_CASE("drop: the frame is gone, and its buffer takes the next one") {
  FaultRig rig("rx:drop:every=2", kReads);
  rig.post_all(3);
  push(rig, 6);
  CHECK(numbers(rig, rig.reap()) == Numbers{0, 2, 4});
  CHECK(rig.link.rx().frames == 5);  // the last one finds no buffer
  CHECK(rig.link.rx().of(FrameFaultKind::drop) == 2);
}

TEST_CASE("errno: the read fails with it, and the frame is consumed as the kernel would") {
  FaultRig rig("rx:errno=EINVAL:offset=1:limit=1", kReads);
  rig.post_all();
  push(rig, 3);
  const auto done = rig.reap();
  REQUIRE(done.size() == 3);
  CHECK(done[1].error == EINVAL);
  CHECK(done[1].bytes == 0);
  CHECK(numbers(rig, {done[0], done[2]}) == Numbers{0, 2});
  CHECK(rig.link.rx().of(FrameFaultKind::error) == 1);
}

TEST_CASE("F7: errno=EAGAIN on a read keeps the frame, and wakes although there is no new edge") {
  FaultRig rig("rx:errno=EAGAIN:limit=1", kReads);
  rig.post_all();
  push(rig, 2);
  std::array<engine::Done, 4> done;
  const engine::Reaped first = rig.backend->reap(done);
  CHECK(first.count == 0);
  CHECK(first.would_block);
  CHECK(wakes(*rig.backend));
  CHECK(numbers(rig, rig.reap()) == Numbers{0, 1});
  CHECK(rig.link.rx().again == 1);
  CHECK(rig.link.rx().of(FrameFaultKind::error) == 0);
}

TEST_CASE("short: there is no Ethernet header; truncate: the header is whole, the end is lost") {
  FaultRig rig("rx:short:limit=1;rx:truncate:limit=1", kReads);
  rig.post_all();
  push(rig, 3);
  const auto done = rig.reap();
  REQUIRE(done.size() == 3);
  CHECK(done[0].bytes < kVnetHeader + 14);
  CHECK(done[1].bytes >= kVnetHeader + 14);
  CHECK(done[1].bytes < kVnetHeader + 61);
  CHECK(numbers(rig, {done[2]}) == Numbers{2});
}

TEST_CASE("duplicate: the copy comes in the next buffer that is posted, and wakes for it") {
  FaultRig rig("rx:duplicate:limit=2", kReads);
  rig.post_all(2);
  push(rig, 2);
  const auto done = rig.reap();
  CHECK(numbers(rig, done) == Numbers{0, 1});
  CHECK(rig.would_block);
  REQUIRE(rig.post(0));
  REQUIRE(rig.post(1));
  CHECK(wakes(*rig.backend));
  CHECK(numbers(rig, rig.reap()) == Numbers{0, 1});
  CHECK(rig.link.rx().of(FrameFaultKind::duplicate) == 2);
  CHECK(rig.link.rx().frames == 2);
}

TEST_CASE("corrupt: one bit is flipped; corrupt=header: one of the virtio-net header") {
  for (const bool header : {false, true}) {
    FaultRig rig(header ? "rx:corrupt=header" : "rx:corrupt;seed=3", kReads);
    rig.post_all();
    for (unsigned i = 0; i < 8; ++i) REQUIRE(rig.tap.push(pattern_frame(300, 1)));
    const auto done = rig.reap();
    REQUIRE(done.size() == 8);
    Bytes whole(kVnetHeader);
    const Bytes frame = pattern_frame(300, 1);
    whole.insert(whole.end(), frame.begin(), frame.end());
    for (const engine::Done& d : done) {
      CHECK(d.bytes == whole.size());
      unsigned bits = 0;
      unsigned in_header = 0;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        const auto differ = std::to_integer<unsigned>(rig.buffers[d.id - 1][i] ^ whole[i]);
        for (unsigned bit = 0; bit < 8; ++bit) bits += differ >> bit & 1;
        if (i < kVnetHeader && differ != 0) ++in_header;
      }
      CHECK(bits == 1);
      if (header) CHECK(in_header == 1);
    }
  }
}

TEST_CASE("reorder: a frame comes after so many that were behind it") {
  FaultRig rig("rx:reorder=2:limit=1", kReads);
  rig.post_all();
  push(rig, 5);
  CHECK(numbers(rig, rig.reap()) == Numbers{1, 2, 0, 3, 4});
  CHECK(rig.link.rx().of(FrameFaultKind::reorder) == 1);
}

TEST_CASE("reorder: a frame that nobody overtakes comes after 10 ms, which wake for it") {
  FaultRig rig("rx:reorder:limit=1", kReads);
  rig.post_all();
  push(rig, 1);
  CHECK(rig.reap().empty());
  CHECK(rig.would_block);
  rig.clock.ns += 10'000'000 - 1;
  CHECK(rig.reap().empty());
  CHECK(wakes(*rig.backend));
  rig.clock.ns += 1;
  CHECK(numbers(rig, rig.reap()) == Numbers{0});
}

TEST_CASE("delay: a frame comes that much later, and those behind it do not wait") {
  FaultRig rig("rx:delay=300:every=2:limit=2", kReads);
  rig.post_all();
  push(rig, 4);
  CHECK(numbers(rig, rig.reap()) == Numbers{0, 2});
  CHECK(rig.would_block);
  rig.clock.ns += 299'999;
  CHECK(rig.reap().empty());
  CHECK(wakes(*rig.backend));
  rig.clock.ns += 1;
  CHECK(numbers(rig, rig.reap()) == Numbers{1, 3});
}

TEST_CASE("the last buffer is never held back: the frame passes, and that is counted") {
  FaultRig rig("rx:delay=1000", kReads);
  rig.post_all(2);
  push(rig, 3);
  CHECK(numbers(rig, rig.reap()) == Numbers{1});
  CHECK(rig.link.rx().crowded == 1);
  REQUIRE(rig.post(1));
  CHECK(numbers(rig, rig.reap()) == Numbers{2});
  rig.clock.ns += 1'000'000;
  CHECK(numbers(rig, rig.reap()) == Numbers{0});
}

TEST_CASE("a frame that is held back when the port stops is counted as lost") {
  FaultRig rig("rx:delay=1000:limit=2", kReads);
  rig.post_all();
  push(rig, 3);
  CHECK(rig.reap().size() == 1);
  rig.backend->stop();
  CHECK(rig.link.rx().lost == 2);
  CHECK(rig.reap().empty());
  CHECK(rig.backend->window() == 64);
}

TEST_CASE("a receiver that is stopped fills none of the buffers that it had") {
  FaultRig rig("rx:drop:chance=0", kReads);
  rig.post_all();
  CHECK(rig.reap().empty());
  rig.backend->stop();
  const auto before = rig.buffers;
  push(rig, 1, 7);
  CHECK(rig.reap().empty());
  CHECK(rig.buffers == before);
  REQUIRE(rig.post(5));
  const auto done = rig.reap();
  REQUIRE(done.size() == 1);
  CHECK(done[0].id == 6);
  CHECK(numbers(rig, done) == Numbers{7});
}

TEST_CASE("chance and limit: about so many are hit, and no more than that") {
  FaultRig rig("rx:drop:chance=250000;seed=11", kReads);
  unsigned received = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    rig.post(i % 8);
    REQUIRE(rig.tap.push(pattern_frame(60, i)));
    received += static_cast<unsigned>(rig.reap().size());
  }
  // Some buffers stay posted when a frame is dropped; the device keeps what does not fit.
  const std::uint64_t drops = rig.link.rx().of(FrameFaultKind::drop);
  CHECK(drops + received == rig.link.rx().frames);
  CHECK(drops > 400);
  CHECK(drops < 600);
}
