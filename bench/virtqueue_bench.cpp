// SPDX-License-Identifier: BSD-2-Clause
// Frames through a virtqueue, driver half to device half: every layout, trust and burst, on two
// pinned threads or on one. The work per frame is what DPDK's virtio-user and vhost do with a
// 64-byte frame: the driver takes a buffer from a pool, writes header and frame into it and makes
// it available; the device takes a buffer from a pool of its own, copies header and frame into it
// and gives both back. `bench/run ring` runs it beside them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "bellpull/ring/prefetch.hpp"
#include "bellpull/ring/virtqueue.hpp"
#include "pinning.hpp"
#include "thread_cpu.hpp"

namespace bellpull::bench {
namespace {

using namespace bellpull::ring;

constexpr std::uint32_t kQueueSize = 256;
constexpr std::size_t kHeader = 12;
constexpr std::size_t kFrame = 64;
constexpr std::size_t kBuffer = 2048;
constexpr std::size_t kBuffers = 512;
constexpr std::size_t kMaxBurst = 64;

/// Counters of the halves left out: what they cost is the difference.
struct Uncounted : NativeAccess {
  static constexpr bool kCounters = false;
};

struct Shape {
  unsigned burst = 32;
  bool payload = true;
  bool event_idx = true;
  bool tested = false;  ///< publishes test the peer's event word, as when somebody may sleep
  bool in_order = false;
  bool two_threads = true;
};

/// Bytes at a cache line's boundary.
class Bytes {
 public:
  explicit Bytes(std::size_t bytes)
      : data_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{4096}))) {
    std::memset(data_.get(), 0, bytes);
  }
  [[nodiscard]] std::byte* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(std::byte* data) const { ::operator delete (data, std::align_val_t{4096}); }
  };
  std::unique_ptr<std::byte, Free> data_;
};

/// Buffers as a stack of pointers, like a memory pool's per-core cache. One thread's own.
class BufferStack {
 public:
  explicit BufferStack(std::byte* memory) {
    for (std::size_t i = 0; i < kBuffers; ++i) free_[count_++] = memory + i * kBuffer;
  }
  [[nodiscard]] std::byte* take() { return free_[--count_]; }
  void give(std::byte* buffer) { free_[count_++] = buffer; }

 private:
  std::array<std::byte*, kBuffers> free_;
  std::size_t count_ = 0;
};

template <class Layout, class Trust, class Map, class Access>
class Rig {
 public:
  explicit Rig(const Shape& shape)
      : shape_(shape),
        ring_(Layout::bytes(kQueueSize)),
        driver_memory_(kBuffers * kBuffer),
        device_memory_(kBuffers * kBuffer),
        regions_{Region{reinterpret_cast<std::uintptr_t>(driver_memory_.data()), kBuffers * kBuffer,
                        driver_memory_.data()}},
        driver_slots_(kQueueSize),
        device_slots_(kQueueSize),
        driver_pool_(driver_memory_.data()),
        device_pool_(device_memory_.data()) {
    typename Layout::Memory memory;
    DriverOptions<Layout> driver;
    driver.features.event_idx = shape.event_idx;
    driver.features.in_order = shape.in_order;
    driver.slots = driver_slots_;
    DeviceOptions<Layout, Map> device;
    device.features.event_idx = shape.event_idx;
    device.features.in_order = shape.in_order;
    device.slots = device_slots_;
    ready_ = RegionTable::make(regions_, table_) == SetupError::none;
    if constexpr (Map::kLooksUp) {
      map_ = std::make_unique<Map>(table_);
      device.map = map_.get();
    }
    ready_ = ready_ &&
             Layout::place(ring_.data(), Layout::bytes(kQueueSize), kQueueSize, memory) ==
                 SetupError::none &&
             driver_.attach(memory, driver) == SetupError::none &&
             device_.attach(memory, device) == SetupError::none;
  }

  [[nodiscard]] bool ready() const { return ready_; }

  /// Reclaims a burst and makes the next one available.
  void send() {
    driver_.poll(shape_.burst, [this](const Used& used) noexcept {
      auto* const buffer = reinterpret_cast<std::byte*>(used.token);
      driver_pool_.give(buffer);
      if (!shape_.payload) return;
      // The device read it last. It is written next, and the publish waits for all that is written.
      detail::prefetch_for_write(buffer);
      detail::prefetch_for_write(buffer + kCacheLine);
    });
    const std::uint32_t room = driver_.free_descriptors();
    const unsigned count = shape_.burst < room ? shape_.burst : room;
    for (unsigned i = 0; i < count; ++i) {
      std::byte* const buffer = driver_pool_.take();
      if (shape_.payload) {
        std::memset(buffer, 0, kHeader);
        std::memcpy(buffer + kHeader, template_.data(), kFrame);
      }
      const Segment segment{reinterpret_cast<std::uintptr_t>(buffer), kHeader + kFrame};
      driver_.post({&segment, 1}, {}, reinterpret_cast<std::uintptr_t>(buffer));
    }
    if (shape_.tested) {
      kicks += driver_.publish_and_test() ? 1 : 0;
    } else {
      driver_.publish();
    }
  }

  /// Takes a burst, copies it out, gives it back. Returns the number of frames.
  unsigned receive() {
    Budget budget{.chains = shape_.burst};
    std::array<std::byte*, kMaxBurst> frames;
    std::uint32_t count = 0;
    static_cast<void>(device_.take(budget, pieces_, std::span(chains_).first(shape_.burst), count));
    for (std::uint32_t i = 0; i < count; ++i) {
      if (shape_.payload) {
        const std::byte* const from = pieces_[chains_[i].first].data;
        std::byte* const frame = device_pool_.take();
        std::memcpy(frame, from, kHeader);
        std::memcpy(frame + kCacheLine, from + kHeader, kFrame);
        frames[i] = frame;
      }
      device_.complete(chains_[i], 0);
    }
    if (shape_.tested) {
      bells += device_.publish_and_test() ? 1 : 0;
    } else {
      device_.publish();
    }
    if (shape_.payload) {
      for (std::uint32_t i = 0; i < count; ++i) device_pool_.give(frames[i]);
    }
    return count;
  }

  std::uint64_t kicks = 0;
  std::uint64_t bells = 0;

 private:
  Shape shape_;
  bool ready_ = false;
  Bytes ring_;
  Bytes driver_memory_;
  Bytes device_memory_;
  std::array<std::byte, kFrame> template_{};
  std::array<Region, 1> regions_;
  RegionTable table_;
  std::unique_ptr<Map> map_;
  std::vector<DriverSlot> driver_slots_;
  std::vector<DeviceSlot> device_slots_;
  alignas(kCacheLine) BufferStack driver_pool_;
  Driver<Layout, Trusted, Access> driver_;
  alignas(kCacheLine) BufferStack device_pool_;
  std::array<Piece, kMaxBurst> pieces_{};  // kept, since clearing them costs more than filling them
  std::array<Chain, kMaxBurst> chains_{};
  Device<Layout, Trust, Map, Access> device_;
};

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// A time and not a number of frames: cores far apart take many times as long for as many.
constexpr Seconds kWarmUp{0.05};
constexpr Seconds kMeasured{0.3};
constexpr std::uint64_t kFramesOfOne = 8'000'000;

struct Received {
  std::uint64_t frames = 0;
  double seconds = 0;
};

/// The device's part, for about that long.
template <class Rig>
Received receive_for(Rig& rig, Seconds enough) {
  Received received;
  const auto begin = Clock::now();
  do {
    for (int i = 0; i < 256; ++i) received.frames += rig.receive();
    received.seconds = Seconds(Clock::now() - begin).count();
  } while (received.seconds < enough.count());
  return received;
}

/// Sets the counter core_share: what the thread that had less got of its core meanwhile.
template <class Rig>
Received on_two_threads(benchmark::State& state, Rig& rig) {
  std::atomic<bool> stop{false};
  std::thread driver([&] {
    pin_to(0);
    while (!stop.load(std::memory_order_relaxed)) rig.send();
  });
  pin_to(1);
  receive_for(rig, kWarmUp);
  const ThreadCpu device_cpu(pthread_self());
  const ThreadCpu driver_cpu(driver.native_handle());
  const Received received = receive_for(rig, kMeasured);
  const double least = std::min(device_cpu.seconds(), driver_cpu.seconds());
  state.counters["core_share"] = least / received.seconds;
  stop.store(true, std::memory_order_relaxed);
  driver.join();
  return received;
}

template <class Rig>
Received on_one_thread(Rig& rig) {
  pin_to(1);
  Received received;
  const auto begin = Clock::now();
  while (received.frames < kFramesOfOne) {
    rig.send();
    received.frames += rig.receive();
  }
  received.seconds = Seconds(Clock::now() - begin).count();
  return received;
}

template <class Layout, class Trust, class Map, class Access>
void frames(benchmark::State& state, const Shape& shape) {
  const auto rig = std::make_unique<Rig<Layout, Trust, Map, Access>>(shape);
  if (!rig->ready()) {
    state.SkipWithError("the rig does not attach");
    return;
  }
  std::uint64_t done = 0;
  for (auto _ : state) {
    const Received received = shape.two_threads ? on_two_threads(state, *rig) : on_one_thread(*rig);
    done += received.frames;
    state.SetIterationTime(received.seconds);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(done));
}

template <class Layout, class Trust, class Map, class Access = NativeAccess>
void add(const std::string& name, const Shape& shape) {
  const std::string full = name + "/burst:" + std::to_string(shape.burst) +
                           (shape.payload ? "/copy" : "/bare") +
                           (shape.two_threads ? "/two_threads" : "/one_thread");
  benchmark::RegisterBenchmark(
      full.c_str(),
      [shape](benchmark::State& state) { frames<Layout, Trust, Map, Access>(state, shape); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

template <class Layout>
void add_layout(const std::string& layout) {
  for (const bool two_threads : {true, false}) {
    for (const bool payload : {true, false}) {
      for (const unsigned burst : {1U, 8U, 32U, 64U}) {
        const Shape shape{.burst = burst, .payload = payload, .two_threads = two_threads};
        add<Layout, Trusted, IdentityMap>(layout + "/trusted", shape);
        add<Layout, Untrusted, RegionMap<>>(layout + "/untrusted", shape);
        if (!payload) continue;
        Shape in_order = shape;
        in_order.in_order = true;
        add<Layout, Trusted, IdentityMap>(layout + "/trusted/in_order", in_order);
        add<Layout, Untrusted, RegionMap<>>(layout + "/untrusted/in_order", in_order);
        Shape tested = shape;
        tested.tested = true;
        add<Layout, Trusted, IdentityMap>(layout + "/trusted/event_idx", tested);
        add<Layout, Untrusted, RegionMap<>>(layout + "/untrusted/event_idx", tested);
        tested.event_idx = false;
        add<Layout, Trusted, IdentityMap>(layout + "/trusted/flags", tested);
        add<Layout, Trusted, IdentityMap, Uncounted>(layout + "/trusted/uncounted", shape);
      }
    }
  }
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) {
  using namespace bellpull;
  bench::add_layout<ring::Split>("virtqueue/split");
  bench::add_layout<ring::Packed>("virtqueue/packed");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
