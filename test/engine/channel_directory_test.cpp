// SPDX-License-Identifier: BSD-2-Clause
// Finding a channel, having it for oneself, and what is told when there is none.
#include <doctest/doctest.h>

#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bellpull/engine/domain.hpp"
#include "directory_rig.hpp"

namespace bellpull::engine::test {
namespace {

[[nodiscard]] ChannelQuery is_named(std::string name) {
  return ChannelQuery::matching([name](const ChannelOffer& offer) { return offer.name == name; });
}

TEST_CASE(
    "S4.12: a predicate, a name and a wire find the same channel, as the same kind of object") {
  Engine engine{{}};
  ChannelDirectory directory;
  directory.add(copy_device(engine, 3));
  directory.wire("port", "transmit", "copy 1");
  const std::array queries{is_named("copy 1"), ChannelQuery::named("copy 1"),
                           ChannelQuery::wired("port", "transmit")};
  const ChannelOffer* const offer = directory.find(queries[0]).offer;
  REQUIRE(offer != nullptr);
  for (const ChannelQuery& query : queries) {
    CAPTURE(query.describe());
    CHECK(directory.find(query).offer == offer);
    Requested requested = directory.request(query);
    REQUIRE(requested.lease);
    CHECK_FALSE(requested.error);
    CHECK(&requested.lease.offer() == offer);
    REQUIRE(requested.lease.operations() != nullptr);
    CHECK(requested.lease.stream() == nullptr);
    const OperationRequest one = nop(7);
    CHECK(requested.lease.operations()->post({&one, 1}).kind == PrepareError::Kind::none);
    for (const ChannelQuery& other : queries) {
      const Requested again = directory.request(other);
      CHECK_FALSE(again.lease);
      CHECK(again.error.reason() == FindReason::busy);
      CHECK(again.error.describe() == directory.find(other).error.describe());
      CHECK(says(again.error, other.describe(), "in use", "wait"));
    }
  }
  CHECK(directory.find(queries[0]).offer == offer);  // each lease gave it back
}

TEST_CASE("S4.12: busy, unknown, ambiguous and not capable are told apart, with a sentence each") {
  Engine engine{{}};
  ChannelDirectory directory;
  CHECK(says(directory.find(ChannelQuery::named("x")).error, "'x'", "none is declared"));
  directory.add(copy_device(engine, 2));
  directory.wire("port", "gone", "copy 9");
  const auto reason = [&](const ChannelQuery& query) {
    const FindError error = directory.find(query).error;
    CHECK(error.describe().find(query.describe()) != std::string::npos);
    CHECK(directory.request(query).error.reason() == error.reason());
    return error;
  };
  const FindError name = reason(ChannelQuery::named("copy 9"));
  CHECK(name.reason() == FindReason::unknown);
  CHECK(says(name, "'copy 9'", "'copy 0', 'copy 1'"));
  const FindError no_wire = reason(ChannelQuery::wired("port", "receive"));
  CHECK(no_wire.reason() == FindReason::unknown);
  CHECK(says(no_wire, "'receive'", "'port'", "add one"));
  const FindError loose = reason(ChannelQuery::wired("port", "gone"));
  CHECK(loose.reason() == FindReason::unknown);
  CHECK(says(loose, "'gone'", "'copy 9'", "not declared"));
  const FindError none = reason(ChannelQuery::matching([](const auto&) { return false; }));
  CHECK(none.reason() == FindReason::unknown);
  CHECK(reason(ChannelQuery::matching({})).reason() == FindReason::unknown);
  const FindError several = directory.find(ChannelQuery::matching(all_channels)).error;
  CHECK(several.reason() == FindReason::ambiguous);
  CHECK(says(several, "'copy 0', 'copy 1'", "any"));
  for (const ChannelQuery& query :
       {ChannelQuery::named("copy 0").needing({Operation::read}),
        ChannelQuery::matching(all_channels).needing({Operation::read})}) {
    CHECK(reason(query).reason() == FindReason::not_capable);
    CHECK(says(reason(query), "operations"));
  }
  const auto any = ChannelQuery::matching(all_channels, Choice::any);
  const Requested first = directory.request(any);
  REQUIRE(first.lease);
  CHECK(first.lease.offer().name == "copy 0");
  // One is left, so it is the one that was asked for.
  const Requested second = directory.request(ChannelQuery::matching(all_channels));
  REQUIRE(second.lease);
  CHECK(second.lease.offer().name == "copy 1");
  CHECK(reason(any).reason() == FindReason::busy);
  CHECK(reason(ChannelQuery::matching(all_channels)).reason() == FindReason::busy);
  CHECK(reason(ChannelQuery::named("copy 1")).reason() == FindReason::busy);
}

TEST_CASE("R11: more requests than channels are refused, and released channels can be had again") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine{{.placement = placement}};
    ChannelDirectory directory;
    directory.add(copy_device(engine, 3));
    const auto any = ChannelQuery::matching(all_channels, Choice::any);
    for (unsigned round = 0; round < 100; ++round) {
      std::vector<Requested> all;
      for (unsigned i = 0; i < 3; ++i) {
        all.push_back(directory.request(any));
        REQUIRE(all.back().lease);
      }
      REQUIRE(directory.request(any).error.reason() == FindReason::busy);
      REQUIRE(directory.join({}).error.reason() == FindReason::busy);
      all.erase(all.begin() + round % 3);
      const Requested again = directory.request(any);
      REQUIRE(again.lease);
      CHECK(again.lease.offer().name == "copy " + std::to_string(round % 3));
    }
    CHECK(directory.stats().opened == 400);
    CHECK(directory.stats().closed == 400);
  }
}

TEST_CASE("a lease is moved with its channel, and closes the one that it held before") {
  Engine engine{{}};
  ChannelDirectory directory;
  directory.add(copy_device(engine, 2));
  ChannelLease lease = directory.request(ChannelQuery::named("copy 0")).lease;
  lease = directory.request(ChannelQuery::named("copy 1")).lease;
  REQUIRE(lease);
  CHECK(lease.offer().name == "copy 1");
  CHECK(directory.find(ChannelQuery::named("copy 0")).offer != nullptr);
  ChannelLease moved(std::move(lease));
  CHECK_FALSE(lease);
  CHECK(lease.operations() == nullptr);
  lease.close();
  CHECK(directory.find(ChannelQuery::named("copy 1")).error.reason() == FindReason::busy);
  moved.close();
  CHECK_FALSE(moved);
  CHECK(directory.find(ChannelQuery::named("copy 1")).offer != nullptr);
}

TEST_CASE("S2.24: closing a lease aborts what is in flight or lets it end, by policy") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine{{.placement = placement}};
    ChannelDirectory directory;
    // A slice is so small that the transfers are under way for long.
    DeviceDeclaration device = copy_device(engine, 1);
    device.channels[0].make = [] { return make_copy_backend({.slice = 1}); };
    directory.add(device);
    for (const OnClose policy : {OnClose::finish, OnClose::abort}) {
      std::vector<std::byte> from(20'000, std::byte{7}), to(from.size()), kept(from.size());
      const Segment source{from.data(), from.size()};
      const Segment destination{to.data(), to.size()}, other{kept.data(), kept.size()};
      ChannelLease lease = directory
                               .request(ChannelQuery::named("copy 0"),
                                        {.operations = {.on_close = policy}, .stream = {}})
                               .lease;
      REQUIRE(lease);
      const OperationRequest issued = copy_of({&source, 1}, {&destination, 1});
      const OperationRequest waits = copy_of({&source, 1}, {&other, 1});
      REQUIRE(lease.operations()->post({&issued, 1}).kind == PrepareError::Kind::none);
      lease.operations()->issue();
      REQUIRE(lease.operations()->post({&waits, 1}).kind == PrepareError::Kind::none);
      CHECK(lease.operations()->unissued() == 1);
      lease.close();
      if (policy == OnClose::finish) CHECK(to == from);
      // How far an engine with a thread of its own got is not known.
      if (policy == OnClose::abort && placement == Placement::driven) CHECK(to != from);
      CHECK(kept == std::vector<std::byte>(from.size()));  // never issued
    }
    CHECK(directory.stats().opened == 2);
    CHECK(directory.stats().closed == 2);
  }
}

TEST_CASE("opening that fails leaves the channel as free as it was") {
  Engine engine{{}};
  ChannelDirectory directory;
  DeviceDeclaration device = copy_device(engine, 1);
  bool fails = true;
  device.channels[0].make = [&fails]() -> std::unique_ptr<Backend> {
    if (fails) throw std::runtime_error("no such device");
    return make_copy_backend();
  };
  directory.add(device);
  const auto query = ChannelQuery::named("copy 0");
  CHECK_THROWS_AS((void)directory.request(query), std::runtime_error);
  CHECK_THROWS_AS((void)directory.join({Operation::copy}), std::runtime_error);
  fails = false;
  LeaseOptions options;
  options.operations.size = 3;  // a split ring's is a power of two
  CHECK_THROWS_AS((void)directory.request(query, options), std::system_error);
  CHECK(directory.stats().opened == 0);
  CHECK(directory.stats().closed == 0);
  CHECK(static_cast<bool>(directory.request(query).lease));
  CHECK(static_cast<bool>(directory.join({Operation::copy}).submitter));
}

TEST_CASE(
    "S0.4: a device has memory channels and stream channels, and settings of one change "
    "nothing for another") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine{{.placement = placement}};
    LoopbackPair ends = make_loopback({});
    const Capabilities sends = ends.sender->capabilities();
    const Capabilities receives = ends.receiver->capabilities();
    ChannelDirectory directory;
    DeviceDeclaration device = copy_device(engine, 2);
    device.channels.push_back(
        {.name = "out", .make = [&] { return std::move(ends.sender); }, .capabilities = sends});
    device.channels.push_back(
        {.name = "in", .make = [&] { return std::move(ends.receiver); }, .capabilities = receives});
    directory.add(device);
    const ChannelLease plain = directory.request(ChannelQuery::named("copy 0")).lease;
    const ChannelLease tuned = directory.request(ChannelQuery::named("copy 1")).lease;
    const ChannelLease out = directory.request(ChannelQuery::named("out")).lease;
    const ChannelLease in = directory.request(ChannelQuery::named("in")).lease;
    REQUIRE((plain && tuned && out && in));
    REQUIRE(out.stream() != nullptr);
    CHECK(out.operations() == nullptr);
    std::string from(48, ' ');
    std::array<std::string, 3> to;
    for (unsigned round = 0; round < 64; ++round) {
      for (char& letter : from)
        letter = static_cast<char>('a' + (round + static_cast<unsigned>(letter)) % 26);
      for (std::string& text : to) text.assign(from.size(), '.');
      REQUIRE(tuned.operations()->configure({.burst = 1 + round % 7}));
      const OneSegment sent(bytes_of(from), round), received(bytes_of(to[2]), round);
      REQUIRE(in.stream()->post(received.batch()).kind == PrepareError::Kind::none);
      REQUIRE(out.stream()->post(sent.batch()).kind == PrepareError::Kind::none);
      const Segment source{bytes_of(from).data(), from.size()};
      const std::array<Segment, 2> destinations{
          {{bytes_of(to[0]).data(), from.size()}, {bytes_of(to[1]).data(), from.size()}}};
      const OperationRequest one = copy_of({&source, 1}, {&destinations[0], 1}, round);
      const OperationRequest other = copy_of({&source, 1}, {&destinations[1], 1}, round);
      REQUIRE(plain.operations()->post({&one, 1}).kind == PrepareError::Kind::none);
      REQUIRE(tuned.operations()->post({&other, 1}).kind == PrepareError::Kind::none);
      unsigned ended = 0;
      in.stream()->issue();
      tuned.operations()->issue();
      out.stream()->issue();
      plain.operations()->issue();
      std::array<Completion, 2> some;
      std::array<OperationCompletion, 2> others;
      REQUIRE(until(engine, [&] {
        ended += in.stream()->poll(some) + out.stream()->poll(some);
        ended += plain.operations()->poll(others) + tuned.operations()->poll(others);
        return ended == 4;
      }));
      for (const std::string& text : to) CHECK(text == from);
    }
    // Nothing that memory channels share is a stream.
    CHECK(directory.plan({Operation::read}).error.reason() == FindReason::not_capable);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
