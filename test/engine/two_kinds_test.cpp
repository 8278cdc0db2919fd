// SPDX-License-Identifier: BSD-2-Clause
// One device with channels of both kinds: what is set on one is nothing to the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "operation_rig.hpp"

namespace bellpull::engine::test {
namespace {

/// A device that has memory channels and device channels, all of one piece of hardware: each piece
/// of work it is given is noted in one log, with the settings it came with.
struct Unit {
  struct Note {
    unsigned channel;
    std::uint32_t burst;
    bool external;
    Operation operation;
  };
  std::vector<Note> log;

  class Port final : public LimitedBackend {
   public:
    Port(Unit& unit, unsigned channel, const Capabilities& limits)
        : LimitedBackend(limits), unit_(unit), channel_(channel) {}
    unsigned start(std::span<const Op> ops) noexcept override {
      const unsigned taken = LimitedBackend::start(ops);
      for (const Op& op : ops.first(taken)) {
        unit_.log.push_back({channel_, op.burst, op.external_control, op.operation});
      }
      return taken;
    }

   private:
    Unit& unit_;
    unsigned channel_;
  };

  [[nodiscard]] std::unique_ptr<Backend> port(unsigned channel, bool device) {
    return std::make_unique<Port>(*this, channel,
                                  Capabilities{.operations = kMemoryOperations,
                                               .max_segments = kMaxSegments,
                                               .max_length = 1u << 20,
                                               .configurable = true,
                                               .external_control = device});
  }
};

TEST_CASE(
    "S0.4: one device has channels of both kinds, and settings of one leave the other alone") {
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    Unit unit;
    Engine engine({});
    LoopbackPair wire = make_loopback({});
    const OperationOptions options{.size = 16, .layout = layout};
    const auto memory = engine.open_operations(options, unit.port(0, false));
    const auto device = engine.open_operations(options, unit.port(1, true));
    const auto stream = engine.open_stream({.size = 16}, std::move(wire.sender));
    const auto back = engine.open_stream({.size = 16}, std::move(wire.receiver));
    Bytes from(300), to(300), there(300), room(300);
    for (std::uint32_t round = 1; round <= 100; ++round) {
      std::fill(from.bytes().begin(), from.bytes().end(), static_cast<std::byte>(round));
      OperationRequest copy{.operation = Operation::copy};
      copy.source = from.list();
      copy.destination = to.list();
      REQUIRE(memory->post({&copy, 1}).kind == PrepareError::Kind::none);
      REQUIRE(device->configure({.burst = round}));
      REQUIRE(device->external_control(round % 2 == 0));
      CHECK_FALSE(memory->external_control(true));
      copy.destination = there.list();
      REQUIRE(device->post({&copy, 1}).kind == PrepareError::Kind::none);
      REQUIRE(post(*stream, from.bytes(), round).kind == PrepareError::Kind::none);
      REQUIRE(post(*back, room.bytes(), round).kind == PrepareError::Kind::none);
      memory->issue();
      device->issue();
      stream->issue();
      back->issue();
      std::array<OperationCompletion, 4> done;
      REQUIRE(until(engine, [&] { return memory->poll(done) == 1; }));
      CHECK(done[0].bytes == 300);
      REQUIRE(until(engine, [&] { return device->poll(done) == 1; }));
      CHECK(done[0].bytes == 300);
      REQUIRE(collect(engine, *stream, 1).size() == 1);
      REQUIRE(collect(engine, *back, 1).at(0).bytes == 300);
      for (Bytes* const each : {&to, &there, &room}) CHECK(each->bytes() == from.bytes());
      // Half-way the memory channel gets a setting as well: it is nobody else's.
      if (round == 50) REQUIRE(memory->configure({.burst = 7}));
    }
    std::array<std::uint32_t, 2> seen{};
    for (const Unit::Note& note : unit.log) {
      const std::uint32_t round = ++seen[note.channel];
      const bool is_device = note.channel == 1;
      CHECK(note.burst == (is_device ? round : round > 50 ? 7 : 0));
      CHECK(note.external == (is_device && round % 2 == 0));
    }
    CHECK(seen == std::array<std::uint32_t, 2>{100, 100});
  }
}

}  // namespace
}  // namespace bellpull::engine::test
