// SPDX-License-Identifier: BSD-2-Clause
// Requests of lent memory on real channels, alone and as nodes of a graph: what their types allow,
// what the erased ones refuse, and how often memory is mapped.
#include <doctest/doctest.h>

#include <cstring>
#include <type_traits>

#include "graph_rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;
using HostRequest = TypedRequest<Host>;
using Stripe = std::array<std::byte, 64>;

// A station whose device works in the domain `Host`, and memory there.
struct OnHost {
  explicit OnHost(Placement placement = Placement::driven) : station(placement) {
    for (std::size_t i = 0; i < 64; ++i) source[i] = static_cast<std::byte>(7 * i + 1);
  }
  OperationCompletion one() {
    station.channel->issue();
    std::array<OperationCompletion, 1> done;
    CHECK(until(station.engine, [&] { return station.channel->poll(done) == 1; }));
    return done[0];
  }

  Stripe source{}, target{};
  MappingTable table;
  DomainOf<Host> host{table};
  Station station;
  TypedChannel<Host> channel{*station.channel, host};
};

TEST_CASE(
    "R9, check 17: a typed channel does every operation with lent memory, and gives it back") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    OnHost on(placement);
    auto from = std::move(on.host.map<read>(on.source).region).lend(1, 5);
    auto to = std::move(on.host.map<write>(on.target).region).lend(1, 3);
    const RequestExtras extras{.token = 1};

    REQUIRE(on.channel.post(HostRequest::copy(to, from, extras)).kind == PrepareError::Kind::none);
    OperationCompletion done = on.one();
    CHECK(done.bytes == 64);
    CHECK(std::memcmp(on.source.data(), on.target.data(), 64) == 0);
    CHECK_FALSE(from.returned(done));
    CHECK_FALSE(to.returned(done));

    on.channel.post(HostRequest::fill(to, {.token = 1, .pattern = 0x2b1a, .pattern_bytes = 2}));
    done = on.one();
    CHECK(on.target[62] == std::byte{0x1a});
    CHECK(on.target[63] == std::byte{0x2b});
    CHECK_FALSE(to.returned(done));

    on.channel.post(HostRequest::crc32c(from, {.token = 1, .seed = 5}));
    done = on.one();
    CHECK(done.value == slow_crc32c(5, on.source));
    CHECK_FALSE(from.returned(done));

    on.channel.post(HostRequest::copy_crc32c(to, from, extras));
    done = on.one();
    CHECK(done.value == slow_crc32c(0, on.source));
    CHECK_FALSE(from.returned(done));
    CHECK(to.returned(done).bytes().data() == on.target.data());

    // Comparing writes nothing, so memory that is mapped for reading will do.
    on.channel.post(HostRequest::compare(from, Source<Host>(from), extras));
    done = on.one();
    CHECK(done.value == 0);
    CHECK_FALSE(from.returned(done));
    on.channel.post(HostRequest::nop(extras));
    CHECK(from.returned(on.one()));
    CHECK(on.host.domain().stats().maps == 2);
  }
}

TEST_CASE("lists of lent memory, of any two shapes, in a batch that is taken as a whole") {
  OnHost on;
  auto from = std::move(on.host.map<read>(on.source).region).lend(1, 2);
  auto to = std::move(on.host.map<write>(on.target).region).lend(1, 2);
  const Source<Host> all_from(from);
  const Destination<Host> all_to(to);
  const std::array sources{all_from.part(32, 8), all_from.part(0, 24)};
  const std::array destinations{all_to.part(0, 4), all_to.part(40, 20), all_to.part(10, 8)};
  const auto lists = TypedRequest<Host, 3>::copy(destinations, sources, {.token = 1});
  const auto sum = HostRequest::crc32c(all_from, {.token = 1});
  CHECK(lists.request().source.size() == 2);
  CHECK(lists.request().destination.size() == 3);
  REQUIRE(on.channel.post(lists, sum).kind == PrepareError::Kind::none);
  CHECK(on.station.channel->in_flight() == 2);
  CHECK(on.one().bytes == 32);
  CHECK(on.one().value == slow_crc32c(0, on.source));
  CHECK(std::memcmp(&on.target[0], &on.source[32], 4) == 0);
  CHECK(std::memcmp(&on.target[40], &on.source[36], 4) == 0);
  CHECK(std::memcmp(&on.target[44], &on.source[0], 16) == 0);
  CHECK(std::memcmp(&on.target[10], &on.source[16], 8) == 0);
  CHECK(on.target[60] == std::byte{0});

  // More segments than the request has room for, in a batch: nothing is taken of it.
  const auto large = TypedRequest<Host, 2>::copy(destinations, sources);
  CHECK_FALSE(large.fits());
  const PrepareError error = on.channel.post(sum, large);
  CHECK(error.kind == PrepareError::Kind::too_large);
  CHECK(error.reason == PrepareReason::too_many_segments);
  CHECK(error.max == 2);
  CHECK(error.request == 1);
  CHECK(on.station.channel->in_flight() == 0);
  // A part that reaches out of its piece has no bytes, which no channel takes.
  const auto outside = HostRequest::copy(all_to.part(60, 8), all_from.part(0, 8));
  CHECK(on.channel.post(outside).kind == PrepareError::Kind::bad_request);
}

TEST_CASE("R9: tokens are as wide as pointers, alone and in a graph") {
  OnHost on;
  const RequestExtras extras{.token = ~std::uint64_t{0} - 1};
  static_assert(sizeof extras.token >= sizeof(void*));
  on.channel.post(HostRequest::nop(extras));
  CHECK(on.one().token == extras.token);
  TransferGraph graph({});
  const auto node = graph.add(graph.use(on.channel), Operation::nop);
  REQUIRE(graph.bind(node.node, HostRequest::nop(extras)) == GraphError::none);
  Loop loop{graph, {&on.station}};
  REQUIRE(loop.run());
  CHECK(loop.ends.at(0).completion.token == extras.token);
}

TEST_CASE("a request is its lists and a few numbers") {
  static_assert(std::is_trivially_copyable_v<HostRequest>);
  static_assert(sizeof(TypedRequest<Host, 64>) < sizeof(Segment) * 2 * 64 + 96);
  static_assert(sizeof(TypedChannel<Host>) == 2 * sizeof(void*));
  CHECK(true);
}

TEST_CASE("check 17, R9: a request whose domain is a value refuses each misuse by name") {
  OnHost on;
  Domain elsewhere(on.table, "elsewhere");
  Domain& host = on.host.domain();
  AnyRegion from = AnyRegion::map(host, on.source, read).region;
  AnyRegion to = AnyRegion::map(host, on.target, write).region;
  AnyRequest<> early(host, Operation::copy);
  CHECK(early.from(from) == MappingError::not_lent);
  CHECK(early.to(to) == MappingError::not_lent);
  CHECK(early.error() == MappingError::not_lent);
  REQUIRE(from.lend(1) == MappingError::none);
  CHECK(from.lend(2) == MappingError::lent);
  REQUIRE(to.lend(1) == MappingError::none);
  AnyRequest<> wrong(host, Operation::copy);
  CHECK(wrong.from(to) == MappingError::wrong_access);
  CHECK(wrong.to(from) == MappingError::wrong_access);
  CHECK(AnyRequest<>(elsewhere, Operation::copy).from(from) == MappingError::wrong_domain);
  CHECK(AnyRequest<>(host, Operation::compare).to(from) == MappingError::none);
  CHECK(AnyRequest<>(host, Operation::compare).to(to) == MappingError::wrong_access);
  CHECK(AnyRequest<>(host, Operation::copy).from(AnyRegion{}) == MappingError::not_mapped);
  CHECK(AnyRequest<>(host, Operation::copy).from(from, 60, 8) == MappingError::out_of_range);
  CHECK(from.bytes().error == MappingError::lent);

  // What was refused once is no request, even if what is left would be one.
  AnyRequest<2> most(host, Operation::copy, {.token = 1});
  CHECK(most.from(from, 0, 8) == MappingError::none);
  CHECK(most.to(to, 0, 8) == MappingError::none);
  const AnyRequest<2> good = most;
  CHECK(most.from(from, 60, 8) == MappingError::out_of_range);
  CHECK(most.error() == MappingError::out_of_range);
  OperationRequest request = most.request();
  CHECK(on.station.channel->post({&request, 1}).reason == PrepareReason::no_segments);
  request = good.request();
  CHECK(on.station.channel->post({&request, 1}).kind == PrepareError::Kind::none);
  const OperationCompletion done = on.one();
  CHECK(done.bytes == 8);
  CHECK(std::memcmp(on.source.data(), on.target.data(), 8) == 0);
  CHECK(from.returned(done) == MappingError::none);
  CHECK(to.returned(done) == MappingError::none);
}

TEST_CASE("S3.8, S2.37, check 16: a chain within one domain is lent its memory once, mapped once") {
  OnHost on;
  Station second(Placement::autonomous);
  TransferGraph graph({});
  const auto first = graph.use(on.channel);
  const auto other = graph.use(TypedChannel<Host>(*second.channel, on.host));
  for (const bool both : {false, true}) {
    CAPTURE(both);
    MappingTable table;
    Stripe stripe = on.source;
    auto region = on.host.map<read_write>(stripe).region;
    const DomainStats before = on.host.domain().stats();
    auto lent = std::move(region).lend(1, 5);
    const Source<Host> from(lent);
    const Destination<Host> to(lent);
    const auto place = [&](bool elsewhere) { return both && elsewhere ? other : first; };
    const auto sum = graph.add(place(false), Operation::crc32c);
    const auto copy = graph.add(place(true), Operation::copy, {sum.node});
    const auto fill = graph.add(place(false), Operation::fill, {copy.node});
    const auto back = graph.add(place(true), Operation::copy, {fill.node});
    const auto check = graph.add(place(false), Operation::compare, {back.node});
    const RequestExtras extras{.token = 1};
    REQUIRE(graph.bind(sum.node, HostRequest::crc32c(from, extras)) == GraphError::none);
    REQUIRE(graph.bind(copy.node, HostRequest::copy(to.part(32, 32), from.part(0, 32), extras)) ==
            GraphError::none);
    REQUIRE(graph.bind(fill.node, HostRequest::fill(to.part(0, 32), {.token = 1, .pattern = 9})) ==
            GraphError::none);
    REQUIRE(graph.bind(back.node, HostRequest::copy(to.part(0, 16), from.part(32, 16), extras)) ==
            GraphError::none);
    REQUIRE(graph.bind(check.node, HostRequest::compare(from.part(0, 16), from.part(32, 16),
                                                        extras)) == GraphError::none);
    CHECK((graph.only_channel() != nullptr) == !both);
    CHECK(graph.only_domain() == &on.host.domain());
    Loop loop{graph, {&on.station, &second}};
    REQUIRE(loop.run());
    REQUIRE(loop.ends.size() == 5);
    CHECK(loop.submitted == 5);
    for (const NodeEnd& end : loop.ends) {
      CHECK(end.completion.status == Status::ok);
      CHECK(end.completion.value == (end.node == sum.node ? slow_crc32c(0, on.source) : 0));
      region = lent.returned(end.completion);
    }
    REQUIRE(region);  // by the last of them
    CHECK(on.host.domain().stats().maps == before.maps);
    CHECK(on.host.domain().stats().unmaps == before.unmaps);
    CHECK(stripe[0] == on.source[0]);
    CHECK(stripe[20] == std::byte{9});
    region = {};
    CHECK(on.host.domain().stats().unmaps == before.unmaps + 1);
    CHECK(graph.clear());
  }
}

}  // namespace
}  // namespace bellpull::engine::test
