// SPDX-License-Identifier: BSD-2-Clause
#include "run_options.hpp"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <string>
#include <variant>

#include "error.hpp"
#include "mac_address.hpp"

using namespace bellpull;
using tools::RunWords;
using tools::understand;
using tools::UsageError;

namespace {

RunWords responder() {
  RunWords words;
  words.ports = {"tap:bp0,ip=10.99.0.1/24"};
  words.addresses = {"10.99.0.2/24"};
  return words;
}

RunWords with(const std::function<void(RunWords&)>& change, RunWords words = responder()) {
  change(words);
  return words;
}

std::string refusal_of(const RunWords& words) {
  try {
    static_cast<void>(understand(words));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "it was taken";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an address makes a responder, in interrupt mode, driven, with a budget of 64") {
  const tools::RunOptions options = understand(responder());
  CHECK(options.app == tools::AppKind::respond);
  CHECK(options.nic.mode == netdrv::Mode::interrupt);
  CHECK(options.engine == engine::Placement::driven);
  CHECK(options.nic.budget == 64);
  CHECK_FALSE(options.duration);
  CHECK(options.format == tools::Format::table);
  CHECK(options.mac == tools::mac_from("bp0 10.99.0.2"));
}

TEST_CASE("every word that is built is understood") {
  const auto options = understand(with([](RunWords& words) {
    words.mode = "poll";
    words.style = "poll";
    words.io = "syscall";
    words.engine = "thread";
    words.budget = "4096";
    words.duration = "0.5";
    words.format = "prometheus";
    words.mac = "02:00:00:00:00:09";
  }));
  CHECK(options.nic.mode == netdrv::Mode::poll);
  CHECK(options.engine == engine::Placement::autonomous);
  CHECK(options.nic.budget == 4096);
  CHECK(options.duration == std::chrono::milliseconds(500));
  CHECK(options.format == tools::Format::prometheus);
  CHECK(tools::to_string(options.mac) == "02:00:00:00:00:09");
  for (const char* app : {"reflect", "discard"}) {
    const auto other = understand(with([&](RunWords& words) {
      words.addresses.clear();
      words.app = app;
    }));
    CHECK(name_of(other.app) == app);
  }
}

TEST_CASE("what comes later is refused by name, with what to use instead") {
  const auto later = [](const std::function<void(RunWords&)>& change) {
    return contains(refusal_of(with(change)), "comes in a later version: use ");
  };
  CHECK(later([](RunWords& words) { words.app = "switch"; }));
}

TEST_CASE("unknown words are refused with those that are known") {
  CHECK(contains(refusal_of(with([](RunWords& words) { words.app = "router"; })),
                 "--app: 'router' is unknown: use respond, patch, reflect or discard"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.mode = "Poll"; })),
                 "use interrupt, poll or adaptive"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.style = ""; })),
                 "use push, push-backlog, push-pause, notify, poll or virtqueue"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.io = "mmap"; })), "use syscall"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.engine = "auto"; })),
                 "use driven or thread"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.format = "yaml"; })),
                 "use table, json or prometheus"));
}

TEST_CASE("a budget is a whole number from 1 to 4096") {
  for (const char* budget :
       {"0", "4097", "100000", "-1", "", "64.0", "6 4", "all", "99999999999999999999"}) {
    CAPTURE(budget);
    CHECK(contains(refusal_of(with([&](RunWords& words) { words.budget = budget; })), "--budget"));
  }
}

TEST_CASE("a duration is a number of seconds above 0") {
  for (const char* duration : {"0", "0.0", "-1", "ten", "ten seconds", "10s", "1e3", "inf", "nan",
                               "0x10", "1,5", "1000000001", "0.0000000001", " 1"}) {
    CAPTURE(duration);
    CHECK(contains(refusal_of(with([&](RunWords& words) { words.duration = duration; })),
                   "--duration"));
  }
  const auto options = understand(with([](RunWords& words) { words.duration = "0.000001"; }));
  CHECK(options.duration == std::chrono::microseconds(1));
}

TEST_CASE("an application and its ports and addresses go together or are refused") {
  CHECK(contains(refusal_of(with([](RunWords& words) { words.ports.clear(); })), "no PORT"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.addresses.clear(); })),
                 "--app is missing"));
  CHECK(contains(refusal_of(with([](RunWords& words) {
                   words.addresses.clear();
                   words.app = "respond";
                 })),
                 "no address"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.app = "discard"; })),
                 "--address does not go with --app discard"));
  CHECK(contains(refusal_of(with([](RunWords& words) {
                   words.addresses.clear();
                   words.app = "reflect";
                   words.mac = "02:00:00:00:00:01";
                 })),
                 "--mac does not go with --app reflect"));
  for (std::size_t ports : {1u, 3u}) {
    CHECK(contains(refusal_of(with([&](RunWords& words) {
                     words.addresses.clear();
                     words.app = "patch";
                     words.ports = {"tap:a", "tap:b", "tap:c"};
                     words.ports.resize(ports);
                   })),
                   "exactly two ports"));
  }
}

TEST_CASE("a responder at an address that is taken is refused") {
  CHECK(contains(refusal_of(with([](RunWords& words) { words.addresses = {"10.99.0.1/24"}; })),
                 "the kernel's own address"));
  CHECK(contains(refusal_of(with([](RunWords& words) {
                   words.addresses = {"10.9.0.2/24", "10.9.0.2/16"};
                 })),
                 "given twice"));
}

namespace {

RunWords simulated(const char* port, const char* app = "discard") {
  RunWords words;
  words.ports = {port};
  words.app = app;
  return words;
}

netdrv::SimOptions sim_of(const RunWords& words, std::size_t port = 0) {
  return std::get<tools::SimSpec>(understand(words).ports[port]).options;
}

}  // namespace

TEST_CASE("simulated ports have names and flows of their own, in the order in which they are") {
  RunWords words = simulated("sim:flows=10");
  words.ports.push_back("tap:sim1");
  words.ports.push_back("sim:flows=5,name=mine");
  words.ports.push_back("sim");
  CHECK(sim_of(words, 0).name == "sim0");
  CHECK(sim_of(words, 0).first_flow == 0);
  CHECK(sim_of(words, 2).name == "mine");
  CHECK(sim_of(words, 2).first_flow == 10);
  CHECK(sim_of(words, 3).name == "sim2");
  CHECK(sim_of(words, 3).first_flow == 15);
  words.ports = {"sim:flows=65535", "sim"};
  CHECK(sim_of(words, 1).first_flow == 65535);
  words.ports = {"sim:flows=65535", "sim:flows=2"};
  CHECK(refusal_of(words) ==
        "port sim:flows=2: 2 flows, and 1 of 65536 are left by the ports before it: use fewer");
}

TEST_CASE("simulated frames are addressed to the responder") {
  RunWords words = simulated("sim", "respond");
  words.addresses = {"fd00::2/64", "10.99.0.2/24", "10.99.0.3/24"};
  const netdrv::FrameEnds ends = sim_of(words).ends;
  CHECK(ends.destination_mac == understand(words).mac);
  CHECK(ends.destination.family == 4);
  const std::array<std::uint8_t, 16> first = {10, 99, 0, 2};
  CHECK(ends.destination.bytes == first);
  words.addresses = {"fd00::2/64"};
  CHECK(
      contains(refusal_of(words), "port sim: simulated frames are IPv4 and the responder has no"));
}

TEST_CASE("who never sleeps needs no timer, unless the mode may be changed") {
  RunWords words = simulated("sim");
  CHECK(sim_of(words).timer);
  words.mode = "poll";
  CHECK_FALSE(sim_of(words).timer);
  words.control = "/run/control";
  CHECK(sim_of(words).timer);
}

TEST_CASE("latency is measured on simulated ports, elsewhere on request") {
  CHECK(understand(responder()).nic.latency_every == 0);
  CHECK(understand(simulated("sim")).nic.latency_every == 16);
  const auto asked = [](const char* every, RunWords words) {
    words.latency = every;
    return understand(words).nic.latency_every;
  };
  CHECK(asked("3", responder()) == 3);
  CHECK(asked("0", simulated("sim")) == 0);
  CHECK(contains(refusal_of(with([](RunWords& words) { words.latency = "1000001"; })),
                 "--latency: '1000001' is no whole number from 0 to 1000000"));
}

TEST_CASE("rings are powers of two up to 8192, a backlog belongs to its style") {
  const auto options = understand(with([](RunWords& words) {
    words.rx_ring = "1";
    words.tx_ring = "8192";
    words.backlog = "65536";
    words.style = "push-backlog";
  }));
  CHECK(options.port.rx_ring == 1);
  CHECK(options.port.tx_ring == 8192);
  CHECK(options.port.backlog == 65536);
  CHECK(contains(refusal_of(with([](RunWords& words) { words.rx_ring = "48"; })),
                 "--rx-ring: 48 is no power of two: use 32 or 64"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.tx_ring = "0"; })),
                 "--tx-ring: '0' is no whole number from 1 to 8192"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.backlog = "10"; })),
                 "--backlog does not go with --style poll"));
  CHECK(understand(with([](RunWords& words) {
          words.backlog = "10";
          words.control = "/run/control";
        })).port.backlog == 10);
}

TEST_CASE("simulated ports are sent nothing but simulated frames, unless patched to a TAP") {
  RunWords words = simulated("sim", "reflect");
  words.ports.push_back("tap:bp0");
  CHECK(understand(words).closed());
  words.app = "patch";
  CHECK_FALSE(understand(words).closed());
  words.ports[1] = "sim";
  CHECK(understand(words).closed());
  words.faults = {"sim0:corrupt"};
  CHECK_FALSE(understand(words).closed());
}

TEST_CASE("an empty path for the statistics is refused") {
  CHECK(contains(refusal_of(with([](RunWords& words) { words.stats_file = ""; })), "--stats-file"));
}

TEST_CASE("check 24: privileges are dropped and calls filtered unless it is switched off by name") {
  const tools::RunOptions usual = understand(responder());
  CHECK(usual.sandbox.drop);
  CHECK(usual.sandbox.filter == tools::kSeccompBuilt);
  CHECK(usual.sandbox.io == tools::FilteredIo::syscall);
  CHECK(usual.words.privileges == "drop");
  CHECK(usual.words.seccomp == (tools::kSeccompBuilt ? "on" : "off"));
  CHECK_FALSE(understand(with([](RunWords& words) { words.privileges = "keep"; })).sandbox.drop);
  CHECK_FALSE(understand(with([](RunWords& words) { words.seccomp = "off"; })).sandbox.filter);
  CHECK(contains(refusal_of(with([](RunWords& words) { words.privileges = "none"; })),
                 "--privileges: 'none' is unknown: use drop or keep"));
  CHECK(contains(refusal_of(with([](RunWords& words) { words.seccomp = "yes"; })),
                 "--seccomp: 'yes' is unknown: use on or off"));
}
