// SPDX-License-Identifier: BSD-2-Clause
// Superframes and partial checksums on their way through ports of which not all take them.
#include <cstdint>
#include <cstring>

#include "bellpull/netdrv/segmenter.hpp"
#include "offload_bench.hpp"

namespace bellpull::test {

using namespace netdrv;
using namespace std::chrono_literals;

namespace {

constexpr unsigned kSuperframes = 20;

// Superframes of all kinds and what they are on the wire, in order.
struct Mixed {
  explicit Mixed(unsigned count, std::size_t payload = 4001) {
    for (unsigned i = 0; i < count; ++i) {
      supers.emplace_back(every_flow()[i % 4], 1000 + 10000 * i, payload, 1000);
      wire.insert(wire.end(), supers.back().wire.begin(), supers.back().wire.end());
    }
  }
  std::vector<Superframe> supers;
  std::vector<Bytes> wire;
};

}  // namespace

TEST_CASE("F20: a reader that takes no superframes gets their segments, in order, byte for byte") {
  for_each_style([](Style style, engine::Placement placement) {
    for (const OffloadSet tx : {OffloadSet{}, OffloadSet{OffloadFeature::csum}}) {
      OffloadBench bench({.style = style, .placement = placement, .tx = tx});
      const Mixed mixed(kSuperframes);
      for (const Superframe& frame : mixed.supers) bench.push(frame.raw);
      std::vector<Bytes> taken = bench.take(mixed.wire.size());
      CHECK(make_plain(taken));
      CHECK(taken == mixed.wire);
      bench.halt();
      CHECK(bench.queue(1).tx_cut == mixed.wire.size() - kSuperframes);
      CHECK(bench.queue(1).tx_segments == 0);
      CHECK(bench.queue(0).rx_segments == mixed.wire.size() - kSuperframes);
    }
  });
}

TEST_CASE("F19, check 21: a reader that completes no checksums gets them complete") {
  for_each_style([](Style style, engine::Placement placement) {
    OffloadBench bench({.style = style, .placement = placement, .tx = {}});
    for (const auto& flow : every_flow()) {
      for (const unsigned bytes : {0U, 1U, 777U, 1400U}) {
        netdrv::test::Piece piece;
        piece.data = netdrv::test::pattern(bytes);
        bench.push(raw_frame(partial_frame(flow, piece), partial_offload(flow)));
        std::vector<Bytes> taken = bench.take(1);
        REQUIRE(taken.size() == 1);
        CHECK(make_plain(taken));
        const auto expected = wire_frame(flow, piece);
        const auto* const begin = reinterpret_cast<const std::byte*>(expected.data());
        CHECK(taken[0] == Bytes(begin, begin + expected.size()));
      }
    }
  });
}

TEST_CASE("check 14: one superframe at a time costs at most 1/20 of a system call per wire frame") {
  constexpr unsigned kFrames = 25;
  constexpr unsigned kSegments = 44;
  constexpr unsigned kPayload = 1420;  // behind the longest headers, those of TCP over IPv6: 1492
  for_each_style([](Style style, engine::Placement placement) {
    OffloadBench bench({.style = style, .placement = placement});
    const auto calls = [&bench] { return bench.queue(0).syscalls + bench.queue(1).syscalls; };
    const auto wire = [&bench](unsigned number) {
      const QueueStats queue = bench.queue(number);
      return queue.rx_packets + queue.rx_segments + queue.tx_packets + queue.tx_segments;
    };
    const std::uint64_t before = calls();  // looks at descriptors that have nothing yet
    for (const auto& flow : every_flow()) {
      const Superframe super(flow, 1000, std::size_t{kSegments} * kPayload, kPayload);
      for (unsigned i = 0; i < kFrames; ++i) {
        bench.push(super.raw);
        REQUIRE(bench.take(1).size() == 1);
      }
    }
    bench.halt();
    CHECK(wire(0) == 4 * kFrames * kSegments);
    CHECK(wire(1) == 4 * kFrames * kSegments);
    // Received by the one, sent by the other.
    CHECK(20 * (calls() - before) <= wire(0) + wire(1));
    CHECK(bench.queue(1).tx_cut == 0);
  });
}

TEST_CASE("F18: numbers in headers are little-endian, read and written, in every style") {
  const auto flow = every_flow()[0];
  const Superframe super(flow, 1000, 3000, 0x0201);
  const auto headers = static_cast<std::uint8_t>(super.raw.size() - kVnetHeader - 3000);
  // NEEDS_CSUM, TCPV4, hdr_len, gso_size, csum_start, csum_offset, num_buffers
  const std::uint8_t expected[kVnetHeader] = {1, 1, headers, 0, 0x01, 0x02, 34, 0, 16, 0, 0, 0};
  for_each_style([&](Style style, engine::Placement placement) {
    OffloadBench bench({.style = style, .placement = placement});
    bench.push(super.raw);
    const std::vector<Bytes> taken = bench.take(1);
    REQUIRE(taken.size() == 1);
    REQUIRE(taken[0].size() > kVnetHeader);
    CHECK(std::memcmp(taken[0].data(), expected, kVnetHeader) == 0);
  });
}

TEST_CASE("F21, check 19: a header that lies ends its frame, is counted, and harms no other") {
  const auto flow = every_flow()[0];
  netdrv::test::Piece piece;
  piece.data = netdrv::test::pattern(3000);
  const auto frame = partial_frame(flow, piece);
  for_each_style([&](Style style, engine::Placement placement) {
    OffloadBench bench({.style = style, .placement = placement});
    const Offload good = super_offload(flow, 1000);
    std::vector<Offload> lies(7, good);
    lies[0].gso_size = 0;
    lies[1].csum_start = 60000;
    lies[2].csum_offset = 60000;
    lies[3].gso_type = 3;
    lies[4].flags = 0;
    lies[5].gso_type = 4;
    lies[6].gso_size = 0xffff;
    for (const Offload& lie : lies) bench.push(raw_frame(frame, lie));
    bench.push(raw_frame(frame, good));
    const std::vector<Bytes> taken = bench.take(1);
    REQUIRE(taken.size() == 1);
    CHECK(std::equal(taken[0].begin() + kVnetHeader, taken[0].end(),
                     reinterpret_cast<const std::byte*>(frame.data())));
    bench.halt();
    CHECK(bench.queue(0).rx_dropped[static_cast<std::size_t>(DropReason::bad_offload)] ==
          lies.size());
  });
}

TEST_CASE("a transmit ring that is full while a superframe is cut loses nothing it has taken") {
  for_each_style([](Style style, engine::Placement placement) {
    for (const unsigned ring : {1U, 2U, 8U}) {
      OffloadBench bench({.style = style, .placement = placement, .tx = {}, .ring = ring});
      const Mixed mixed(kSuperframes, 30000);
      for (const Superframe& frame : mixed.supers) bench.push(frame.raw);
      // Superframes that found no room are missing as a whole.
      std::vector<Bytes> taken;
      const auto all_ended = [&] {
        const QueueStats in = bench.queue(0);
        const QueueStats out = bench.queue(1);
        return in.rx_packets - sum(in.rx_dropped) == kSuperframes &&
               taken.size() == out.tx_packets &&
               out.tx_packets + sum(out.tx_dropped) == kSuperframes + out.tx_cut;
      };
      const auto begun = std::chrono::steady_clock::now();
      unsigned empty = 0;
      while (std::chrono::steady_clock::now() - begun < 60s) {
        Bytes raw = bench.taps[1].pull_raw();
        if (!raw.empty()) {
          taken.push_back(std::move(raw));
          empty = 0;
          continue;
        }
        // To halt the loop costs more than what it does meanwhile.
        if (++empty < 20) {
          std::this_thread::sleep_for(100us);
          continue;
        }
        empty = 0;
        bench.halt();
        if (all_ended()) break;
        bench.run();
      }
      bench.halt();
      CHECK(all_ended());
      CHECK(make_plain(taken));
      CHECK(bench.adds_up());
      CHECK(bench.dropped(DropReason::ring_full) == sum(bench.queue(1).tx_dropped));
      std::size_t at = 0;
      for (const Superframe& frame : mixed.supers) {
        if (at == taken.size() || taken[at] != frame.wire[0]) continue;
        REQUIRE(taken.size() - at >= frame.wire.size());
        for (const Bytes& wire : frame.wire) CHECK(taken[at++] == wire);
      }
      CHECK(at == taken.size());
    }
  });
}

TEST_CASE("a port that is stopped while a superframe is cut accounts for every segment") {
  for_each_style([](Style style, engine::Placement placement) {
    for (const unsigned taken : {0U, 1U, 40U}) {
      OffloadBench bench({.style = style, .placement = placement, .tx = {}, .ring = 8});
      const Mixed mixed(kSuperframes, 30000);
      for (const Superframe& frame : mixed.supers) bench.push(frame.raw);
      CHECK(bench.take(taken).size() == taken);
      bench.halt();
      bench.nic->drain(0ms);
      CHECK(bench.adds_up());
      CHECK(sum(bench.queue(1).tx_dropped) > 0);
      CHECK(bench.nic->stats().pool_outstanding == 0);
    }
  });
}

TEST_CASE("a change of style while a superframe is cut accounts for every segment, and goes on") {
  for_each_style([](Style style, engine::Placement placement) {
    OffloadBench bench({.style = style, .placement = placement, .tx = {}, .ring = 8});
    const Mixed mixed(kSuperframes, 30000);
    for (const Superframe& frame : mixed.supers) bench.push(frame.raw);
    CHECK(bench.take(5).size() == 5);
    bench.halt();
    bench.nic->set_style(style == Style::poll ? Style::virtqueue : Style::poll, 0ms);
    CHECK(bench.adds_up());
    bench.run();
    const Superframe last(every_flow()[3], 1, 2000, 1000);
    bench.push(last.raw);
    // Behind what is left of the others.
    std::vector<Bytes> taken;
    do {
      taken = bench.take(1);
      REQUIRE(taken.size() == 1);
      CHECK(make_plain(taken));
    } while (taken[0] != last.wire[0]);
    taken = bench.take(1);
    CHECK(make_plain(taken));
    CHECK(taken == std::vector<Bytes>{last.wire[1]});
  });
}

TEST_CASE("check 20: frames that a port merges are, cut again, what was handed to it") {
  for_each_style([](Style style, engine::Placement placement) {
    OffloadBench bench({.style = style, .placement = placement, .coalesce = true});
    const auto flow = every_flow()[0];
    const Superframe whole(flow, 1000, 20000, 1000);
    bench.halt();
    for (const Bytes& frame : whole.wire) {
      Bytes raw(kVnetHeader);
      raw.insert(raw.end(), frame.begin(), frame.end());
      static_cast<void>(bench.taps[0].push_raw(raw));  // as many as the socket holds
    }
    bench.run();
    PacketPool pool({.heads = 64, .tails = 4});
    std::vector<Bytes> got;
    const std::uint64_t sent = 10;
    while (got.size() < sent) {
      const std::vector<Bytes> taken = bench.take(1);
      REQUIRE(taken.size() == 1);
      const Bytes& raw = taken[0];
      const auto word = [&raw](std::size_t at) {
        return static_cast<std::uint16_t>(static_cast<unsigned>(raw[at]) |
                                          static_cast<unsigned>(raw[at + 1]) << 8);
      };
      const Offload offload{.flags = static_cast<std::uint8_t>(raw[0]),
                            .gso_type = static_cast<std::uint8_t>(raw[1]),
                            .hdr_len = word(2),
                            .gso_size = word(4),
                            .csum_start = word(6),
                            .csum_offset = word(8)};
      const auto* const begin = reinterpret_cast<const std::uint8_t*>(raw.data());
      Packet packet = netdrv::test::packet_of(
          pool, netdrv::test::Bytes(begin + kVnetHeader, begin + raw.size()), offload);
      Segmenter segmenter;
      REQUIRE(segmenter.start(std::move(packet)) == OffloadFault::none);
      Packet segment;
      while (segmenter.next(pool, {&segment, 1}) != 0) {
        const auto bytes = netdrv::test::bytes_of(segment);
        const auto* const first = reinterpret_cast<const std::byte*>(bytes.data());
        got.emplace_back(first, first + bytes.size());
        segment.reset();
      }
    }
    REQUIRE(got.size() <= whole.wire.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == whole.wire[i]);
  });
}

}  // namespace bellpull::test
