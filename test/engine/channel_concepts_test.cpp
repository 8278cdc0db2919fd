// SPDX-License-Identifier: BSD-2-Clause
// What a memory channel is, and what a device channel is besides.
#include "bellpull/engine/channel_concepts.hpp"

#include <doctest/doctest.h>

#include <string>

#include "bellpull/engine/stream_channel.hpp"
#include "shared_rig.hpp"

namespace bellpull::engine::test {
namespace {

// The second is chosen only because its concept has the first one's and more.
template <MemoryChannel C>
[[nodiscard]] constexpr int kind_of(const C*) {
  return 1;
}
template <DeviceChannel C>
[[nodiscard]] constexpr int kind_of(const C*) {
  return 2;
}
static_assert(kind_of(static_cast<const Submitter*>(nullptr)) == 1);
static_assert(kind_of(static_cast<const OperationChannel*>(nullptr)) == 2);
static_assert(!MemoryChannel<StreamChannel>);  // it carries bytes, not operations

// Knows of a channel what any memory channel has.
template <MemoryChannel C, class Turn>
[[nodiscard]] bool copies(C& channel, std::string& from, std::string& to, Turn&& turn) {
  const std::span<std::byte> source = bytes_of(from), destination = bytes_of(to);
  const Segment one{source.data(), source.size()}, other{destination.data(), destination.size()};
  const OperationRequest request = copy_of({&one, 1}, {&other, 1}, 5);
  if (channel.free_slots() == 0 || channel.post({&request, 1}).kind != PrepareError::Kind::none) {
    return false;
  }
  channel.issue();
  std::array<OperationCompletion, 2> done;
  for (int i = 0; i < 16; ++i) {
    turn();
    if (channel.poll(done) == 1) return done[0].status == Status::ok && channel.in_flight() == 0;
  }
  return false;
}

TEST_CASE("S0.6: what is written for a memory channel takes a device channel as it is") {
  std::string from = "bytes", to = ".....";
  OperationRig device({}, make_copy_backend());
  REQUIRE(device.channel->configure({.burst = 2}));  // as a device channel it can do more
  CHECK(copies(*device.channel, from, to, [&] { device.engine.run(1); }));
  CHECK(to == from);
  to = ".....";
  SharedRig rig({}, make_copy_backend());
  Submitter memory = rig.shared.join();
  CHECK(copies(memory, from, to, [&] { rig.round(); }));
  CHECK(to == from);
}

}  // namespace
}  // namespace bellpull::engine::test
