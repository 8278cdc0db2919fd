// SPDX-License-Identifier: BSD-2-Clause
// The program of the README, between the marks word for word, on two real TAPs.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "tap_world.hpp"

using namespace bellpull;

namespace {

std::string text_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run_until(const std::atomic<bool>& stop, std::atomic<bool>& started) {
  // README begin
  engine::Engine engine({.placement = engine::Placement::driven});
  const auto app = netdrv::make_patch();
  netdrv::TapLink left(netdrv::TapDevice::open("left0"));
  netdrv::TapLink right(netdrv::TapDevice::open("right0"));
  netdrv::Nic nic(engine, *app, {.mode = netdrv::Mode::interrupt, .budget = 64});
  nic.add_port(left, netdrv::Style::poll);
  nic.add_port(right, netdrv::Style::poll);
  nic.start();
  // README pause
  started = true;
  // README resume
  while (!stop) nic.run_once(-1);  // or: when nic.fd() is readable, until it returns false
  nic.drain(std::chrono::milliseconds(500));
  // README end
}

}  // namespace

TEST_CASE("the README's program carries frames between two TAPs") {
  std::atomic<bool> stop{false};
  std::atomic<bool> started{false};
  std::thread nic([&] { run_until(stop, started); });
  while (!started) std::this_thread::yield();
  test::ip("link set left0 up");
  test::ip("link set right0 up");
  {
    const test::PacketSocket left("left0");
    const test::PacketSocket right("right0");
    const test::Bytes frame = test::test_frame(100, 1);
    REQUIRE(left.send(frame));
    test::Bytes got;
    while ((got = right.receive()).empty()) std::this_thread::yield();
    CHECK(got == frame);
    stop = true;
    REQUIRE(left.send(frame));  // wakes it to see that it shall end
  }
  nic.join();
}

TEST_CASE("the README shows this very program") {
  const std::string source = text_of(BELLPULL_SOURCE_DIR "/test/netdrv/readme_test.cpp");
  const std::string readme = text_of(BELLPULL_SOURCE_DIR "/README.md");
  std::string shown;
  bool inside = false;
  std::size_t at = 0;
  while (at < source.size()) {
    const std::size_t end = source.find('\n', at);
    const std::string line = source.substr(at, end - at);
    at = end + 1;
    if (line == "  // README begin" || line == "  // README resume") {
      inside = true;
    } else if (line == "  // README pause" || line == "  // README end") {
      inside = false;
    } else if (inside) {
      shown += line.substr(2) + "\n";
    }
  }
  REQUIRE(shown.size() > 300);
  CHECK(readme.find("```cpp\n" + shown + "```\n") != std::string::npos);
}
