// SPDX-License-Identifier: BSD-2-Clause
// Who reads from a TAP: is inside the call when the interface goes, waits for one that was not
// there, has no buffers.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "bellpull/engine/fd_backend.hpp"
#include "bellpull/engine/uring_backend.hpp"
#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/errno_class.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "crowd.hpp"
#include "fault_bench.hpp"
#include "nic_accounts.hpp"
#include "tap_world.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::check_conservation;
using test::FaultBench;
using test::for_each_style;
using test::ip;
using test::kernel_counters;
using test::PacketSocket;
using test::pattern_frame;
using test::test_frame;

namespace {

// The limit only ends a test that fails.
template <class Done>
[[nodiscard]] bool comes_true(Done&& done) {
  const auto begun = std::chrono::steady_clock::now();
  while (!done()) {
    if (std::chrono::steady_clock::now() - begun > 20s) return false;
    std::this_thread::yield();
  }
  return true;
}

// Whether a thread of this program sleeps in the kernel.
bool asleep(long thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  return name_end != std::string::npos && line.compare(name_end, 3, ") S") == 0;
}

// A file that is attached to the interface `name`, and whose reads wait.
UniqueFd attach_blocking(const char* name) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  REQUIRE(::ioctl(fd.get(), TUNSETIFF, &request) == 0);
  return fd;
}

}  // namespace

TEST_CASE("F3: a reader that is inside the call when the interface goes gets what ends a port") {
  const UniqueFd fd = attach_blocking("r0");
  std::atomic<long> reader{0};
  std::atomic<int> error{0};
  std::thread reading([&] {
    std::array<std::byte, 2048> buffer;
    reader = ::syscall(SYS_gettid);
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    error = got < 0 ? errno : 0;
  });
  const bool inside = comes_true([&] { return reader.load() != 0 && asleep(reader.load()); });
  ip("link del r0");
  reading.join();
  REQUIRE(inside);
  CHECK(error.load() == EFAULT);
  CHECK(classify_read(error.load()).reach == ErrnoClass::port);
}

TEST_CASE("F3: a port that reads EFAULT is gone, the other goes on, in every style") {
  for_each_style([](Style style, engine::Placement placement) {
    FaultBench bench({"rx:errno=EFAULT:offset=1:limit=1", ""}, style, placement);
    for (unsigned i = 0; i < 2; ++i) bench.push(pattern_frame(60, i));
    CHECK(bench.rounds_until([&] { return bench.nic->state(0) == PortState::gone; }));
    CHECK(bench.queue(0).rx_errors == 1);
    CHECK(bench.queue(0).rx_packets == 1);
    CHECK(bench.nic->running_ports() == 1);
    REQUIRE(bench.taps[1].push(pattern_frame(60, 2)));
    CHECK(bench.rounds_until([&] { return bench.queue(1).rx_packets == 1; }));
    CHECK(bench.rounds_until([&] { return !bench.nic->run_once(1); }));  // and nothing spins
  });
}

// Nothing wakes a reader once more: what it finds first must not make it forget what it was told.
TEST_CASE("F2: who reads what was left in an interface that goes hears of its end, by either io") {
  const unsigned crowd_size = test::Crowd::largest();
  if (crowd_size == 0) return;
  const engine::UringRefusal refusal = engine::uring_refusal();
  if (!refusal.reason.empty()) MESSAGE("SKIPPED: io_uring: ", refusal.reason);
  // Whether the reader is the quicker one is a matter of luck, five times by each.
  for (unsigned round = 0; round < 10; ++round) {
    const bool uring = round % 2 == 1;
    if (uring && !refusal.reason.empty()) continue;
    CAPTURE(uring);
    TapDevice device = TapDevice::open("r0");
    ip("link set r0 up");
    const test::Crowd crowd(device.fd(), crowd_size);
    engine::FdCounters counters;
    const engine::FdOptions options{.fd = device.fd(),
                                    .direction = engine::Direction::device_to_memory};
    const auto backend = uring ? engine::make_uring_backend(options, counters)
                               : engine::make_fd_backend(options, counters);
    const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
    REQUIRE(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, device.fd(), &event) == 0);
    std::array<std::array<std::byte, 2048>, 8> buffers;
    std::array<engine::Segment, 8> segments;
    for (unsigned i = 0; i < buffers.size(); ++i) {
      segments[i] = {buffers[i].data(), buffers[i].size()};
      engine::Op op;
      op.id = i + 1;
      op.operation = engine::Operation::read;
      op.destination = {&segments[i], 1};
      REQUIRE(backend->start({&op, 1}) == 1);
    }
    const PacketSocket from("r0");
    REQUIRE(from.send(test_frame(60, 1)));
    // The frame's own event is over before the interface goes.
    REQUIRE(::epoll_wait(epoll.get(), &event, 1, 20'000) == 1);
    while (::epoll_wait(epoll.get(), &event, 1, 50) == 1) {
    }
    auto deleted = std::async(std::launch::async, [] { ip("link del r0"); });
    do {  // the kernel may send frames of its own
      REQUIRE(::epoll_wait(epoll.get(), &event, 1, 20'000) == 1);
      backend->woken(event.events);
    } while ((event.events & EPOLLERR) == 0);
    int error = 0;
    unsigned frames = 0;
    for (bool dry = false; !dry && error == 0 && frames < buffers.size();) {
      std::array<engine::Done, 8> done;
      const engine::Reaped reaped = backend->reap(done);
      for (unsigned i = 0; i < reaped.count; ++i) {
        error = done[i].error;
        frames += error == 0 ? 1 : 0;
      }
      dry = reaped.would_block;
    }
    deleted.get();
    CHECK(error == EBADFD);
    backend->stop();
  }
}

TEST_CASE("F4: a descriptor without an interface is refused before anybody waits for it") {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(fd.get() >= 0);
  CHECK_THROWS_WITH_AS((void)TapDevice::adopt(std::move(fd)), doctest::Contains("TUNSETIFF"),
                       std::system_error);
}

TEST_CASE("F4: who began to wait when the interface was gone hears of the one that came back") {
  for_each_style([](Style style, engine::Placement placement) {
    const auto app = make_discard();
    engine::Engine engine({.placement = placement});
    TapLink link(TapDevice::open("w0"));
    Nic nic(engine, *app, {});
    nic.add_port(link, style, {.rx_ring = 64, .tx_ring = 64});
    ip("link del w0");
    nic.start();
    REQUIRE(comes_true([&] {
      nic.run_once(1);
      return nic.state(0) == PortState::gone;
    }));
    link.device().attach_again();
    ip("link set w0 up");
    nic.renew(0, 500ms);
    const PacketSocket from("w0");
    const auto received = [&] { return nic.stats().ports[0].queues[0].rx_packets; };
    // Each time from sleep; more than one, since a port that is new is polled once by itself.
    for (unsigned i = 0; i < 3; ++i) {
      while (nic.run_once(1)) {
      }
      const std::uint64_t before = received();
      // Again and again: the kernel drops what it is given before it has noticed the carrier.
      REQUIRE(comes_true([&] {
        static_cast<void>(from.send(test_frame(60, i)));
        nic.run_once(1);
        return received() > before;
      }));
    }
    nic.drain(500ms);
    check_conservation(nic);
  });
}

namespace {

// Keeps every frame, until it is told to let go.
class Keeping final : public App {
 public:
  void receive(unsigned, std::span<Packet> burst, Egress& egress) noexcept override {
    const std::lock_guard lock(changing_);
    for (Packet& packet : burst) {
      bytes_.emplace_back(packet.head().begin(), packet.head().end());
      if (letting_go_) {
        egress.consume(std::move(packet));
      } else {
        kept_.push_back(std::move(packet));
      }
    }
  }
  void let_go() {
    const std::lock_guard lock(changing_);
    letting_go_ = true;
    kept_.clear();
  }
  [[nodiscard]] std::size_t seen() {
    const std::lock_guard lock(changing_);
    return bytes_.size();
  }
  [[nodiscard]] std::vector<Bytes> frames() {
    const std::lock_guard lock(changing_);
    return bytes_;
  }

 private:
  std::mutex changing_;
  bool letting_go_ = false;
  std::vector<Packet> kept_;
  std::vector<Bytes> bytes_;
};

// A NIC that starves, and before it goes gives back what the application has.
struct Starving {
  static constexpr unsigned kMore = 200;  // frames than there are buffers

  Starving(Style style, engine::Placement placement)
      : engine({.placement = placement}), link(TapDevice::open("k0")), nic(engine, app, {}) {
    nic.add_port(link, style, {.rx_ring = 16, .tx_ring = 16, .backlog = 1024});
    ip("link set k0 txqueuelen 4000 up");
    nic.start();
    buffers = nic.stats().pool_buffers;
    from = std::make_unique<PacketSocket>("k0");
  }
  ~Starving() {
    app.let_go();
    nic.drain(500ms);
    CHECK(nic.stats().pool_outstanding == 0);
    CHECK(kernel_counters("k0").tx_dropped == 0);
  }
  template <class Done>
  [[nodiscard]] bool rounds_until(Done&& done) {
    return comes_true([&] {
      nic.run_once(1);
      return done();
    });
  }
  // Whether each of so many rounds does nothing but sleep.
  [[nodiscard]] bool sleeps(unsigned rounds) {
    for (int i = 0; i < 10; ++i) nic.run_once(1);
    const NicStats before = nic.stats();
    bool idle = true;
    for (unsigned i = 0; i < rounds; ++i) idle = !nic.run_once(2) && idle;
    const NicStats after = nic.stats();
    return idle && after.waits - before.waits == rounds &&
           after.engine.waits - before.engine.waits <= rounds &&
           after.ports[0].queues[0].syscalls == before.ports[0].queues[0].syscalls;
  }
  // Whether so many frames come although no event is due. The sleeps are longer than the limit,
  // which only ends a test that fails.
  [[nodiscard]] bool comes_without_event(std::size_t frames) {
    const auto begun = std::chrono::steady_clock::now();
    const auto late = [&] { return std::chrono::steady_clock::now() - begun > 20s; };
    while (app.seen() != frames && !late()) nic.run_once(30'000);
    return !late();
  }
  [[nodiscard]] QueueStats queue() const { return nic.stats().ports[0].queues[0]; }

  Keeping app;
  engine::Engine engine;
  TapLink link;
  Nic nic;
  std::uint64_t buffers = 0;
  std::unique_ptr<PacketSocket> from;
};

// Posts buffers on the engine's thread only, which is asleep when they come back.
bool keeps_last_buffer(Style style, engine::Placement placement) {
  return placement == engine::Placement::autonomous &&
         (style == Style::push || style == Style::push_backlog);
}

}  // namespace

TEST_CASE("F26: without buffers frames stay in the TAP and nothing spins; with some they come") {
  for_each_style([](Style style, engine::Placement placement) {
    if (keeps_last_buffer(style, placement)) return;
    Starving world(style, placement);
    const std::size_t sent = world.buffers + Starving::kMore;
    for (unsigned i = 0; i < sent; ++i) REQUIRE(world.from->send(test_frame(60, i)));
    REQUIRE(world.rounds_until([&] { return world.app.seen() == world.buffers; }));
    CHECK(world.sleeps(20));
    CHECK(world.queue().rx_packets == world.buffers);
    world.app.let_go();
    CHECK(world.comes_without_event(sent));
    const std::vector<Bytes> seen = world.app.frames();
    REQUIRE(seen.size() == sent);
    unsigned wrong = 0;
    for (unsigned i = 0; i < sent; ++i) wrong += seen[i] == test_frame(60, i) ? 0 : 1;
    CHECK(wrong == 0);
  });
}

TEST_CASE("F26: who posts from a callback alone keeps one buffer, and drops by name what comes") {
  for_each_style([](Style style, engine::Placement placement) {
    if (!keeps_last_buffer(style, placement)) return;
    Starving world(style, placement);
    const auto dropped = [&] {
      return world.queue().rx_dropped[static_cast<std::size_t>(DropReason::no_buffer)];
    };
    // One by one, so that no backlog is full before the buffers are out.
    for (std::size_t i = 1; i <= world.buffers + Starving::kMore; ++i) {
      REQUIRE(world.from->send(test_frame(60, 0)));
      REQUIRE(world.rounds_until([&] { return world.app.seen() + dropped() == i; }));
    }
    CHECK(world.app.seen() == world.buffers - 1);
    CHECK(dropped() == Starving::kMore + 1);
    CHECK(world.sleeps(20));
    world.app.let_go();
    REQUIRE(world.from->send(test_frame(60, 1)));
    CHECK(world.rounds_until([&] { return world.app.seen() == world.buffers; }));
  });
}
