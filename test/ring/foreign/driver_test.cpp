// SPDX-License-Identifier: BSD-2-Clause
// The library's driver half against DPDK's vhost device, the other way round than device_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "ring/foreign/net_driver.hpp"
#include "ring/foreign/testpmd.hpp"

namespace bellpull::ring::test::foreign {

namespace {

// Only a failure takes that long, or a machine that is very busy.
constexpr std::chrono::seconds kPatience{60};
constexpr unsigned kBurst = 32;
constexpr std::uint64_t kFrames = 10'000;
constexpr std::uint64_t kManyFrames = 100'000;
constexpr std::uint64_t kVersion1 = std::uint64_t{1} << 32;
constexpr std::uint64_t kMergeable = std::uint64_t{1} << 15;

/// What the device is asked to agree on. `rich`: mergeable buffers, which are small then, indirect
/// tables, and the event index.
struct Agreed {
  bool in_order = false;
  bool rich = false;

  template <class Layout>
  [[nodiscard]] std::uint64_t bits() const {
    return kVersion1 | (std::is_same_v<Layout, Packed> ? Features::kRingPacked : 0) |
           (in_order ? Features::kInOrder : 0) |
           (rich ? kMergeable | Features::kIndirectDesc | Features::kEventIdx : 0);
  }
};

/// A testpmd with a vhost device and a driver of ours for it.
template <class Layout>
class Session {
 public:
  Session(const Agreed& agreed, const std::vector<std::string>& options)
      : driver_(directory_.path() + "/socket", agreed.bits<Layout>(),
                std::is_same_v<Layout, Packed> ? 200 : 256, agreed.rich ? 400 : 2048),
        peer_(directory_.path(), vhost(directory_.path() + "/socket"), options) {
    if (!driver_.connect(kPatience)) FAIL("the device did not start: " << peer_.log());
  }

  void sleep(unsigned queue) {
    if (!driver_.sleep(queue, kPatience)) FAIL("no notification came: " << peer_.log());
    if (peer_.ended()) FAIL("the device has ended: " << peer_.log());
  }

  /// Stops the queues, checks what both sides say of them, lets the device end and returns what it
  /// counted.
  template <class Visit>
  Testpmd::Totals end(Visit&& visit) {
    driver_.stop(visit);
    for (const unsigned queue : {driver_.kReceive, driver_.kTransmit}) {
      CAPTURE(queue);
      const auto& end = driver_.end(queue);
      CHECK(end.fault == QueueFault::none);
      CHECK(end.counters.lengths_clamped == 0);
      CHECK(end.counters.misuses == 0);
      CHECK((end.base & 0xffff) == end.stopped.used);
    }
    CHECK(driver_.end(driver_.kTransmit).in_flight == 0);
    peer_.ask_to_end();
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (!peer_.ended()) {
      if (std::chrono::steady_clock::now() > limit) FAIL("it does not end: " << peer_.log());
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return peer_.totals();
  }

  [[nodiscard]] NetDriver<Layout>& driver() { return driver_; }

 private:
  PrivateDirectory directory_;
  NetDriver<Layout> driver_;
  Testpmd peer_;
};

template <class Body>
void for_each_agreement(Body&& body) {
  for (const bool in_order : {false, true}) {
    for (const bool rich : {false, true}) {
      CAPTURE(in_order);
      CAPTURE(rich);
      body(Agreed{.in_order = in_order, .rich = rich});
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("foreign reading: what DPDK's device sends arrives whole and is counted alike",
                   Layout, Split, Packed) {
  for_each_agreement([](const Agreed& agreed) {
    Session<Layout> session(agreed, {"--forward-mode=txonly"});
    NetDriver<Layout>& driver = session.driver();
    Verdict verdict;
    const auto note = [&verdict](std::span<const std::byte> packet) {
      verdict.note(txonly_fault(packet, kVhostMac, 64));
    };
    while (verdict.packets < kManyFrames) {
      if (driver.receive(kBurst, note) == 0) session.sleep(driver.kReceive);
    }
    const Testpmd::Totals totals = session.end(note);
    CHECK(verdict.first_fault == "");
    CHECK(totals.sent == verdict.packets);
    CHECK(totals.received == 0);
  });
}

TEST_CASE_TEMPLATE("foreign reading: DPDK's device counts as many frames as it was given", Layout,
                   Split, Packed) {
  std::vector<std::vector<std::byte>> frames;
  while (frames.size() < 64) frames.push_back(numbered_frame(frames.size() * 31));
  for_each_agreement([&frames](const Agreed& agreed) {
    Session<Layout> session(agreed, {"--forward-mode=rxonly", "--no-flush-rx"});
    NetDriver<Layout>& driver = session.driver();
    for (std::uint64_t sent = 0; sent < kManyFrames;) {
      const std::uint64_t before = sent;
      while (sent < kManyFrames && sent - before < kBurst &&
             driver.send(frames[sent % frames.size()])) {
        ++sent;
      }
      driver.publish();
      if (sent == before) session.sleep(driver.kTransmit);
    }
    while (!driver.all_sent()) session.sleep(driver.kTransmit);
    const Testpmd::Totals totals = session.end([](std::span<const std::byte>) {});
    CHECK(totals.received == kManyFrames);
    CHECK(totals.sent == 0);
    // It polls, and says so in the way of each layout.
    CHECK(driver.end(driver.kTransmit).counters.kicks_suppressed != 0);
  });
}

TEST_CASE_TEMPLATE(
    "foreign reading: frames come back from DPDK's device byte for byte and in order", Layout,
    Split, Packed) {
  for_each_agreement([](const Agreed& agreed) {
    Session<Layout> session(agreed, {"--forward-mode=io", "--no-flush-rx"});
    NetDriver<Layout>& driver = session.driver();
    Verdict back;
    const auto note = [&back](std::span<const std::byte> packet) {
      back.note(numbered_fault(packet, back.packets));
    };
    for (std::uint64_t sent = 0; back.packets < kFrames;) {
      if (sent == back.packets) {
        const std::uint64_t end = std::min(kFrames, sent + kBurst);
        while (sent < end && driver.send(numbered_frame(sent))) ++sent;
        driver.publish();
      }
      const unsigned queue = sent == back.packets ? driver.kTransmit : driver.kReceive;
      if (driver.receive(kBurst, note) == 0) session.sleep(queue);
    }
    const Testpmd::Totals totals = session.end(note);
    CHECK(back.first_fault == "");
    CHECK(back.packets == kFrames);
    CHECK(totals.received == kFrames);
    CHECK(totals.sent == kFrames);
    CHECK(totals.dropped == 0);
    CHECK(driver.bells() != 0);
  });
}

}  // namespace bellpull::ring::test::foreign
