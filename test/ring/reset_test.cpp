// SPDX-License-Identifier: BSD-2-Clause
// After a reset neither half touches the queue: its memory is taken away to prove it.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "queue_pair.hpp"
#include "raw_queue.hpp"

namespace bellpull::ring::test {
namespace {

/// Pages that can be taken away and given back.
class Pages {
 public:
  explicit Pages(std::size_t bytes) : bytes_(bytes) {
    void* const at =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED);
    data_ = static_cast<std::byte*>(at);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { munmap(data_, bytes_); }

  void take_away() { REQUIRE(mprotect(data_, bytes_, PROT_NONE) == 0); }
  void give_back() {
    REQUIRE(mprotect(data_, bytes_, PROT_READ | PROT_WRITE) == 0);
    std::memset(data_, 0, bytes_);
  }
  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  std::size_t bytes_;
  std::byte* data_ = nullptr;
};

/// Both halves on a queue in pages, buffers in the same pages.
template <class K>
struct Bench {
  using Layout = typename K::Layout;
  static constexpr std::size_t kBuffers = 2048;

  Bench() : pages(65536) {
    if constexpr (K::Map::kLooksUp) {
      regions = {{kArenaAddress, pages.size(), pages.data()}};
      REQUIRE(RegionTable::make(regions, table) == SetupError::none);
      map = std::make_unique<typename K::Map>(table);
    }
  }

  void attach(std::uint32_t size, const Features& features = {}) {
    REQUIRE(Layout::place(pages.data() + kBuffers, pages.size() - kBuffers, size, memory) ==
            SetupError::none);
    DriverOptions<Layout> driver_options{.features = features, .slots = driver_slots};
    REQUIRE(driver.attach(memory, driver_options) == SetupError::none);
    typename K::Device::Options options;
    options.features = features;
    options.slots = device_slots;
    if constexpr (K::Map::kLooksUp) options.map = map.get();
    REQUIRE(device.attach(memory, options) == SetupError::none);
  }
  [[nodiscard]] Segment segment() const {
    return {K::Map::kLooksUp ? kArenaAddress : reinterpret_cast<std::uintptr_t>(pages.data()), 8};
  }
  void round_trip(std::uint64_t token) {
    const Segment one = segment();
    REQUIRE(driver.post({}, {&one, 1}, token) != kNoHead);
    driver.publish();
    Chain chain;
    REQUIRE(device.take(pieces, chain));
    pieces[0].data[0] = std::byte{1};
    device.complete(chain, 1);
    device.publish();
    std::uint64_t back = 0;
    REQUIRE(driver.poll(1, [&](const Used& used) { back = used.token; }) == 1);
    REQUIRE(back == token);
  }
  /// Every call of both halves; none of them may touch a byte.
  void call_everything(const Chain& held) {
    const Segment one = segment();
    CHECK(driver.post({&one, 1}, {}, 1) == kNoHead);
    CHECK(driver.reserve({&one, 1}, {}, 1) == kNoHead);
    CHECK_FALSE(driver.offer(0));
    CHECK_FALSE(driver.cancel(0));
    driver.publish();
    CHECK_FALSE(driver.publish_and_test());
    CHECK(driver.poll(kAll, [](const Used&) {}) == 0);
    CHECK_FALSE(driver.arm());
    driver.disarm();
    static_cast<void>(driver.notification_data(1));
    CHECK(device.refresh() == 0);
    CHECK(device.ready() == 0);
    Chain chain;
    CHECK_FALSE(device.take(pieces, chain));
    Budget budget;
    CHECK(device.poll(budget, pieces, [](const Chain&) {}) == Pull::broken);
    device.complete(held, 1);
    device.complete(held, pieces, 1);
    device.complete(device.resumed({}), 0);
    device.publish();
    CHECK_FALSE(device.publish_and_test());
    CHECK_FALSE(device.arm());
    device.disarm();
    unsigned in_flight = 0;
    device.in_flight([&](const InFlight&) { ++in_flight; });
    CHECK(in_flight == 0);
  }

  Pages pages;
  typename Layout::Memory memory;
  std::vector<DriverSlot> driver_slots = std::vector<DriverSlot>(64);
  std::vector<DeviceSlot> device_slots = std::vector<DeviceSlot>(64);
  std::vector<Piece> pieces = std::vector<Piece>(64);
  std::vector<Region> regions;
  RegionTable table;
  std::unique_ptr<typename K::Map> map;
  typename K::Driver driver;
  typename K::Device device;
};

TEST_CASE_TEMPLATE(
    "check 11: after a reset neither ring nor buffers are touched, and another size works", K,
    BELLPULL_KINDS) {
  for (const bool in_order : {false, true}) {
    for (const bool stopped : {false, true}) {
      CAPTURE(in_order);
      CAPTURE(stopped);
      Bench<K> bench;
      bench.attach(8, {.in_order = in_order});
      for (unsigned i = 0; i < 11; ++i) bench.round_trip(i);
      // Chains in every state: reserved, offered, taken, completed and not published.
      const Segment one = bench.segment();
      Chain held, completed;
      for (unsigned i = 0; i < 3; ++i) bench.driver.post({}, {&one, 1}, i);
      bench.driver.publish();
      REQUIRE(bench.device.take(bench.pieces, completed));
      REQUIRE(bench.device.take(bench.pieces, held));
      bench.device.complete(completed, 1);
      bench.driver.post({}, {&one, 1}, 4);
      REQUIRE(bench.driver.reserve({&one, 1}, {}, 5) != kNoHead);
      if (stopped) {
        static_cast<void>(bench.driver.stop());
        static_cast<void>(bench.device.stop());
      } else {
        bench.driver.reset();
        bench.device.reset();
      }
      CHECK_FALSE(bench.driver.attached());
      CHECK_FALSE(bench.device.attached());
      CHECK(bench.driver.size() == 0);
      CHECK(bench.driver.in_flight() == 0);
      CHECK(bench.device.in_flight() == 0);
      CHECK(bench.driver.counters().offered == 0);
      CHECK(bench.device.counters().taken == 0);

      bench.pages.take_away();
      bench.call_everything(held);
      bench.pages.give_back();

      for (const std::uint32_t size : {16U, 2U, 1U}) {
        bench.attach(size);
        for (unsigned i = 0; i < 3 * size; ++i) bench.round_trip(i);
        bench.driver.reset();
        bench.device.reset();
        bench.pages.give_back();
      }
      if (!kIsSplit<typename K::Layout>) {
        bench.attach(7);
        for (unsigned i = 0; i < 30; ++i) bench.round_trip(i);
      }
    }
  }
}

TEST_CASE_TEMPLATE(
    "check 11, D30: a half that was never attached touches nothing, whoever kicks it", K,
    BELLPULL_KINDS) {
  Bench<K> bench;
  bench.pages.take_away();
  bench.call_everything(Chain{});
  bench.pages.give_back();
  bench.attach(4);
  bench.round_trip(1);
}

TEST_CASE_TEMPLATE("a queue that is broken is not touched either", K, SplitUntrusted,
                   PackedUntrusted) {
  Bench<K> bench;
  bench.attach(8);
  bench.round_trip(0);
  const Segment one = bench.segment();
  bench.driver.post({}, {&one, 1}, 1);
  bench.driver.publish();
  Chain held;
  REQUIRE(bench.device.take(bench.pieces, held));
  // One head, in flight twice; and a used entry of a chain that is in flight nowhere.
  if constexpr (kIsSplit<typename K::Layout>) {
    bench.memory.avail->ring[2] = held.head;
    bench.memory.avail->idx = 3;
    bench.memory.used->ring[1] = {7, 0};
    bench.memory.used->idx = 2;
  } else {
    bench.memory.desc[2] = {one.address, packed_tail(1, held.head, kAvail)};
    bench.memory.desc[1].tail = packed_tail(1, 7, kAvail | kUsed);
  }
  Chain chain;
  CHECK_FALSE(bench.device.take(bench.pieces, chain));
  CHECK(bench.device.fault() == QueueFault::head_in_flight);
  CHECK(bench.driver.poll(1, [](const Used&) {}) == 0);
  CHECK(bench.driver.fault() == QueueFault::used_id_unknown);
  bench.pages.take_away();
  // What is in flight stays known until the reset.
  CHECK(bench.device.in_flight() == 1);
  bench.device.complete(held, 1);
  bench.device.complete(held, bench.pieces, 1);
  bench.device.publish();
  CHECK_FALSE(bench.device.arm());
  bench.device.disarm();
  CHECK(bench.driver.post({}, {&one, 1}, 2) == kNoHead);
  CHECK_FALSE(bench.driver.publish_and_test());
  CHECK_FALSE(bench.driver.arm());
  bench.driver.disarm();
  static_cast<void>(bench.driver.stop());
  static_cast<void>(bench.device.stop());
  bench.pages.give_back();
  bench.attach(8);
  bench.round_trip(3);
}

}  // namespace
}  // namespace bellpull::ring::test
