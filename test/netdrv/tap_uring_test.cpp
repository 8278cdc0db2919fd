// SPDX-License-Identifier: BSD-2-Clause
// The NIC on real TAP interfaces with io_uring: what it costs in system calls, and what it leaves.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bellpull/engine/uring_backend.hpp"
#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "tap_world.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::ip;
using test::PacketSocket;
using test::test_frame;

namespace {

bool no_uring() {
  const engine::UringRefusal refusal = engine::uring_refusal();
  if (!refusal.reason.empty()) MESSAGE("SKIPPED: no io_uring: " << refusal.reason);
  return !refusal.reason.empty();
}

struct World {
  World(App& app, Mode mode, Style style, engine::Placement placement)
      : engine({.placement = placement}),
        nic(std::make_unique<Nic>(engine, app, NicSettings{.mode = mode})) {
    for (const char* name : {"u0", "u1"}) {
      links.push_back(
          std::make_unique<TapLink>(TapDevice::open(name), TapLinkOptions{.io = Io::uring}));
      nic->add_port(*links.back(), style);
      ip(std::string("link set ") + name + " txqueuelen 2000 up");
    }
    nic->start();
    rounds(200);
  }
  ~World() {
    nic->drain(500ms);
    CHECK(nic->stats().pool_outstanding == 0);
  }
  void rounds(int count) {
    for (int i = 0; i < count; ++i) nic->run_once(0);
  }
  [[nodiscard]] std::uint64_t calls() const {
    return links[0]->system_calls() + links[1]->system_calls();
  }

  engine::Engine engine;
  std::vector<std::unique_ptr<TapLink>> links;
  std::unique_ptr<Nic> nic;
};

}  // namespace

TEST_CASE("check 14: a flood of 60-byte frames is forwarded at 1/16 of a system call per frame") {
  if (no_uring()) return;
  const auto app = make_patch();
  World world(*app, Mode::poll, Style::poll, engine::Placement::driven);
  const PacketSocket in("u0"), out("u1");
  const std::uint64_t before = world.calls();
  constexpr unsigned kFrames = 1024;
  for (unsigned i = 0; i < kFrames; ++i) REQUIRE(in.send(test_frame(60, i)));
  unsigned received = 0;
  for (int round = 0; round < 200; ++round) {
    world.rounds(1);
    for (Bytes got = out.receive(); !got.empty(); got = out.receive()) {
      CHECK(got == test_frame(60, received++));
    }
  }
  const std::uint64_t calls = world.calls() - before;
  CAPTURE(calls);
  CHECK(calls <= kFrames / 16);
  CHECK(received == kFrames);
}

TEST_CASE("check 9: polling an empty TAP through io_uring makes no system call on it") {
  if (no_uring()) return;
  const auto app = make_patch();
  World world(*app, Mode::poll, Style::poll, engine::Placement::driven);
  const PacketSocket in("u0"), out("u1");
  for (unsigned i = 0; i < 20; ++i) {
    world.rounds(10);
    const std::uint64_t before = world.calls();
    world.rounds(1000);
    CHECK(world.calls() == before);
    REQUIRE(in.send(test_frame(60, i)));
    world.rounds(10);
    CHECK(out.receive() == test_frame(60, i));
  }
}

TEST_CASE("every mode, style and placement works through io_uring") {
  if (no_uring()) return;
  for (const auto placement : {engine::Placement::driven, engine::Placement::autonomous}) {
    for (const Mode mode : {Mode::interrupt, Mode::poll, Mode::adaptive}) {
      for (std::size_t style = 0; style < kStyleNames.size(); ++style) {
        CAPTURE(kStyleNames[style]);
        CAPTURE(static_cast<int>(mode));
        CAPTURE(static_cast<int>(placement));
        const auto app = make_patch();
        World world(*app, mode, static_cast<Style>(style), placement);
        const PacketSocket in("u0"), out("u1");
        unsigned wrong = 0;
        for (unsigned i = 0; i < 100; ++i) {
          REQUIRE(in.send(test_frame(60 + i, i)));
          Bytes got;
          for (int tries = 0; tries < 200'000 && got.empty(); ++tries) {
            world.nic->run_once(1);
            got = out.receive();
          }
          wrong += got == test_frame(60 + i, i) ? 0 : 1;
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("F2: an interface that is deleted ends its port; one that is let go is gone at once") {
  if (no_uring()) return;
  for (const auto placement : {engine::Placement::driven, engine::Placement::autonomous}) {
    const auto app = make_patch();
    {
      World world(*app, Mode::interrupt, Style::poll, placement);
      ip("link del u1");
      for (int i = 0; i < 2000 && world.nic->running_ports() == 2; ++i) world.nic->run_once(10);
      CHECK(world.nic->running_ports() == 1);
      CHECK(world.nic->stats().ports[1].state == PortState::gone);
    }
    CHECK(::if_nametoindex("u0") == 0);
  }
}
