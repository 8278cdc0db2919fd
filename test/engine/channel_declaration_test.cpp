// SPDX-License-Identifier: BSD-2-Clause
// What is declared of a device, and what a declaration is good for.
#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>

#include "directory_rig.hpp"

namespace bellpull::engine::test {
namespace {

struct Bad {
  const char* says;
  std::function<void(DeviceDeclaration&)> spoil;
};

TEST_CASE(
    "S2.9: a declaration that is empty or contradicts itself is refused, and nothing of it is "
    "kept") {
  Engine engine{{}};
  const auto declare = [](Capabilities can) {
    return [can](DeviceDeclaration& device) { device.channels[1].capabilities = can; };
  };
  const auto with = [](OperationSet operations) {
    Capabilities can = kCopyAll;
    can.operations = operations;
    return can;
  };
  Capabilities no_segment = kCopyAll, many = kCopyAll, crooked = kCopyAll, none = kCopyAll;
  no_segment.max_segments = 0;
  many.max_segments = 65;
  crooked.alignment = 24;
  none.alignment = 0;
  Capabilities short_one = kCopyAll, tuned = with({Operation::read});
  short_one.alignment = 64;
  short_one.max_length = 63;
  Capabilities controlled = with({Operation::write});
  controlled.configurable = false;
  controlled.external_control = true;
  const std::vector<Bad> all{
      {"no name", [](auto& device) { device.name.clear(); }},
      {"no engine", [](auto& device) { device.engine = nullptr; }},
      {"no channel", [](auto& device) { device.channels.clear(); }},
      {"no name", [](auto& device) { device.channels[1].name.clear(); }},
      {"back-end", [](auto& device) { device.channels[1].make = nullptr; }},
      {"a channel of that name", [](auto& device) { device.channels[1].name = "copy 0"; }},
      {"a channel of that name", [](auto& device) { device.channels[1].name = "taken"; }},
      {"no operation", [](auto& device) { device.capabilities = {}; }},
      {"no operation", declare(with({}))},
      {"both ways", declare(with({Operation::read, Operation::write}))},
      {"both kinds", declare(with({Operation::copy, Operation::write}))},
      {"segment", declare(no_segment)},
      {"64", declare(many)},
      {"power of two", declare(crooked)},
      {"power of two", declare(none)},
      {"shorter than its alignment", declare(short_one)},
      {"settings", declare(tuned)},
      {"settings", declare(controlled)},
  };
  ChannelDirectory directory;
  DeviceDeclaration first = copy_device(engine, 1);
  first.channels[0].name = "taken";
  directory.add(first);
  for (const Bad& bad : all) {
    CAPTURE(bad.says);
    DeviceDeclaration device = copy_device(engine, 3);
    bad.spoil(device);
    std::string what;
    try {
      directory.add(device);
    } catch (const std::invalid_argument& error) {
      what = error.what();
    }
    CHECK(what.find(bad.says) != std::string::npos);
    CHECK(what.find("declare device '" + device.name) != std::string::npos);
    CHECK(directory.find(ChannelQuery::named("copy 0")).error.reason() == FindReason::unknown);
  }
  directory.add(copy_device(engine, 3));
  CHECK(directory.find(ChannelQuery::named("copy 2")).offer != nullptr);
}

TEST_CASE(
    "S2.9: what a channel declares takes the place of what its device declares, and is kept to") {
  Engine engine{{}};
  ChannelDirectory directory;
  DeviceDeclaration device = copy_device(engine, 2);
  Capabilities narrow = kCopyAll;
  narrow.operations = {Operation::copy, Operation::nop};
  narrow.alignment = 8;
  narrow.residue = Granularity::descriptor;
  narrow.configurable = false;
  device.channels[1].capabilities = narrow;
  // So that a transfer is under way when it is looked at.
  for (ChannelDeclaration& channel : device.channels) {
    channel.make = [] { return make_copy_backend({.slice = 8}); };
  }
  directory.add(device);
  const ChannelLease wide = directory.request(ChannelQuery::named("copy 0")).lease;
  const ChannelLease tight = directory.request(ChannelQuery::named("copy 1")).lease;
  REQUIRE((wide && tight));
  CHECK(wide.offer().capabilities.alignment == 1);
  CHECK(tight.offer().capabilities.alignment == 8);
  CHECK(tight.operations()->capabilities().operations == narrow.operations);
  CHECK(wide.operations()->configure({.burst = 8}));
  CHECK_FALSE(tight.operations()->configure({.burst = 8}));
  alignas(8) std::array<std::byte, 64> from{}, to{};
  from.fill(std::byte{5});
  const Segment crooked{from.data() + 1, 8}, whole{from.data(), 64}, other{to.data(), 64};
  const Segment eight{to.data(), 8};
  const OperationRequest misaligned = copy_of({&crooked, 1}, {&eight, 1});
  CHECK(wide.operations()->post({&misaligned, 1}).kind == PrepareError::Kind::none);
  CHECK(tight.operations()->post({&misaligned, 1}).reason == PrepareReason::address_misaligned);
  OperationRequest sum{.operation = Operation::crc32c};
  sum.source = {&whole, 1};
  CHECK(wide.operations()->post({&sum, 1}).kind == PrepareError::Kind::none);
  CHECK(tight.operations()->post({&sum, 1}).reason == PrepareReason::operation_not_supported);
  const OperationRequest good = copy_of({&whole, 1}, {&other, 1});
  REQUIRE(tight.operations()->post({&good, 1}).kind == PrepareError::Kind::none);
  tight.operations()->issue();
  engine.run(1);
  engine.run(1);
  CHECK(tight.operations()->status(1).left == 64);  // descriptor: nothing or all
  std::array<OperationCompletion, 1> done;
  REQUIRE(until(engine, [&] { return tight.operations()->poll(done) == 1; }));
  CHECK(done[0].status == Status::ok);
  CHECK(to == from);
  Capabilities finer = narrow;
  finer.residue = Granularity::burst;
  DeviceDeclaration fine = copy_device(engine, 1);
  fine.channels[0].name = "fine";
  fine.channels[0].make = device.channels[0].make;
  fine.channels[0].capabilities = finer;
  directory.add(fine);
  const ChannelLease burst = directory.request(ChannelQuery::named("fine")).lease;
  REQUIRE(burst.operations()->post({&good, 1}).kind == PrepareError::Kind::none);
  burst.operations()->issue();
  engine.run(1);
  engine.run(1);
  CHECK(burst.operations()->status(1).left < 64);
}

TEST_CASE("S2.9: a channel whose back-end cannot do what was declared does not open") {
  Engine engine{{}};
  const auto refused = [&](const Capabilities& declared, const Capabilities& has) {
    ChannelDirectory directory;
    DeviceDeclaration device = copy_device(engine, 1);
    device.capabilities = declared;
    device.channels[0].make = [has] { return std::make_unique<LimitedBackend>(has); };
    directory.add(device);
    try {
      (void)directory.request(ChannelQuery::named("copy 0"));
    } catch (const std::invalid_argument& error) {
      return std::string(error.what()).find("'copy 0' of device 'copier'") != std::string::npos;
    }
    return false;
  };
  const Capabilities all{.operations = {Operation::copy},
                         .max_segments = 4,
                         .max_length = 1024,
                         .alignment = 4,
                         .residue = Granularity::segment};
  CHECK_FALSE(refused(all, all));
  const auto more = [&](auto&& change) {
    Capabilities declared = all;
    change(declared);
    return refused(declared, all);
  };
  CHECK(more([](auto& can) { can.operations = {Operation::copy, Operation::fill}; }));
  CHECK(more([](auto& can) { can.max_segments = 5; }));
  CHECK(more([](auto& can) { can.max_length = 1028; }));
  CHECK(more([](auto& can) { can.alignment = 2; }));
  CHECK(more([](auto& can) { can.residue = Granularity::burst; }));
  CHECK(more([](auto& can) { can.configurable = true; }));
  CHECK(more([](auto& can) { can.external_control = true; }));
  CHECK_FALSE(more([](auto& can) { can.alignment = 8; }));

  ChannelDirectory directory;
  DeviceDeclaration device = copy_device(engine, 1);
  device.channels[0].make = [] { return std::unique_ptr<Backend>(); };
  directory.add(device);
  CHECK_THROWS_AS((void)directory.request(ChannelQuery::named("copy 0")), std::invalid_argument);
  CHECK_THROWS_AS((void)directory.join({}), std::invalid_argument);
}

TEST_CASE("a line has one wire") {
  ChannelDirectory directory;
  directory.wire("port", "transmit", "copy 0");
  directory.wire("port", "receive", "copy 0");
  CHECK_THROWS_AS(directory.wire("port", "transmit", "copy 1"), std::invalid_argument);
}

}  // namespace
}  // namespace bellpull::engine::test
