// SPDX-License-Identifier: BSD-2-Clause
// Which arrival meets which buffer.
#include <doctest/doctest.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

#include "engine/counted_allocation.hpp"
#include "seeds.hpp"
#include "sim_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using test::FakeClock;
using test::Pieces;
using test::ReceiveRig;

namespace {

SimOptions every_microsecond(unsigned ring = 256) {
  SimOptions options;
  options.rate = 1e6;
  options.ring = ring;
  return options;
}

std::vector<std::uint64_t> numbers(const std::vector<ReceiveRig::Frame>& frames) {
  std::vector<std::uint64_t> all;
  for (const ReceiveRig::Frame& frame : frames) all.push_back(frame.said.sequence);
  return all;
}

using Numbers = std::vector<std::uint64_t>;

TEST_CASE("before begin() nothing arrives, afterwards each frame at its time and not before") {
  ReceiveRig rig(every_microsecond());
  rig.post(10);
  CHECK(rig.reap(5'000'000).empty());
  CHECK(rig.would_block);
  rig.nic->begin(6'000'000);
  rig.nic->begin(0);  // too late
  CHECK(rig.reap(5'999'999).empty());
  CHECK(numbers(rig.reap(6'000'000)) == Numbers{0});
  CHECK(rig.reap(6'000'999).empty());
  const auto two = rig.reap(6'002'000);
  CHECK(numbers(two) == Numbers{1, 2});
  CHECK(two[0].said.time_ns == 6'001'000);
  CHECK(two[1].said.time_ns == 6'002'000);
  CHECK(two[0].id == 2);
  CHECK(two[1].id == 3);
  CHECK(rig.reap(6'002'000).empty());
}

TEST_CASE("after end() nothing arrives but what had come by then") {
  ReceiveRig rig(every_microsecond());
  rig.post(10);
  rig.nic->begin(0);
  rig.clock.time = 2500;
  rig.nic->end();
  CHECK(numbers(rig.reap(1'000'000)) == Numbers{0, 1, 2});
  CHECK(rig.would_block);
  CHECK(rig.reap(2'000'000).empty());
  rig.nic->end();  // too late
  CHECK(rig.reap(3'000'000).empty());
  CHECK(rig.nic->counters().scheduled == 3);
}

TEST_CASE("a last frame is the last") {
  SimOptions options = every_microsecond();
  options.frames = 4;
  ReceiveRig rig(options);
  rig.post(10);
  rig.nic->begin(0);
  CHECK(rig.reap(1'000'000'000).size() == 4);
  CHECK(rig.would_block);
  CHECK(rig.nic->counters().scheduled == 4);
}

TEST_CASE("the oldest go to buffers that were there, the latest to those posted since") {
  ReceiveRig rig(every_microsecond());
  rig.post(2);
  rig.nic->begin(1000);
  CHECK(rig.reap(0).empty());
  rig.post(3);
  // Ten have come: the two buffers that were there catch 0 and 1, the three new ones 7, 8 and 9.
  const auto frames = rig.reap(10'000);
  CHECK(numbers(frames) == Numbers{0, 1, 7, 8, 9});
  CHECK(frames.front().id == 1);
  CHECK(frames.back().id == 5);
  const SimCounters counters = rig.nic->counters();
  CHECK(counters.scheduled == 10);
  CHECK(counters.delivered == 5);
  CHECK(counters.missed_no_buffer == 5);  // within the time any driver needs
  CHECK(counters.missed_generator == 0);
}

TEST_CASE("without a buffer all is missed, however long") {
  ReceiveRig rig(every_microsecond());
  rig.nic->begin(0);
  CHECK(rig.reap(0).empty());
  CHECK(rig.nic->counters().missed_no_buffer == 1);
  rig.post(1);
  const std::uint64_t day = 86'400'000'000'000;
  CHECK(numbers(rig.reap(day)) == Numbers{day / 1000});
  const SimCounters counters = rig.nic->counters();
  CHECK(counters.missed_no_buffer + counters.missed_generator == day / 1000);
  CHECK(counters.largest_lateness_ns == 0);
}

struct Missed {
  std::uint64_t no_buffer;
  std::uint64_t generator;
  bool operator==(const Missed&) const = default;
};

// Of a rig that has looked with so many buffers, and misses some of the 100 frames that come
// after `meanwhile`, in which so many buffers are posted.
Missed missed_after(unsigned before, unsigned posted, void (*meanwhile)()) {
  ReceiveRig rig(every_microsecond());
  rig.nic->begin(1'001'000);
  rig.post(before);
  CHECK(rig.reap(1'000'000).empty());
  meanwhile();
  rig.post(posted);
  CHECK(rig.reap(1'100'000).size() == before + posted);
  return {rig.nic->counters().missed_no_buffer, rig.nic->counters().missed_generator};
}

std::pair<long, long> switches() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return {usage.ru_nvcsw, usage.ru_nivcsw};
}

TEST_CASE("what a driver misses that is busy on the device's own thread is its own fault") {
  bool on_cpu = false;
  while (!on_cpu) {
    const auto before = switches();
    const Missed with_buffers = missed_after(4, 3, [] {});
    const Missed without = missed_after(0, 3, [] {});
    on_cpu = switches() == before;
    if (!on_cpu) continue;
    CHECK(with_buffers == Missed{93, 0});
    CHECK(without == Missed{97, 0});
  }
}

TEST_CASE("misses after 10 us are the machine's when the thread with buffers was woken too late") {
  // 4 to 10 came within 10 us of the first.
  const auto sleep = [] { ::poll(nullptr, 0, 1); };
  CHECK(missed_after(4, 0, sleep) == Missed{7, 89});
  CHECK(missed_after(4, 3, sleep) == Missed{7, 86});
}

TEST_CASE("without a buffer the device's thread may sleep: what it misses is the driver's fault") {
  bool undisturbed = false;
  while (!undisturbed) {
    const auto before = switches();
    const Missed missed = missed_after(0, 3, [] { ::poll(nullptr, 0, 1); });
    const auto after = switches();
    undisturbed = before.second == after.second;
    if (undisturbed) CHECK(missed == Missed{97, 0});
  }
}

TEST_CASE("misses after 10 us are the machine's when the thread was preempted, buffers or none") {
  cpu_set_t all, one;
  REQUIRE(::sched_getaffinity(0, sizeof all, &all) == 0);
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
  std::atomic<bool> over{false};
  REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
  std::thread other([&over] {  // inherits the one CPU
    while (!over.load(std::memory_order_relaxed)) ::sched_yield();
  });
  const auto be_preempted = [] {
    const long before = switches().second;
    while (switches().second == before) ::sched_yield();
  };
  CHECK(missed_after(4, 0, be_preempted) == Missed{7, 89});
  // None was there for the first eleven; the three that were posted catch the latest.
  CHECK(missed_after(0, 3, be_preempted) == Missed{11, 86});
  over.store(true, std::memory_order_relaxed);
  other.join();
  CHECK(::sched_setaffinity(0, sizeof all, &all) == 0);
}

TEST_CASE("the lateness is how long an arrival with a buffer went unnoticed") {
  ReceiveRig rig(every_microsecond());
  rig.nic->begin(1000);
  rig.post(4);
  CHECK(rig.reap(0).empty());
  CHECK(numbers(rig.reap(100'000)) == Numbers{0, 1, 2, 3});
  CHECK(rig.nic->counters().largest_lateness_ns == 99'000);
}

TEST_CASE("a burst that is larger than the ring is the ring's fault, not the device's") {
  SimOptions options;
  options.arrivals = Arrivals::bursts;
  options.burst = 100;
  options.rate = 100'000;
  ReceiveRig rig(options);
  rig.post(64);
  rig.nic->begin(1'000);
  CHECK(rig.reap(0).empty());
  CHECK(rig.reap(900'000).size() == 64);
  CHECK(rig.nic->counters().missed_no_buffer == 36);
  CHECK(rig.nic->counters().missed_generator == 0);
}

TEST_CASE("frames that wait for room in the span are not missed, and come in order") {
  ReceiveRig rig(every_microsecond());
  rig.post(20);
  rig.nic->begin(0);
  CHECK(numbers(rig.reap(9'000, 3)) == Numbers{0, 1, 2});
  CHECK_FALSE(rig.would_block);
  CHECK(rig.reap(9'000, 0).empty());
  CHECK(numbers(rig.reap(11'000, 8)) == Numbers{3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(numbers(rig.reap(11'000)) == Numbers{11});
  CHECK(rig.would_block);
  CHECK(rig.nic->counters().delivered == 12);
}

TEST_CASE("frames, sizes and flows take turns by number, missed ones included") {
  SimOptions options = every_microsecond();
  options.sizes = {60, 1514, 333};
  options.first_flow = 40;
  options.flows = 4;
  ReceiveRig rig(options);
  rig.nic->begin(0);
  rig.post(1);
  for (std::uint64_t n = 0; n < 100; ++n) {
    CAPTURE(n);
    rig.post(1);
    const bool missed = n % 7 == 0;
    if (missed) continue;
    engine::Done done;
    rig.clock.time = n * 1000;
    // After a miss two have come: the one that was there catches the first, the other the second.
    for (std::uint64_t number = n % 7 == 1 ? n - 1 : n; number <= n; ++number) {
      CAPTURE(number);
      REQUIRE(rig.backend->reap({&done, 1}).count == 1);
      CHECK(done.bytes == kVnetHeader + options.sizes[number % 3]);
      const auto whole = rig.shared.gather(done.bytes);
      const FrameReading reading = read_timed_frame(std::span(whole).subspan(kVnetHeader));
      REQUIRE(reading.kind == FrameKind::timed);
      CHECK(reading.said.flow == 40 + number % 4);
      CHECK(reading.said.sequence == number / 4);
      CHECK(reading.said.time_ns == number * 1000);
    }
  }
}

TEST_CASE("frames of all sizes over scattered pieces are whole, behind 12 zero bytes") {
  std::mt19937_64 random(ring::test::announce_seed("scatter", 1));
  SimOptions options = every_microsecond();
  options.sizes.clear();
  for (std::uint32_t size = 60; size <= 9014; ++size) options.sizes.push_back(size);
  ReceiveRig rig(options);
  rig.nic->begin(0);
  for (std::uint32_t size = 60; size <= 9014; ++size) {
    CAPTURE(size);
    std::vector<std::uint32_t> lengths;
    std::uint32_t room = 0;
    while (lengths.size() < 15 && room < size + kVnetHeader) {
      lengths.push_back(static_cast<std::uint32_t>(1 + random() % (2 + size / (1 + random() % 8))));
      room += lengths.back();
    }
    if (size % 3 != 0) lengths.push_back(9100);
    const Pieces pieces(lengths);
    const engine::Op op =
        test::operation(rig.next_id++, engine::Operation::read, pieces.segments());
    REQUIRE(rig.backend->start({&op, 1}) == 1);
    engine::Done done;
    rig.clock.time = (size - 60) * 1000;
    REQUIRE(rig.backend->reap({&done, 1}).count == 1);
    room = 0;
    for (const engine::Segment& segment : pieces.segments()) {
      room += static_cast<std::uint32_t>(segment.length);
    }
    REQUIRE(done.bytes == std::min(room, size + kVnetHeader));
    REQUIRE(pieces.rest_untouched(done.bytes));
    const auto whole = pieces.gather(done.bytes);
    for (std::size_t i = 0; i < std::min<std::size_t>(kVnetHeader, whole.size()); ++i) {
      REQUIRE(whole[i] == std::byte{0});
    }
    if (done.bytes < size + kVnetHeader) continue;
    REQUIRE(read_timed_frame(std::span(whole).subspan(kVnetHeader)).kind == FrameKind::timed);
  }
}

TEST_CASE("stop() forgets all: nothing is reported, and frames in full buffers count as missed") {
  ReceiveRig rig(every_microsecond());
  rig.post(10);
  rig.nic->begin(0);
  CHECK(rig.reap(4'000, 2).size() == 2);
  rig.backend->stop();
  CHECK(rig.backend->window() == 256);
  CHECK(rig.reap(6'000).empty());
  SimCounters counters = rig.nic->counters();
  CHECK(counters.delivered == 2);
  CHECK(counters.missed_no_buffer == 5);
  CHECK(counters.scheduled == 7);
  rig.post(1);
  CHECK(numbers(rig.reap(7'000)) == Numbers{7});
}

TEST_CASE("cancel() takes an empty buffer back, and not one that has a frame") {
  ReceiveRig rig(every_microsecond());
  rig.post(5);
  rig.nic->begin(0);
  CHECK(numbers(rig.reap(1'000, 1)) == Numbers{0});
  CHECK_FALSE(rig.backend->cancel(1));  // reported
  CHECK_FALSE(rig.backend->cancel(2));  // full
  CHECK(rig.backend->cancel(4));
  CHECK_FALSE(rig.backend->cancel(4));
  CHECK_FALSE(rig.backend->cancel(99));
  rig.post(1);
  CHECK(rig.backend->cancel(5));
  // 3 is the last that was there at the last look; 6 is new and catches the latest.
  const auto frames = rig.reap(9'000);
  CHECK(numbers(frames) == Numbers{1, 2, 9});
  CHECK(frames[1].id == 3);
  CHECK(frames[2].id == 6);
}

TEST_CASE("another back-end carries on, and there is one at a time") {
  ReceiveRig rig(every_microsecond());
  rig.post(10);
  rig.nic->begin(0);
  CHECK(rig.reap(4'000, 2).size() == 2);
  CHECK_THROWS_AS(static_cast<void>(rig.nic->make_receive()), std::invalid_argument);
  rig.backend.reset();
  rig.backend = rig.nic->make_receive();
  rig.post(1);
  CHECK(numbers(rig.reap(6'000)) == Numbers{6});
  const SimCounters counters = rig.nic->counters();
  CHECK(counters.scheduled == 7);
  CHECK(counters.delivered + counters.missed_no_buffer == 7);
}

TEST_CASE("the ring holds as many buffers as it was made with") {
  ReceiveRig rig(every_microsecond(100));
  CHECK(rig.backend->window() == 100);
  CHECK(rig.post(200) == 100);
  CHECK(rig.backend->window() == 0);
  rig.nic->begin(0);
  rig.reap(29'000);
  CHECK(rig.backend->window() == 30);
  CHECK(rig.post(200) == 30);
}

TEST_CASE("to receive and to send allocates nothing") {
  SimOptions options = every_microsecond();
  options.sizes = {60, 1514};
  ReceiveRig rig(options);
  const auto transmit = rig.nic->make_transmit();
  rig.nic->begin(0);
  const Pieces pieces({100, 1500});
  std::array<engine::Done, 8> done;
  const std::uint64_t before = engine::test::allocations();
  unsigned moved = 0;
  for (std::uint64_t round = 0; round < 1000; ++round) {
    const engine::Op in =
        test::operation(2 * round + 1, engine::Operation::read, pieces.segments());
    const engine::Op out =
        test::operation(2 * round + 2, engine::Operation::write, pieces.segments());
    rig.clock.time = round * 1500;
    moved += rig.backend->start({&in, 1}) + transmit->start({&out, 1});
    moved += rig.backend->reap(done).count + transmit->reap(done).count;
  }
  CHECK(engine::test::allocations() == before);
  CHECK(moved == 4000);
}

TEST_CASE("options out of range are refused") {
  const auto refused = [](const auto& change) {
    SimOptions options;
    change(options);
    CHECK_THROWS_AS(SimNic{options}, std::invalid_argument);
  };
  refused([](SimOptions& o) { o.mtu = 45; });
  refused([](SimOptions& o) { o.mtu = 9001; });
  refused([](SimOptions& o) { o.sizes = {}; });
  refused([](SimOptions& o) { o.sizes = {60, 59}; });
  refused([](SimOptions& o) { o.sizes = {60, 1515}; });
  refused([](SimOptions& o) { o.flows = 0; });
  refused([](SimOptions& o) { o.flows = 65537; });
  refused([](SimOptions& o) { o.first_flow = 65535, o.flows = 2; });
  refused([](SimOptions& o) { o.ring = 0; });
  refused([](SimOptions& o) { o.ring = 32769; });
  refused([](SimOptions& o) { o.rate = 0; });
  refused([](SimOptions& o) { o.ends.source.family = 6; });
  SimOptions all;
  all.first_flow = 65535;
  all.mtu = 46;
  all.ring = 32768;
  CHECK(SimNic{all}.options().ring == 32768);
}

}  // namespace
