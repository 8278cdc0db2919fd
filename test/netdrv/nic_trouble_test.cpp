// SPDX-License-Identifier: BSD-2-Clause
// What becomes of a NIC whose buffers are all elsewhere, whose ports cannot be made, or are gone.
#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "nic_accounts.hpp"
#include "socket_tap.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::check_conservation;
using test::for_each_style;
using test::kEveryPlacement;
using test::kEveryStyle;
using test::pattern_frame;
using test::SocketTap;
using test::sum;

namespace {

constexpr PortOptions kRings{.rx_ring = 128, .tx_ring = 128};

}  // namespace

TEST_CASE("a port whose packets all wait for another one goes on when they are back") {
  // Port 1 can hold more frames than port 0 has buffers.
  constexpr PortOptions kSmall{.rx_ring = 16, .tx_ring = 1, .backlog = 1};
  constexpr PortOptions kLarge{.rx_ring = 16, .tx_ring = 4096, .backlog = 1};
  for_each_style([&](Style style, engine::Placement placement) {
    const auto app = make_patch();
    std::array<SocketTap, 2> taps;
    std::array<TapLink, 2> links{TapLink(taps[0].device("p0")), TapLink(taps[1].device("p1"))};
    engine::Engine engine({.placement = placement});
    Nic nic(engine, *app, {});
    nic.add_port(links[0], style, kSmall);
    nic.add_port(links[1], style, kLarge);
    nic.start();
    // Nobody reads behind port 1, until port 0 takes no more.
    const auto flood = [&] {
      unsigned idle = 0;
      for (unsigned i = 0; i < 1000 && idle < 100; ++i) {
        idle = taps[0].push(pattern_frame(60, i)) ? 0 : idle + 1;
        nic.run_once(1);
      }
    };
    flood();
    const auto sent = [&] { return nic.stats().ports[1].queues[0].tx_packets; };
    for (unsigned i = 0; i < 50; ++i) {
      while (!taps[1].pull_raw().empty()) {
      }
      nic.run_once(1);
    }
    const std::uint64_t before = sent();
    static_cast<void>(taps[0].push(pattern_frame(60, 1)));
    const auto begun = std::chrono::steady_clock::now();
    while (sent() < before + 1 && std::chrono::steady_clock::now() - begun < 20s) {
      static_cast<void>(taps[0].push(pattern_frame(60, 2)));
      nic.run_once(1);
      while (!taps[1].pull_raw().empty()) {
      }
    }
    CHECK(sent() > before);
    nic.drain(0ms);
    check_conservation(nic);
    CHECK(nic.stats().pool_outstanding == 0);
  });
}

TEST_CASE("a port that cannot be made anew is gone, and the others go on in the new style") {
  // Refuses its back-end when it is told to.
  struct Refusing final : Link {
    explicit Refusing(TapLink& link) : whole(link) {}
    [[nodiscard]] std::string_view name() const noexcept override { return whole.name(); }
    [[nodiscard]] std::uint32_t mtu() const noexcept override { return whole.mtu(); }
    [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }
    [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override {
      return whole.make_receiver();
    }
    [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override {
      if (refuses) throw std::runtime_error("refused");
      return whole.make_sender();
    }
    TapLink& whole;
    bool refuses = false;
  };
  for_each_style([](Style style, engine::Placement placement) {
    const auto app = make_patch();
    std::array<SocketTap, 2> taps;
    std::array<TapLink, 2> links{TapLink(taps[0].device("p0")), TapLink(taps[1].device("p1"))};
    Refusing refusing(links[1]);
    engine::Engine engine({.placement = placement});
    Nic nic(engine, *app, {});
    nic.add_port(links[0], Style::poll, kRings);
    nic.add_port(refusing, Style::poll, kRings);
    nic.start();
    const auto stats = [&](unsigned port) { return nic.stats().ports[port].queues[0]; };
    const auto rounds_until = [&](auto&& done) {
      const auto begun = std::chrono::steady_clock::now();
      while (!done() && std::chrono::steady_clock::now() - begun < 20s) nic.run_once(1);
      return done();
    };
    REQUIRE(taps[0].push(pattern_frame(60, 1)));
    REQUIRE(rounds_until([&] { return stats(1).tx_packets == 1; }));
    refusing.refuses = true;
    CHECK_THROWS_WITH_AS(nic.set_style(style, 500ms), "refused", std::runtime_error);
    CHECK(nic.running_ports() == 1);
    CHECK(nic.stats().ports[1].state == PortState::gone);
    REQUIRE(taps[0].push(pattern_frame(60, 2)));
    REQUIRE(rounds_until(
        [&] { return stats(1).tx_dropped[static_cast<std::size_t>(DropReason::port_gone)] == 1; }));
    CHECK(stats(1).tx_packets == 1);
    nic.drain(100ms);
    check_conservation(nic);
    CHECK(nic.stats().pool_outstanding == 0);
  });
}

TEST_CASE("a port whose interface is gone stops asking for it, in every style and placement") {
  // As a TAP whose interface was deleted.
  struct Gone final : engine::Backend {
    [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
      return {.operations = {engine::Operation::read}, .max_segments = 2, .max_length = 1U << 20};
    }
    [[nodiscard]] engine::WaitSource wait_source() const noexcept override { return {}; }
    [[nodiscard]] unsigned window() const noexcept override { return id == 0 ? 1 : 0; }
    unsigned start(std::span<const engine::Op> ops) noexcept override {
      id = ops.front().id;
      return 1;
    }
    engine::Reaped reap(std::span<engine::Done> done) noexcept override {
      if (id == 0) return {};
      done.front() = {.id = std::exchange(id, 0), .error = EBADFD};
      return {.count = 1};
    }
    bool cancel(std::uint64_t) noexcept override { return false; }
    void stop() noexcept override { id = 0; }
    std::uint64_t id = 0;
  };
  struct GoneLink final : Link {
    explicit GoneLink(TapLink& link) : whole(link) {}
    [[nodiscard]] std::string_view name() const noexcept override { return "gone"; }
    [[nodiscard]] std::uint32_t mtu() const noexcept override { return 1500; }
    [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }
    [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override {
      return std::make_unique<Gone>();
    }
    [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override {
      return whole.make_sender();
    }
    TapLink& whole;
  };
  for_each_style([](Style style, engine::Placement placement) {
    const auto app = make_discard();
    SocketTap tap;
    TapLink whole(tap.device("p0"));
    GoneLink link(whole);
    engine::Engine engine({.placement = placement});
    Nic nic(engine, *app, {});
    nic.add_port(link, style, kRings);
    nic.start();
    const auto begun = std::chrono::steady_clock::now();
    while (nic.running_ports() != 0 && std::chrono::steady_clock::now() - begun < 20s) {
      nic.run_once(1);
    }
    CHECK(nic.running_ports() == 0);
    for (int i = 0; i < 50; ++i) nic.run_once(1);
    CHECK_FALSE(nic.run_once(0));
    CHECK(nic.stats().ports[0].queues[0].rx_errors <= kRings.rx_ring);
    nic.drain(10ms);
    CHECK(nic.stats().pool_outstanding == 0);
  });
}
