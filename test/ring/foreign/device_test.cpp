// SPDX-License-Identifier: BSD-2-Clause
// The library's device half against DPDK's virtio-user driver, whose authors read the specification
// without us: bytes, order and numbers have to agree on both ends.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ring/foreign/net_device.hpp"
#include "ring/foreign/testpmd.hpp"

namespace bellpull::ring::test::foreign {

namespace {

// Only a failure takes that long, or a machine that is very busy.
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kTurn{1};
constexpr unsigned kBurst = 32;
constexpr std::uint64_t kFrames = 10'000;
// The split layout's indices begin anew within this.
constexpr std::uint64_t kManyFrames = 100'000;
constexpr std::uint64_t kVersion1 = std::uint64_t{1} << 32;
constexpr std::uint64_t kMergeable = std::uint64_t{1} << 15;

template <class Layout>
constexpr bool kPacked = std::is_same_v<Layout, Packed>;

/// What the driver is asked to agree on.
struct Agreed {
  bool in_order = false;
  bool mergeable = false;
  bool indirect = false;

  template <class Layout>
  [[nodiscard]] std::uint64_t bits() const {
    return kVersion1 | (kPacked<Layout> ? Features::kRingPacked : 0) |
           (in_order ? Features::kInOrder : 0) | (mergeable ? kMergeable : 0) |
           (indirect ? Features::kIndirectDesc : 0);
  }
  template <class Layout>
  [[nodiscard]] std::string driver() const {
    const auto flag = [](bool on) { return on ? "1" : "0"; };
    // Only the packed layout allows a size that is no power of two.
    return std::string(kDriverMacSetting) + ",queue_size=" + (kPacked<Layout> ? "200" : "256") +
           ",packed_vq=" + flag(kPacked<Layout>) + ",in_order=" + flag(in_order) +
           ",mrg_rxbuf=" + flag(mergeable);
  }
};

/// A device of ours and a testpmd that drives it.
template <class Layout, class Trust = Untrusted>
class Conversation {
 public:
  Conversation(const Agreed& agreed, const std::vector<std::string>& options)
      : device_(directory_.path() + "/socket", agreed.bits<Layout>()),
        peer_(directory_.path(),
              virtio_user(directory_.path() + "/socket", agreed.driver<Layout>()), options) {
    while (!device_.running()) {
      if (!device_.serve(kPatience)) FAIL("the driver did not start: " << peer_.log());
    }
    CHECK(device_.server().features() == (agreed.bits<Layout>() | kProtocolFeatures));
  }

  /// Waits for the driver's doorbell of `queue`.
  void sleep(unsigned queue) {
    if (!device_.sleep(queue, kPatience)) FAIL("no doorbell came: " << peer_.log());
    if (peer_.ended()) FAIL("the driver has ended: " << peer_.log());
  }

  /// Lets the driver end, and returns what it counted.
  Testpmd::Totals end() {
    peer_.ask_to_end();
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (!peer_.ended()) {
      if (std::chrono::steady_clock::now() > limit) FAIL("it does not end: " << peer_.log());
      device_.serve(kTurn);
    }
    while (device_.serve(std::chrono::milliseconds{0}) && !device_.server().peer_left()) continue;
    return peer_.totals();
  }

  [[nodiscard]] NetDevice<Layout, Trust>& device() { return device_; }

 private:
  PrivateDirectory directory_;
  NetDevice<Layout, Trust> device_;
  Testpmd peer_;
};

template <class Layout, class Trust>
void check_faultless(const ServedRing<Layout, Trust>& ring) {
  CHECK(ring.fault() == QueueFault::none);
  CHECK(ring.tally().all_faults() == 0);
  CHECK(ring.tally().misuses == 0);
  // It polls, and says so in the way of each layout.
  CHECK(ring.tally().bells == 0);
}

// Where the driver's own index stands; it has none in the packed layout.
std::uint16_t driver_index(const SplitMemory& parts) {
  // acquire: pairs with the driver's release of the index, in another program
  return std::atomic_ref(parts.avail->idx).load(std::memory_order_acquire);
}

template <class Layout>
void check_position(std::uint16_t position, const typename Layout::Memory& parts,
                    std::uint64_t chains, std::uint64_t descriptors) {
  if constexpr (kPacked<Layout>) {
    const bool wrap = descriptors / parts.size % 2 == 0;
    CHECK((position & 0x7fff) == descriptors % parts.size);
    CHECK((position & 0x8000) == (wrap ? 0x8000 : 0));
  } else {
    CHECK(position == chains % 65536);
  }
}

/// Drains what txonly sends until `wanted` chains were taken, then lets the driver end, takes the
/// rest, and sees that both count alike. Each chain has `entries` entries of the ring;
/// `check(packet, taken)` says what is wrong with one.
template <class Layout, class Trust, class Check>
std::uint64_t drain_txonly(Conversation<Layout, Trust>& session, std::uint64_t wanted,
                           std::uint64_t entries, Check&& check) {
  NetDevice<Layout, Trust>& device = session.device();
  ServedRing<Layout, Trust>& ring = device.ring(device.kTransmit);
  Verdict verdict;
  const auto note = [&](std::span<const std::byte> packet, const Taken& taken) {
    const bool other = taken.chain.descriptors != entries;
    verdict.note(other ? std::to_string(taken.chain.descriptors) + " entries of the ring"
                       : check(packet, taken));
  };
  bool index_agrees = true;
  device.before_stop([&](unsigned queue) {
    if (queue != device.kTransmit) return;
    while (device.receive(kBurst, note) != 0) continue;
    if constexpr (!kPacked<Layout>) {
      index_agrees = driver_index(ring.parts()) == static_cast<std::uint16_t>(verdict.packets);
    }
  });
  for (unsigned turn = 1; ring.tally().taken < wanted; ++turn) {
    // Now and then another device half goes on, with all that is in flight.
    if (device.receive(kBurst, note, turn % 512 == 0) == 0) session.sleep(device.kTransmit);
  }
  const Testpmd::Totals totals = session.end();
  CHECK(verdict.first_fault == "");
  CHECK(totals.sent == ring.tally().taken);
  CHECK(totals.received == 0);
  CHECK(index_agrees);
  CHECK(device.stops(device.kTransmit) == 1);
  CHECK(ring.stopped().avail == ring.stopped().used);
  check_position<Layout>(ring.stopped().avail, ring.parts(), totals.sent, totals.sent * entries);
  return verdict.packets;
}

// What DPDK's transmit function makes of a frame of three segments, the header being a fourth.
std::string segments_fault(std::span<const std::byte> packet, const Taken& taken) {
  std::vector<std::size_t> lengths;
  for (const Piece& piece : taken.pieces) lengths.push_back(piece.length);
  if (lengths != std::vector<std::size_t>{kNetHeader, 50, 32, 18}) {
    return "other pieces than header and segments";
  }
  return txonly_fault(packet, kDriverMac, 100);
}

const std::vector<std::string> kSegments{"--forward-mode=txonly", "--txpkts=50,32,18"};

/// Runs `body(agreed)` for in-order and mergeable buffers, each on and off.
template <class Body>
void for_each_agreement(Body&& body) {
  for (const bool in_order : {false, true}) {
    for (const bool mergeable : {false, true}) {
      CAPTURE(in_order);
      CAPTURE(mergeable);
      body(Agreed{.in_order = in_order, .mergeable = mergeable});
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("foreign reading: what DPDK's driver sends arrives whole and is counted alike",
                   Layout, Split, Packed) {
  for_each_agreement([](const Agreed& agreed) {
    Conversation<Layout> session(agreed, {"--forward-mode=txonly"});
    drain_txonly(session, kManyFrames, 1, [](std::span<const std::byte> packet, const Taken&) {
      return txonly_fault(packet, kDriverMac, 64);
    });
    check_faultless(session.device().ring(session.device().kTransmit));
  });
}

TEST_CASE_TEMPLATE("foreign reading: DPDK's chains are taken whole", Layout, Split, Packed) {
  for (const bool in_order : {false, true}) {
    CAPTURE(in_order);
    Conversation<Layout> session({.in_order = in_order, .mergeable = true}, kSegments);
    drain_txonly(session, kFrames, 4, segments_fault);
    check_faultless(session.device().ring(session.device().kTransmit));
  }
}

TEST_CASE("foreign reading: DPDK's indirect tables of the split layout are taken whole") {
  Conversation<Split> session({.mergeable = true, .indirect = true}, kSegments);
  drain_txonly(session, kFrames, 1, segments_fault);
  check_faultless(session.device().ring(session.device().kTransmit));
}

// DPDK's driver marks the header in its packed tables as one that the device writes, although
// readable segments follow (virtio 1.4 section 2.8.19 forbids it, and DPDK's own device does not
// look). Whoever believes the driver gets the frames; whoever does not gets a fault for each.
TEST_CASE(
    "foreign reading: DPDK's indirect tables of the packed layout are taken whole if trusted") {
  Conversation<Packed, Trusted> session({.mergeable = true, .indirect = true}, kSegments);
  CHECK(drain_txonly(session, kFrames, 1, segments_fault) >= kFrames);
  check_faultless(session.device().ring(session.device().kTransmit));
}

TEST_CASE("foreign reading: DPDK's packed tables with a writable header are faults, and no more") {
  Conversation<Packed> session({.mergeable = true, .indirect = true}, kSegments);
  const std::uint64_t whole = drain_txonly(session, kFrames, 1, segments_fault);
  const ServedRing<Packed, Untrusted>& ring = session.device().ring(session.device().kTransmit);
  const Tally tally = ring.tally();
  CHECK(ring.fault() == QueueFault::none);
  CHECK(tally.faults[static_cast<std::size_t>(ChainFault::readable_after_writable)] ==
        tally.all_faults());
  // A DPDK that no longer does it passes as well.
  CHECK((whole == 0 ? tally.all_faults() : whole) == tally.taken);
}

TEST_CASE_TEMPLATE("foreign reading: DPDK's driver counts as many frames as it was given", Layout,
                   Split, Packed) {
  std::vector<std::vector<std::byte>> frames;
  while (frames.size() < 64) frames.push_back(numbered_frame(frames.size() * 31));
  for_each_agreement([&frames](const Agreed& agreed) {
    Conversation<Layout> session(agreed, {"--forward-mode=rxonly", "--no-flush-rx"});
    NetDevice<Layout>& device = session.device();
    const std::uint32_t size = device.ring(device.kReceive).parts().size;
    for (std::uint64_t sent = 0; sent < kManyFrames;) {
      const std::uint64_t before = sent;
      while (sent < kManyFrames && sent - before < kBurst &&
             device.send(frames[sent % frames.size()]))
        ++sent;
      device.publish();
      if (sent == before) session.sleep(device.kReceive);
    }
    // It replaces what it has received; once the whole queue is buffers again, it has received all.
    while (device.hold_buffers() < size) session.sleep(device.kReceive);
    const Testpmd::Totals totals = session.end();
    CHECK(totals.received == kManyFrames);
    CHECK(device.stops(device.kReceive) == 1);
    const auto& ring = device.ring(device.kReceive);
    check_faultless(ring);
    check_position<Layout>(ring.stopped().used, ring.parts(), kManyFrames, kManyFrames);
    check_position<Layout>(ring.stopped().avail, ring.parts(), kManyFrames + size,
                           kManyFrames + size);
  });
}

/// Sends numbered frames and checks that they come back as they were, all of them and in order.
template <class Layout>
void exchange_frames(const Agreed& agreed, const std::vector<std::string>& options) {
  Conversation<Layout> session(agreed, options);
  NetDevice<Layout>& device = session.device();
  Verdict back;
  const auto note = [&back](std::span<const std::byte> packet, const Taken&) {
    back.note(numbered_fault(packet, back.packets));
  };
  for (std::uint64_t sent = 0; back.packets < kFrames;) {
    // Burst after burst, because it drops what its other queue has no room for; and because each
    // sleep is a long one where processors are busy.
    if (sent == back.packets) {
      const std::uint64_t end = std::min(kFrames, sent + kBurst);
      while (sent < end && device.send(numbered_frame(sent))) ++sent;
      device.publish();
    }
    const unsigned queue = sent == back.packets ? device.kReceive : device.kTransmit;
    if (device.receive(kBurst, note) == 0) session.sleep(queue);
  }
  const Testpmd::Totals totals = session.end();
  CHECK(back.first_fault == "");
  CHECK(back.packets == kFrames);
  CHECK(totals.received == kFrames);
  CHECK(totals.sent == kFrames);
  CHECK(totals.dropped == 0);
  CHECK(device.kicks() != 0);
  check_faultless(device.ring(device.kReceive));
  check_faultless(device.ring(device.kTransmit));
}

TEST_CASE_TEMPLATE("foreign reading: frames come back from DPDK byte for byte and in order", Layout,
                   Split, Packed) {
  for_each_agreement([](const Agreed& agreed) {
    exchange_frames<Layout>(agreed, {"--forward-mode=io", "--no-flush-rx"});
  });
}

TEST_CASE_TEMPLATE("foreign reading: frames over several of DPDK's buffers come back", Layout,
                   Split, Packed) {
  // Not in-order: there our half lets one used entry stand for buffers that it filled (virtio 1.4
  // section 2.7.9), and DPDK's driver reads an entry for each.
  exchange_frames<Layout>({.mergeable = true}, {"--forward-mode=io", "--no-flush-rx",
                                                "--mbuf-size=512", "--enable-scatter"});
}

}  // namespace bellpull::ring::test::foreign
