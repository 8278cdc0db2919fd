// SPDX-License-Identifier: BSD-2-Clause
// Superframes that the kernel claims to take, and refuses.
#include <cerrno>

#include "bellpull/netdrv/tx_frames.hpp"
#include "offload_bench.hpp"

namespace bellpull::test {

using namespace netdrv;
using namespace std::chrono_literals;

namespace {

constexpr unsigned kSuperframes = 20;

void add(std::vector<Bytes>& to, const std::vector<Bytes>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void sort(std::vector<Bytes>& frames) {
  std::sort(frames.begin(), frames.end());
}

}  // namespace

TEST_CASE("F9, check 3: a refused superframe is cut and sent again, and its kind is given up") {
  for_each_style([](Style style, engine::Placement placement) {
    for (const auto& flow : every_flow()) {
      OffloadBench bench({.style = style, .placement = placement, .plan = "tx:errno=EINVAL:gso"});
      std::vector<Bytes> expected;
      for (unsigned i = 0; i < kSuperframes; ++i) {
        const Superframe frame(flow, 1000 + 5000 * i, 3001, 1000);
        bench.push(frame.raw);
        add(expected, frame.wire);
      }
      std::vector<Bytes> taken = bench.take(expected.size());
      bench.halt();
      CHECK(make_plain(taken));
      sort(taken);
      sort(expected);
      CHECK(taken == expected);
      CHECK(sum(bench.queue(1).tx_dropped) == 0);
      CHECK(bench.queue(1).tx_offload_refused >= 1);
      CHECK(bench.queue(1).tx_cut == expected.size() - kSuperframes);
      CHECK_FALSE(bench.port(1).tx_offloads.contains(kind_of(flow)));
      CHECK(bench.port(1).tx_offloads.has(OffloadFeature::csum));
    }
  });
}

TEST_CASE("F9: a single refused superframe does not wait for another frame to be sent again") {
  for_each_style([](Style style, engine::Placement placement) {
    OffloadBench bench({.style = style, .placement = placement, .plan = "tx:errno=EINVAL:gso"});
    const Superframe frame(every_flow()[0], 1000, 5000, 1400);
    bench.push(frame.raw);
    std::vector<Bytes> taken = bench.take(frame.wire.size());
    CHECK(make_plain(taken));
    CHECK(taken == frame.wire);
  });
}

TEST_CASE("F9: a kind that is refused takes no other kind with it") {
  for_each_style([](Style style, engine::Placement placement) {
    OffloadBench bench(
        {.style = style, .placement = placement, .plan = "tx:errno=EINVAL:gso:limit=1"});
    const auto flows = every_flow();
    const Superframe refused(flows[0], 1000, 3000, 1000);
    bench.push(refused.raw);
    CHECK(bench.take(refused.wire.size()).size() == refused.wire.size());
    const Superframe whole(flows[2], 1000, 3000, 1000);
    bench.push(whole.raw);
    const std::vector<Bytes> taken = bench.take(1);
    REQUIRE(taken.size() == 1);
    CHECK(taken[0].size() == whole.raw.size());
    CHECK(taken[0][1] == std::byte{5});
  });
}

TEST_CASE("F9: a refused partial checksum is completed, and no frame asks for anything again") {
  for_each_style([](Style style, engine::Placement placement) {
    OffloadBench bench({.style = style, .placement = placement, .plan = "tx:errno=EINVAL:limit=1"});
    const auto flow = every_flow()[0];
    netdrv::test::Piece piece;
    piece.data = netdrv::test::pattern(500);
    bench.push(raw_frame(partial_frame(flow, piece), partial_offload(flow)));
    std::vector<Bytes> taken = bench.take(1);
    REQUIRE(taken.size() == 1);
    CHECK(make_plain(taken));
    const auto expected = wire_frame(flow, piece);
    CHECK(taken[0] == Bytes(reinterpret_cast<const std::byte*>(expected.data()),
                            reinterpret_cast<const std::byte*>(expected.data() + expected.size())));
    bench.halt();
    CHECK(bench.port(1).tx_offloads.empty());
  });
}

TEST_CASE("F9: what is refused once the port is stopped is dropped and counted") {
  for_each_style([](Style style, engine::Placement placement) {
    for (unsigned settle = 0; settle < 3; ++settle) {
      OffloadBench bench(
          {.style = style, .placement = placement, .plan = "tx:errno=EINVAL:gso", .ring = 4});
      for (unsigned i = 0; i < kSuperframes; ++i) {
        bench.push(Superframe(every_flow()[i % 4], 1000 * i, 5000, 1000).raw);
      }
      static_cast<void>(bench.take(settle * 7));
      bench.halt();
      bench.nic->drain(0ms);
      CHECK(bench.adds_up());
    }
  });
}

TEST_CASE("F9: what a stopped sender hears was refused is dropped, and no kind is given up") {
  SocketTap tap;
  TapLink inner(tap.device("p0"));
  OffloadLink link(inner, {}, OffloadSet::all());
  const auto flow = every_flow()[0];
  netdrv::test::Piece piece;
  piece.data = netdrv::test::pattern(3000);
  for (const bool stopped : {true, false}) {
    CAPTURE(stopped);
    PacketPool pool({.heads = 4, .tails = 4});
    TxFrames frames(link, 8, false);
    PortCounters counters;
    std::atomic<PortState> state{PortState::running};
    Packet packet =
        netdrv::test::packet_of(pool, partial_frame(flow, piece), super_offload(flow, 1000));
    std::vector<std::uint64_t> tokens;
    frames.send({&packet, 1}, counters, [&](std::span<const engine::Request> batch) {
      for (const engine::Request& request : batch) tokens.push_back(request.token);
    });
    REQUIRE(tokens.size() == 1);
    if (stopped) frames.stop_resending();
    const OffloadSet before = link.accepted();
    const engine::StreamResult refused{.error = EINVAL, .status = engine::Status::failed};
    CHECK(frames.settle(tokens[0], refused, counters, state) == !stopped);
    CHECK(counters.tx_dropped.value(DropReason::refused) == (stopped ? 1 : 0));
    CHECK(frames.in_flight() == (stopped ? 0 : 1));
    CHECK((link.accepted() == before) == stopped);
    frames.close(DropReason::shutdown, counters);
    CHECK(pool.outstanding() == 0);
  }
}

}  // namespace bellpull::test
