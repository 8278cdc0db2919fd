// SPDX-License-Identifier: BSD-2-Clause
// Interfaces that go down, go away, come back and change under a NIC that is busy with them.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "bellpull/engine/uring_backend.hpp"
#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "crowd.hpp"
#include "nic_accounts.hpp"
#include "tap_world.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::check_conservation;
using test::for_each_style;
using test::ip;
using test::kernel_counters;
using test::PacketSocket;
using test::test_frame;

namespace {

// Tells the kernel what `ip link set` would, a thousand times faster.
class Switch {
 public:
  explicit Switch(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    std::memcpy(request_.ifr_name, name.c_str(), name.size() + 1);
  }
  void up(bool up) {
    request_.ifr_flags = up ? IFF_UP : 0;
    tell(SIOCSIFFLAGS);
  }
  void mtu(int mtu) {
    request_.ifr_mtu = mtu;
    tell(SIOCSIFMTU);
  }
  void ring(int frames) {
    request_.ifr_qlen = frames;
    tell(SIOCSIFTXQLEN);
  }

 private:
  void tell(unsigned long call) {
    if (::ioctl(socket_.get(), call, &request_) != 0) throw std::runtime_error("ioctl");
  }
  UniqueFd socket_;
  ifreq request_{};
};

// As `ip tuntap add` does, for whoever comes; with what a former owner may have left.
void make_interface(const std::string& name, int header = 10) {
  const UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  REQUIRE(::ioctl(fd.get(), TUNSETIFF, &request) == 0);
  REQUIRE(::ioctl(fd.get(), TUNSETPERSIST, 1) == 0);
  REQUIRE(::ioctl(fd.get(), TUNSETVNETHDRSZ, &header) == 0);
  REQUIRE(::ioctl(fd.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) == 0);
}

// Two patched TAPs, a0 and b0, both up, and a crowd on the second if that is wanted.
struct World {
  explicit World(App& app, Style style = Style::poll,
                 engine::Placement placement = engine::Placement::driven,
                 const NicSettings& settings = {}, Io io = Io::syscall, unsigned crowd = 0)
      : engine({.placement = placement}), nic(engine, app, settings) {
    for (const char* name : {"a0", "b0"}) {
      links.push_back(std::make_unique<TapLink>(TapDevice::open(name), TapLinkOptions{.io = io}));
      if (links.size() == 2 && crowd != 0) others.emplace(links.back()->device().fd(), crowd);
      nic.add_port(*links.back(), style, {.rx_ring = 64, .tx_ring = 64});
      Switch(name).up(true);
    }
    nic.start();
    settle();
  }
  ~World() {
    nic.drain(500ms);
    check_conservation(nic);
    CHECK(nic.stats().pool_outstanding == 0);
  }
  void settle() {
    int rounds = 0;  // a NIC that polls never has nothing to do
    for (int idle = 0; idle < 3 && (!nic.polling() || ++rounds < 200);) {
      idle = nic.run_once(1) ? 0 : idle + 1;
    }
  }
  // The limit only ends a test that fails.
  template <class Done>
  [[nodiscard]] bool rounds_until(Done&& done) {
    const auto begun = std::chrono::steady_clock::now();
    while (!done() && std::chrono::steady_clock::now() - begun < 20s) nic.run_once(1);
    return done();
  }
  [[nodiscard]] QueueStats queue(unsigned port) const { return nic.stats().ports[port].queues[0]; }
  [[nodiscard]] std::uint64_t dropped(unsigned port, DropReason reason) const {
    return queue(port).tx_dropped[static_cast<std::size_t>(reason)];
  }
  // Whether a frame of that size gets through.
  [[nodiscard]] bool crosses(const PacketSocket& from, const PacketSocket& to, std::size_t size,
                             unsigned seed) {
    const Bytes frame = test_frame(size, seed);
    if (!from.send(frame)) return false;
    Bytes got;
    return rounds_until([&] {
      for (Bytes next = to.receive(); !next.empty(); next = to.receive()) got = std::move(next);
      return got == frame;
    });
  }

  // The same of an interface that was just made: the kernel drops what it is given to send until a
  // worker of its own has noticed that the interface has a carrier (net/core/link_watch.c).
  [[nodiscard]] bool crosses_in_time(const PacketSocket& from, const PacketSocket& to,
                                     std::size_t size, unsigned seed) {
    const Bytes frame = test_frame(size, seed);
    Bytes got;
    for (unsigned rounds = 0; rounds < 20'000 && got != frame; ++rounds) {
      if (rounds % 100 == 0 && !from.send(frame)) return false;
      nic.run_once(1);
      for (Bytes next = to.receive(); !next.empty(); next = to.receive()) got = std::move(next);
    }
    return got == frame;
  }

  engine::Engine engine;
  std::vector<std::unique_ptr<TapLink>> links;
  std::optional<test::Crowd> others;
  Nic nic;
};

}  // namespace

TEST_CASE("check 5, F1: 1,000 times down and up under load costs the frames of the time between") {
  constexpr unsigned kFlaps = 1000;
  constexpr unsigned kLost = 3;
  const auto app = make_patch();
  World world(*app);
  Switch b0("b0");
  const PacketSocket from("a0");
  const PacketSocket to("b0");
  unsigned seed = 0;
  for (unsigned i = 0; i < kFlaps; ++i) {
    b0.up(false);
    for (unsigned n = 0; n < kLost; ++n) REQUIRE(from.send(test_frame(60, ++seed)));
    REQUIRE(world.rounds_until(
        [&] { return world.dropped(1, DropReason::link_down) == (i + 1) * kLost; }));
    b0.up(true);
    // The very next frame gets through: nothing waits for a timer.
    REQUIRE(world.crosses(from, to, 60, ++seed));
  }
  CHECK(world.nic.running_ports() == 2);
  CHECK(world.queue(1).tx_packets == kFlaps);
  CHECK(world.queue(0).rx_errors == 0);
  CHECK(world.queue(1).rx_errors == 0);
}

TEST_CASE("check 5, F5, F6: a NIC whose interfaces are down sleeps") {
  const auto app = make_patch();
  World world(*app);
  for (const char* name : {"a0", "b0"}) Switch(name).up(false);
  world.settle();
  const NicStats before = world.nic.stats();
  for (int i = 0; i < 20; ++i) CHECK_FALSE(world.nic.run_once(2));
  const NicStats after = world.nic.stats();
  CHECK(after.wakeups == before.wakeups);
  CHECK(after.waits - before.waits == 20);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(after.ports[i].queues[0].syscalls == before.ports[i].queues[0].syscalls);
    CHECK(after.ports[i].queues[0].polls == before.ports[i].queues[0].polls);
  }
}

TEST_CASE("check 6, F2, F16, F17: 108 times deleted and made again under load, in every style") {
  for_each_style([](Style style, engine::Placement placement) {
    constexpr unsigned kTimes = 9;
    const auto app = make_patch();
    World world(*app, style, placement);
    const PacketSocket from("a0");
    std::uint64_t sent = 0;
    for (unsigned i = 0; i < kTimes; ++i) {
      {
        const PacketSocket to("b0");
        REQUIRE(world.crosses(from, to, 60, i));
        ++sent;
      }
      for (unsigned n = 0; n < 5; ++n) REQUIRE(from.send(test_frame(60, n)));
      ip("link del b0");
      REQUIRE(world.rounds_until([&] { return world.nic.state(1) == PortState::gone; }));
      CHECK(world.nic.state(0) == PortState::running);
      CHECK_FALSE(world.links[1]->device().attached());
      world.settle();
      const std::uint64_t gone = world.dropped(1, DropReason::port_gone);
      REQUIRE(from.send(test_frame(60, i)));
      REQUIRE(
          world.rounds_until([&] { return world.dropped(1, DropReason::port_gone) == gone + 1; }));

      make_interface("b0");
      Switch("b0").up(true);
      world.links[1]->device().attach_again();
      CHECK(world.links[1]->device().attached());
      world.nic.renew(1, 500ms);
      CHECK(world.nic.running_ports() == 2);
      int header = 0;
      CHECK(::ioctl(world.links[1]->device().fd(), TUNGETVNETHDRSZ, &header) == 0);
      CHECK(header == static_cast<int>(kVnetHeader));
      const PacketSocket to("b0");
      REQUIRE(world.crosses(from, to, 60, i + 1));
      REQUIRE(world.crosses_in_time(to, from, 1514, i + 2));
      ++sent;
    }
    CHECK(world.queue(1).tx_packets >= sent);  // of all the ports that there were
    ip("link del b0");
    REQUIRE(world.rounds_until([&] { return world.nic.state(1) == PortState::gone; }));
  });
}

TEST_CASE("check 6: an interface comes back to polled ports, ports with threads, and io_uring") {
  const auto come_back = [](engine::Placement placement, const NicSettings& settings, Io io) {
    const auto app = make_patch();
    World world(*app, Style::poll, placement, settings, io);
    const PacketSocket from("a0");
    for (unsigned i = 0; i < 5; ++i) {
      for (unsigned n = 0; n < 5; ++n) REQUIRE(from.send(test_frame(60, n)));
      ip("link del b0");
      REQUIRE(world.rounds_until([&] { return world.nic.state(1) == PortState::gone; }));
      make_interface("b0");
      Switch("b0").up(true);
      world.links[1]->device().attach_again();
      world.nic.renew(1, 500ms);
      const PacketSocket to("b0");
      REQUIRE(world.crosses(from, to, 60, i + 10));
      REQUIRE(world.crosses_in_time(to, from, 1514, i + 11));
    }
    ip("link del b0");
    REQUIRE(world.rounds_until([&] { return world.nic.state(1) == PortState::gone; }));
  };
  come_back(engine::Placement::driven, {.mode = Mode::poll}, Io::syscall);
  come_back(engine::Placement::autonomous, {.threaded = true}, Io::syscall);
  const engine::UringRefusal refusal = engine::uring_refusal();
  if (!refusal.reason.empty()) {
    MESSAGE("SKIPPED: io_uring: ", refusal.reason);
    return;
  }
  come_back(engine::Placement::driven, {}, Io::uring);
  come_back(engine::Placement::autonomous, {}, Io::uring);
}

// What is deleted wakes its readers before their calls fail (tun_detach_all), and once.
TEST_CASE(
    "F2: a NIC that reads before the kernel has let go of an interface hears of it all the same") {
  const unsigned crowd = test::Crowd::largest();
  if (crowd == 0) return;
  const auto leave = [&](Style style, engine::Placement placement, Io io) {
    const auto app = make_patch();
    World world(*app, style, placement, {}, io, crowd);
    for (unsigned i = 0; i < 5; ++i) {
      world.settle();
      auto deleted = std::async(std::launch::async, [] { ip("link del b0"); });
      const bool gone = world.rounds_until([&] { return world.nic.state(1) == PortState::gone; });
      deleted.get();
      REQUIRE(gone);
      make_interface("b0");
      Switch("b0").up(true);
      world.links[1]->device().attach_again();
      world.nic.renew(1, 500ms);
    }
  };
  const engine::UringRefusal refusal = engine::uring_refusal();
  if (!refusal.reason.empty()) MESSAGE("SKIPPED: io_uring: ", refusal.reason);
  for_each_style([&](Style style, engine::Placement placement) {
    leave(style, placement, Io::syscall);
    if (refusal.reason.empty()) leave(style, placement, Io::uring);
  });
}

TEST_CASE("F24: whoever may not attach again is told, and nothing has changed") {
  const auto app = make_patch();
  World world(*app);
  ip("link del b0");
  REQUIRE(world.rounds_until([&] { return world.nic.state(1) == PortState::gone; }));
  make_interface("b0");
  TapDevice other = TapDevice::open("b0");
  TapDevice& device = world.links[1]->device();
  CHECK_THROWS_WITH_AS(device.attach_again(), doctest::Contains("another program uses it"),
                       std::system_error);
  CHECK_FALSE(device.attached());
  CHECK(world.nic.state(1) == PortState::gone);
  CHECK_THROWS_AS(world.nic.renew(2, 0ms), std::invalid_argument);
  ip("link del b0");
}

TEST_CASE("check 7, F14: the MTU changes 1500, 9000, 576, 65521 under load, and no frame is cut") {
  for_each_style([](Style style, engine::Placement placement) {
    const auto app = make_patch();
    World world(*app, style, placement);
    Switch a0("a0");
    Switch b0("b0");
    const PacketSocket from("a0");
    const PacketSocket to("b0");
    unsigned seed = 0;
    for (const unsigned mtu : {1500U, 9000U, 576U, 65521U, 1500U}) {
      CAPTURE(mtu);
      a0.mtu(static_cast<int>(mtu));
      // Nobody has told the port yet, and nobody does before it has the frame.
      const std::uint64_t before = world.queue(0).rx_packets;
      REQUIRE(from.send(test_frame(mtu + 14, ++seed)));
      REQUIRE(world.rounds_until([&] { return world.queue(0).rx_packets > before; }));
      world.settle();
      b0.mtu(static_cast<int>(mtu));
      while (!to.receive().empty()) {
      }
      for (unsigned port = 0; port < 2; ++port) {
        world.links[port]->device().refresh_mtu();
        CHECK(world.links[port]->mtu() == mtu);
        world.nic.renew(port, 500ms);
      }
      REQUIRE(world.crosses(from, to, mtu + 14, ++seed));
      REQUIRE(world.crosses(to, from, mtu + 14, ++seed));
      REQUIRE(world.crosses(from, to, 60, ++seed));
    }
    const auto counted = [&](unsigned port, DropReason reason) {
      return world.queue(port).rx_dropped[static_cast<std::size_t>(reason)] +
             world.dropped(port, reason);
    };
    // 9000 into a port for 1500, and 65521 into one for 576.
    CHECK(counted(0, DropReason::truncated) == 2);
    // What fitted into the buffers of a larger MTU was too long for the other side, or passed.
    CHECK(counted(1, DropReason::oversize) == 0);
  });
}

TEST_CASE("F14: frames that the application holds outlive the buffers of a smaller MTU") {
  // Keeps the first frame until the second comes.
  struct Holding final : App {
    void receive(unsigned, std::span<Packet> burst, Egress& egress) noexcept override {
      for (Packet& packet : burst) {
        if (!held) {
          held = std::move(packet);
          continue;
        }
        kept.assign(held.head().begin(), held.head().end());
        egress.consume(std::move(held));
        egress.consume(std::move(packet));
      }
    }
    Packet held;
    std::vector<std::byte> kept;
  };
  Holding app;
  World world(app);
  const PacketSocket from("a0");
  const Bytes frame = test_frame(1514, 1);
  REQUIRE(from.send(frame));
  REQUIRE(world.rounds_until([&] { return static_cast<bool>(app.held); }));
  Switch("a0").mtu(9000);
  world.links[0]->device().refresh_mtu();
  world.nic.renew(0, 500ms);
  CHECK(world.nic.stats().pool_outstanding >= 1);
  REQUIRE(from.send(test_frame(9014, 2)));
  REQUIRE(world.rounds_until([&] { return world.queue(0).rx_consumed == 2; }));
  REQUIRE(app.kept.size() == frame.size());
  CHECK(std::memcmp(app.kept.data(), frame.data(), frame.size()) == 0);
}

TEST_CASE("check 8, F25: a ring of 5 loses frames in the kernel, which counts them, and works on") {
  const auto app = make_patch();
  World world(*app);
  Switch("a0").ring(5);
  const PacketSocket from("a0");
  const PacketSocket to("b0");
  const std::uint64_t before = world.queue(0).rx_packets;
  constexpr unsigned kFlood = 20000;
  unsigned refused = 0;
  for (unsigned i = 0; i < kFlood; ++i) {
    if (!from.send(test_frame(60, i))) ++refused;
    if (i % 32 == 0) world.nic.run_once(0);
  }
  world.settle();
  const std::uint64_t overflow = kernel_counters("a0").tx_dropped;
  CHECK(overflow > 0);
  CHECK(world.queue(0).rx_packets - before + overflow == kFlood);
  CHECK(refused <= overflow);
  REQUIRE(world.crosses(from, to, 60, 7));
}

TEST_CASE("F36: an interface that is renamed goes on") {
  const auto app = make_patch();
  World world(*app);
  const PacketSocket from("a0");
  ip("link set b0 name c0");
  const PacketSocket to("c0");
  REQUIRE(world.crosses(from, to, 60, 1));
  CHECK(world.nic.running_ports() == 2);
  CHECK(world.links[1]->device().attached());
  ip("link set c0 name b0");
}
