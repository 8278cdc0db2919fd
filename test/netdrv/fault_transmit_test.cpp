// SPDX-License-Identifier: BSD-2-Clause
// Each kind of fault on frames that are sent, one call at a time.
#include <cerrno>

#include "fault_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace bellpull::test;

namespace {

constexpr auto kWrites = engine::Direction::memory_to_device;

void send(FaultRig& rig, unsigned count) {
  for (unsigned i = 0; i < count; ++i) REQUIRE(rig.send(i, pattern_frame(60 + i, i)));
}

using Numbers = std::vector<std::size_t>;

// The numbers of the frames that the device got.
Numbers got(const FaultRig& rig) {
  Numbers found;
  for (Bytes frame = rig.sent(); !frame.empty(); frame = rig.sent()) {
    const std::size_t number = frame.size() - 60;
    CHECK(frame == pattern_frame(frame.size(), static_cast<unsigned>(number)));
    found.push_back(number);
  }
  return found;
}

}  // namespace

TEST_CASE("drop: the device gets nothing, and the port hears that it was sent") {
  FaultRig rig("tx:drop:every=2", kWrites);
  send(rig, 5);
  const auto done = rig.reap();
  CHECK(done.size() == 5);
  for (const engine::Done& d : done) CHECK(d.error == 0);
  CHECK(got(rig) == Numbers{0, 2, 4});
  CHECK(rig.link.tx().of(FrameFaultKind::drop) == 2);
}

TEST_CASE("F9: errno=EINVAL:gso hits frames with a GSO type and no others") {
  FaultRig rig("tx:errno=EINVAL:gso", kWrites);
  REQUIRE(rig.send(0, pattern_frame(60, 0)));
  REQUIRE(rig.send(1, pattern_frame(61, 1), 1));
  REQUIRE(rig.send(2, pattern_frame(62, 2)));
  const auto done = rig.reap();
  REQUIRE(done.size() == 3);
  for (const engine::Done& d : done) CHECK(d.error == (d.id == 2 ? EINVAL : 0));
  CHECK(got(rig) == Numbers{0, 2});
}

TEST_CASE("F7: errno=EAGAIN on a write keeps the frame and its place, and wakes for another try") {
  FaultRig rig("tx:errno=EAGAIN:offset=1:limit=3", kWrites);
  send(rig, 3);
  std::array<engine::Done, 8> done;
  const engine::Reaped first = rig.backend->reap(done);
  CHECK(first.count == 1);
  CHECK(first.would_block);
  for (unsigned i = 0; i < 2; ++i) {
    CHECK(wakes(*rig.backend));
    CHECK(rig.backend->reap(done).count == 0);
  }
  CHECK(rig.link.tx().again == 3);
  CHECK(wakes(*rig.backend));
  CHECK(rig.reap().size() == 2);
  CHECK(got(rig) == Numbers{0, 1, 2});
}

TEST_CASE("duplicate: the device gets it twice, and the port hears of it once") {
  FaultRig rig("tx:duplicate:every=2", kWrites);
  send(rig, 4);
  CHECK(rig.reap().size() == 4);
  CHECK(got(rig) == Numbers{0, 1, 1, 2, 3, 3});
  CHECK(rig.link.tx().of(FrameFaultKind::duplicate) == 2);
}

TEST_CASE("corrupt and truncate: the device gets a spoiled copy, the port's own is as it was") {
  FaultRig rig("tx:corrupt:limit=1;tx:truncate:limit=1;seed=5", kWrites);
  send(rig, 3);
  const auto before = rig.buffers;
  CHECK(rig.reap().size() == 3);
  CHECK(rig.buffers == before);
  const Bytes corrupt = rig.tap.pull_raw();
  REQUIRE(corrupt.size() == kVnetHeader + 60);
  CHECK(Bytes(before[0].begin(), before[0].begin() + kVnetHeader + 60) != corrupt);
  const Bytes cut = rig.sent();
  CHECK(cut.size() >= 14);
  CHECK(cut.size() < 61);
  CHECK(got(rig) == Numbers{2});
}

TEST_CASE("reorder: a frame is sent after so many that were behind it, or after 10 ms") {
  FaultRig rig("tx:reorder=2:limit=1", kWrites);
  send(rig, 4);
  CHECK(rig.reap().size() == 4);
  CHECK(got(rig) == Numbers{1, 2, 0, 3});
  FaultRig alone("tx:reorder", kWrites);
  send(alone, 1);
  CHECK(alone.reap().empty());
  CHECK(alone.would_block);
  CHECK(wakes(*alone.backend));
  alone.clock.ns += 10'000'000;
  CHECK(alone.reap().size() == 1);
  CHECK(got(alone) == Numbers{0});
}

TEST_CASE("delay: those behind a delayed frame are sent at once, and wake whoever sleeps on it") {
  FaultRig rig("tx:delay=60000000:limit=1", kWrites);
  REQUIRE(rig.send(0, pattern_frame(60, 0)));
  CHECK(rig.reap().empty());
  REQUIRE(rig.send(1, pattern_frame(61, 1)));
  CHECK(wakes(*rig.backend));
  CHECK(rig.reap().size() == 1);
  CHECK(got(rig) == Numbers{1});
  rig.clock.ns += 60'000'000'000;
  CHECK(rig.reap().size() == 1);
  CHECK(got(rig) == Numbers{0});
}

TEST_CASE("a sender that is stopped forgets what it held back") {
  FaultRig rig("tx:delay=1000;tx:duplicate", kWrites);
  send(rig, 8);
  CHECK(rig.reap().empty());
  rig.backend->stop();
  rig.clock.ns += 1'000'000;
  CHECK(rig.reap().empty());
  CHECK(got(rig).empty());
  CHECK(rig.backend->window() == 64);
}

TEST_CASE("a sender that is stopped while its device takes no more sends nothing of it later") {
  FaultRig rig("tx:drop:chance=0", kWrites);
  for (unsigned i = 0; i < 500 && !rig.would_block; ++i) {
    REQUIRE(rig.send(i % 8, pattern_frame(60 + i % 8, i % 8)));
    static_cast<void>(rig.reap());
  }
  REQUIRE(rig.would_block);
  rig.backend->stop();
  while (!rig.tap.pull_raw().empty()) {
  }
  REQUIRE(rig.send(3, pattern_frame(99, 39)));
  CHECK(rig.reap().size() == 1);
  CHECK(got(rig) == Numbers{39});
}

TEST_CASE(
    "a sender whose device takes no more sends everything once it does, twice where planned") {
  FaultRig rig("tx:duplicate:every=3;tx:corrupt:every=5", kWrites);
  std::uint64_t sent = 0;
  std::uint64_t device = 0;
  for (unsigned i = 0; i < 500; ++i) {
    if (!rig.send(i % 8, pattern_frame(1000, i))) break;
    sent += rig.reap().size();
    if (rig.would_block) {
      while (!rig.tap.pull_raw().empty()) ++device;
      CHECK(wakes(*rig.backend));
      sent += rig.reap().size();
    }
  }
  while (!rig.tap.pull_raw().empty()) ++device;
  CHECK(sent == 500);
  CHECK(device == sent + rig.link.tx().of(FrameFaultKind::duplicate));
  CHECK(rig.link.tx().of(FrameFaultKind::duplicate) == 500 / 3);
}
