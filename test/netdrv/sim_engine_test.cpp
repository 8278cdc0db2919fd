// SPDX-License-Identifier: BSD-2-Clause
// A simulated NIC under real engines: frames are received, handed on and sent, none is unaccounted.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bellpull/engine/conformance.hpp"
#include "bellpull/engine/engine.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "sim_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;

namespace {

// What an owner of a driven engine sleeps on.
class Edge {
 public:
  explicit Edge(const engine::WaitSource& source) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = source.events | EPOLLET;
    REQUIRE(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, source.fd, &event) == 0);
  }
  void wait() const {
    epoll_event event;
    REQUIRE(::epoll_wait(epoll_.get(), &event, 1, -1) == 1);
  }

 private:
  UniqueFd epoll_;
};

constexpr unsigned kRing = 256;
constexpr std::uint32_t kBuffer = 2048;

// Sends whatever it receives, and posts the buffer again when it was sent.
class Forwarder {
 public:
  Forwarder(engine::Engine& engine, SimNic& nic)
      : memory_(std::size_t{kRing} * kBuffer),
        rx_(engine.open_stream({.size = kRing}, nic.make_receive())),
        tx_(engine.open_stream({.size = kRing}, nic.make_transmit())) {
    for (std::uint64_t i = 0; i < kRing; ++i) post(i);
    rx_->issue();
  }

  /// Handles what there is. Returns how many frames were received.
  unsigned step() {
    std::array<engine::Completion, 64> completions;
    const unsigned received = rx_->poll(completions);
    for (unsigned i = 0; i < received; ++i) {
      const engine::Segment frame{at(completions[i].token), completions[i].bytes};
      const engine::Request request{{&frame, 1}, completions[i].token};
      if (stopped_) continue;
      CHECK(completions[i].status == engine::Status::ok);
      CHECK(tx_->post({&request, 1}).kind == engine::PrepareError::Kind::none);
    }
    if (received != 0) tx_->issue();
    const unsigned sent = tx_->poll(completions);
    for (unsigned i = 0; i < sent && !stopped_; ++i) post(completions[i].token);
    if (sent != 0) rx_->issue();
    return received;
  }

  [[nodiscard]] std::uint32_t sending() const { return tx_->in_flight(); }

  /// Receives nothing more. What was reported before and not polled is lost.
  void stop() {
    rx_->stop();
    stopped_ = true;
  }

 private:
  [[nodiscard]] std::byte* at(std::uint64_t number) { return memory_.data() + number * kBuffer; }
  void post(std::uint64_t number) {
    const engine::Segment buffer{at(number), kBuffer};
    const engine::Request request{{&buffer, 1}, number};
    CHECK(rx_->post({&request, 1}).kind == engine::PrepareError::Kind::none);
  }

  bool stopped_ = false;
  std::vector<std::byte> memory_;
  std::unique_ptr<engine::StreamChannel> rx_;
  std::unique_ptr<engine::StreamChannel> tx_;
};

void check_accounts(const SimCounters& counters, std::uint64_t frames) {
  CHECK(counters.scheduled == frames);
  CHECK(counters.scheduled ==
        counters.delivered + counters.missed_no_buffer + counters.missed_generator);
  CHECK(counters.sent == counters.delivered);
  CHECK(counters.corrupt == 0);
  CHECK(counters.foreign == 0);
  CHECK(counters.reordered == 0);
  CHECK(counters.duplicated == 0);
}

bool over(const SimCounters& counters, std::uint64_t frames) {
  return counters.scheduled == frames && counters.sent == counters.delivered &&
         counters.scheduled ==
             counters.delivered + counters.missed_no_buffer + counters.missed_generator;
}

SimOptions many(std::uint64_t frames) {
  SimOptions options;
  options.arrivals = Arrivals::poisson;
  options.rate = 1e6;
  options.frames = frames;
  options.sizes = {60, 61, 1514, 700};
  options.flows = 16;
  options.ring = kRing;
  return options;
}

TEST_CASE("a driven engine moves 10^5 frames, none missed when it is run often enough") {
  test::FakeClock clock;
  SimOptions options = many(100'000);
  options.clock = clock.clock();
  SimNic nic(options);
  engine::Engine engine{engine::EngineOptions{}};
  Forwarder forwarder(engine, nic);
  nic.begin(1000);
  while (!over(nic.counters(), options.frames)) {
    clock.time += 20'000;
    engine.retry_blocked();
    engine.run(kRing);
    forwarder.step();
    engine.run(kRing);
    forwarder.step();
  }
  check_accounts(nic.counters(), options.frames);
  CHECK(nic.counters().delivered == options.frames);
}

TEST_CASE("a driven engine that is run too seldom loses what its ring cannot hold, and no more") {
  test::FakeClock clock;
  SimOptions options = many(100'000);
  options.arrivals = Arrivals::fixed;
  options.clock = clock.clock();
  SimNic nic(options);
  engine::Engine engine{engine::EngineOptions{}};
  Forwarder forwarder(engine, nic);
  nic.begin(1000);
  while (!over(nic.counters(), options.frames)) {
    clock.time += 1'000'000;
    engine.retry_blocked();
    for (int i = 0; i < 12; ++i) {
      engine.run(kRing);
      forwarder.step();
    }
  }
  const SimCounters counters = nic.counters();
  check_accounts(counters, options.frames);
  CHECK(counters.delivered == 100 * kRing);
}

TEST_CASE("a driven engine sleeps on the timer, and is woken by begin() and by each arrival") {
  SimOptions options = many(200);
  options.rate = 20'000;
  SimNic nic(options);
  engine::Engine engine{engine::EngineOptions{}};
  Forwarder forwarder(engine, nic);
  engine.run(kRing);
  CHECK_FALSE(engine.runnable());
  REQUIRE(engine.wait_sources().size() == 1);
  const Edge edge(engine.wait_sources()[0]);
  nic.begin(nic.now());
  while (!over(nic.counters(), options.frames)) {
    if (!engine.runnable() && forwarder.sending() == 0) {
      edge.wait();
      engine.source_ready(0);
    }
    engine.run(kRing);
    forwarder.step();
    engine.run(kRing);
    forwarder.step();
  }
  check_accounts(nic.counters(), options.frames);
}

void run_autonomous(const engine::EngineOptions& how, SimOptions options) {
  SimNic nic(options);
  engine::Engine engine(how);
  Forwarder forwarder(engine, nic);
  // A sleeping engine is to be woken: it has looked at the ring and found nothing to do.
  while (!how.spin && engine.stats().waits == 0) ::sched_yield();
  nic.begin(nic.now());
  while (!over(nic.counters(), options.frames)) {
    if (forwarder.step() == 0) ::sched_yield();
  }
  check_accounts(nic.counters(), options.frames);
  CHECK(nic.counters().delivered > 0);
}

TEST_CASE("an autonomous engine that spins accounts for 10^5 frames at 10^6 per second") {
  SimOptions options = many(engine::test::scaled(100'000));
  options.timer = false;
  run_autonomous({.placement = engine::Placement::autonomous, .spin = true}, options);
}

TEST_CASE("an autonomous engine that sleeps between arrivals accounts for 10^5 frames") {
  const SimOptions options = many(engine::test::scaled(100'000));
  run_autonomous({.placement = engine::Placement::autonomous, .spin = false}, options);
}

TEST_CASE("an engine that slept is woken by begin(), however close that comes to its looking") {
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    SimOptions options = many(3);
    options.rate = 1e5;
    SimNic nic(options);
    engine::Engine engine{{.placement = engine::Placement::autonomous, .spin = false}};
    Forwarder forwarder(engine, nic);
    for (int i = 0; i < round % 7; ++i) ::sched_yield();
    nic.begin(nic.now());
    while (!over(nic.counters(), options.frames)) {
      if (forwarder.step() == 0) ::sched_yield();
    }
    check_accounts(nic.counters(), options.frames);
  }
}

TEST_CASE("several NICs share the thread of one engine") {
  engine::Engine engine{{.placement = engine::Placement::autonomous, .spin = true}};
  std::vector<std::unique_ptr<SimNic>> nics;
  std::vector<std::unique_ptr<Forwarder>> forwarders;
  SimOptions options = many(engine::test::scaled(20'000));
  options.rate = 2e5;
  for (int i = 0; i < 4; ++i) {
    options.seed = static_cast<std::uint64_t>(i);
    options.arrivals = static_cast<Arrivals>(i);
    options.timer = i % 2 == 0;
    nics.push_back(std::make_unique<SimNic>(options));
    forwarders.push_back(std::make_unique<Forwarder>(engine, *nics.back()));
    nics.back()->begin(nics.back()->now());
  }
  bool all = false;
  while (!all) {
    all = true;
    for (std::size_t i = 0; i < nics.size(); ++i) {
      forwarders[i]->step();
      all = all && over(nics[i]->counters(), options.frames);
    }
    ::sched_yield();
  }
  for (const auto& nic : nics) check_accounts(nic->counters(), options.frames);
  forwarders.clear();
}

TEST_CASE("end() from another thread ends it, and the accounts agree after stop()") {
  SimOptions options = many(0);
  options.timer = false;
  SimNic nic(options);
  engine::Engine engine{{.placement = engine::Placement::autonomous, .spin = true}};
  Forwarder forwarder(engine, nic);
  nic.begin(nic.now());
  while (nic.counters().delivered < engine::test::scaled(5000)) forwarder.step();
  nic.end();
  const std::uint64_t ended = nic.now();
  forwarder.stop();
  while (forwarder.step() != 0 || forwarder.sending() != 0) ::sched_yield();
  const SimCounters counters = nic.counters();
  CHECK(counters.scheduled ==
        counters.delivered + counters.missed_no_buffer + counters.missed_generator);
  CHECK(nic.now() >= ended);
}

enum class Traffic : std::uint8_t { none, arrives };

// The text of the report if it failed, or else nothing.
std::string conformance_of(engine::Direction direction, Traffic traffic) {
  test::FakeClock clock;
  SimOptions options;
  options.clock = clock.clock();
  options.rate = 1e6;
  std::vector<std::unique_ptr<SimNic>> nics;
  engine::conformance::Subject subject;
  subject.make = [&] {
    nics.push_back(std::make_unique<SimNic>(options));
    if (traffic == Traffic::arrives) nics.back()->begin(clock.time);
    return direction == engine::Direction::device_to_memory ? nics.back()->make_receive()
                                                            : nics.back()->make_transmit();
  };
  subject.go_on = [&] { clock.time += 700; };
  engine::conformance::Options how;
  how.seed = ring::test::announce_seed("simulated NIC", 1);
  engine::conformance::Report report = engine::conformance::run(subject, how);
  CHECK(report.streams);
  CHECK(report.find("the window is kept")->verdict == engine::conformance::Verdict::passed);
  CHECK(report.find("after stop no memory is touched")->verdict ==
        engine::conformance::Verdict::passed);
  // What arrives unasked is as long as it is; the kit expects buffers to be full.
  std::erase_if(report.checks, [&](const engine::conformance::Check& check) {
    return traffic == Traffic::arrives && check.name == "the bytes reported are those done";
  });
  return report.passed() ? "" : report.text();
}

TEST_CASE("both back-ends pass the checks of the engine's conformance kit that apply to them") {
  CHECK(conformance_of(engine::Direction::memory_to_device, Traffic::none) == "");
  CHECK(conformance_of(engine::Direction::device_to_memory, Traffic::none) == "");
  CHECK(conformance_of(engine::Direction::device_to_memory, Traffic::arrives) == "");
}

}  // namespace
