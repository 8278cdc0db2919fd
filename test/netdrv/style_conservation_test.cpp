// SPDX-License-Identifier: BSD-2-Clause
// A million frames through each completion style, ten millions in a long run, from a simulated NIC
// on the thread of its own engine: each has one fate, none is bent, and none overtakes another one
// of its flow.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/sim_link.hpp"
#include "long_run.hpp"
#include "loop_bench.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace bellpull::netdrv::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kFlows = 7;

enum class Fate : std::uint8_t { discard, reflect };

// Checks what it gets, some of it to the last bit, and discards or reflects it. One thread.
class CheckingApp final : public App {
 public:
  explicit CheckingApp(Fate fate)
      : next_((fate == Fate::discard ? make_discard() : make_reflect())), sequence_(kFlows) {}

  void receive(unsigned port, std::span<Packet> burst, Egress& egress) noexcept override {
    for (const Packet& packet : burst) check(packet.head());
    next_->receive(port, burst, egress);
  }

  std::uint64_t frames = 0;
  std::uint64_t overtaken = 0;  // behind one of their flow that was made later, or the same again
  std::uint64_t bent = 0;

 private:
  // The place of these is in timed_frame.hpp.
  void check(std::span<const std::byte> frame) noexcept {
    constexpr std::size_t kFlowAt = 44;
    constexpr std::size_t kSequenceAt = 46;
    constexpr std::size_t kSequenceBytes = 6;
    const auto flow = std::to_integer<std::size_t>(frame[kFlowAt + 1]);
    std::uint64_t sequence = 0;
    for (std::size_t i = 0; i < kSequenceBytes; ++i) {
      sequence = sequence << 8 | std::to_integer<std::uint64_t>(frame[kSequenceAt + i]);
    }
    if (frames++ % kSample == 0) {
      const FrameReading reading = read_timed_frame(frame);
      if (reading.kind != FrameKind::timed || reading.said.flow != flow ||
          reading.said.sequence != sequence) {
        ++bent;
      }
    }
    if (flow >= kFlows || sequence < sequence_[flow]) {
      ++overtaken;
    } else {
      sequence_[flow] = sequence + 1;
    }
  }

  static constexpr std::uint64_t kSample = 64;
  const std::unique_ptr<App> next_;
  std::vector<std::uint64_t> sequence_;  // of each flow: the least that may come next
};

void run(Style style, Fate fate, Mode mode, std::uint64_t frames, std::uint64_t seed) {
  INFO(std::string(name_of(style)));
  CAPTURE(static_cast<int>(fate));
  CAPTURE(static_cast<int>(mode));
  const auto begun = std::chrono::steady_clock::now();
  SimOptions options;
  options.arrivals = Arrivals::poisson;
  options.rate = static_cast<double>(engine::test::scaled(2'500'000));
  options.frames = frames;
  options.seed = seed;
  options.sizes = {60, 61, 64, 60, 90};
  options.flows = kFlows;
  options.timer = false;
  SimLink link(options);
  engine::Engine engine({.placement = engine::Placement::autonomous, .spin = true});
  CheckingApp app(fate);
  Nic nic(engine, app, {.mode = mode});
  nic.add_port(link, style);
  nic.start();
  link.device().begin(link.device().now());
  while (link.device().counters().scheduled != frames) nic.run_once(1);
  for (int i = 0; i < 100; ++i) nic.run_once(0);
  nic.drain(1000ms);

  const SimCounters device = link.device().counters();
  const NicStats stats = nic.stats();
  const QueueStats& queue = stats.ports[0].queues[0];
  CHECK(device.scheduled == frames);
  CHECK(device.scheduled == device.delivered + device.missed_no_buffer + device.missed_generator);
  CHECK(device.delivered == queue.rx_packets);
  CHECK(queue.rx_packets - sum(queue.rx_dropped) == app.frames);
  const std::uint64_t gone = queue.tx_packets + sum(queue.tx_dropped);
  CHECK(queue.rx_packets == queue.rx_consumed + sum(queue.rx_dropped) + gone);
  CHECK(queue.tx_packets == device.sent);
  CHECK((gone == 0) == (fate == Fate::discard));
  CHECK(app.frames > 0);
  CHECK(app.overtaken == 0);
  CHECK(app.bent == 0);
  CHECK(device.corrupt == 0);
  CHECK(device.foreign == 0);
  CHECK(device.reordered == 0);
  CHECK(device.duplicated == 0);
  CHECK(stats.pool_outstanding == 0);
  LoopBench::check_sums(queue);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%-12s %-8s %9llu scheduled, %9llu delivered, %.1f s\n", name_of(style).data(),
              fate == Fate::discard ? "discard" : "reflect",
              static_cast<unsigned long long>(device.scheduled),
              static_cast<unsigned long long>(device.delivered), took.count());
}

void run_all(Fate fate) {
  const std::uint64_t seed = ring::test::announce_seed("style conservation", 20250105);
  const std::uint64_t frames = engine::test::long_run() ? 5'000'000 : 500'000;
  for (const Style style : kEveryStyle) {
    run(style, fate, Mode::interrupt, frames / 2, seed);
    run(style, fate, Mode::poll, frames - frames / 2, seed + 1);
  }
}

}  // namespace

TEST_CASE("frames are discarded in each style: each is accounted for, in order, intact") {
  run_all(Fate::discard);
}

TEST_CASE("frames are reflected in each style: each is accounted for, in order, intact") {
  run_all(Fate::reflect);
}
