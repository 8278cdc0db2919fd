// SPDX-License-Identifier: BSD-2-Clause
// Lent memory on real channels: what the device does with it, and that failure gives it back too.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "region_rig.hpp"
#include "rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;

struct Host {
  static constexpr const char* kName = "host";
};

Completion transfer(Engine& engine, StreamChannel& channel, Segment segment, std::uint64_t token) {
  const Request request{{&segment, 1}, token};
  REQUIRE(channel.post({&request, 1}).kind == PrepareError::Kind::none);
  channel.issue();
  const auto done = collect(engine, channel, 1);
  REQUIRE(done.size() == 1);
  return done.front();
}

TEST_CASE("bytes pass from lent memory to lent memory, and belong to the client again") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    MappingTable table;
    DomainOf<Host> host(table);
    std::string text = "lent to a transmit channel", room(text.size(), '.');
    auto from = host.map<read>(bytes_of(text)).region;
    auto to = host.map<write>(bytes_of(room)).region;
    Rig rig(setting);
    auto sending = std::move(from).lend(1);
    from = sending.returned(transfer(rig.engine, *rig.tx, Source<Host>(sending).segment(), 1));
    REQUIRE(from);
    auto receiving = std::move(to).lend(2);
    to = receiving.returned(
        transfer(rig.engine, *rig.rx, Destination<Host>(receiving).segment(), 2));
    REQUIRE(to);
    CHECK(text_of(to.bytes()) == text);
    CHECK(host.domain().stats().maps == 2);
    CHECK(host.domain().stats().unmaps == 0);
  }
}

TEST_CASE("S0.14: after a failure the same memory is sent again without being mapped again") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    FdCounters counters;
    SocketPair pair(SOCK_DGRAM);
    Engine engine({.placement = placement});
    const auto tx = engine.open_stream({}, writer(pair.left(), counters));
    MappingTable table;
    DomainOf<Host> host(table);
    std::vector<std::byte> memory(1u << 20);
    auto region = host.map<read>(memory).region;

    auto lent = std::move(region).lend(1);
    const Completion failed = transfer(engine, *tx, Source<Host>(lent).segment(), 1);
    CHECK(failed.status == Status::failed);
    CHECK(failed.error == EMSGSIZE);
    region = lent.returned(failed);
    REQUIRE(region);

    lent = std::move(region).lend(2);
    const Completion sent = transfer(engine, *tx, Source<Host>(lent).part(0, 100).segment(), 2);
    CHECK(sent.status == Status::ok);
    CHECK(sent.bytes == 100);
    region = lent.returned(sent);
    REQUIRE(region);
    CHECK(region.bytes().data() == memory.data());
    CHECK(host.domain().stats().maps == 1);
    CHECK(host.domain().stats().unmaps == 0);
  }
}

TEST_CASE("a piece of no bytes is refused before anything is lent to a device") {
  Rig rig(Setting{});
  MappingTable table;
  DomainOf<Host> host(table);
  std::array<std::byte, 16> memory{};
  auto lent = std::move(host.map<read>(memory).region).lend(1);
  Segment segment = Source<Host>(lent).part(10, 7).segment();
  const Request request{{&segment, 1}, 1};
  CHECK(rig.tx->post({&request, 1}).kind == PrepareError::Kind::bad_request);
  CHECK(lent.returned(ended(1)));
}

}  // namespace
}  // namespace bellpull::engine::test
