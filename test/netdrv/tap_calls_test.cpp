// SPDX-License-Identifier: BSD-2-Clause
// The system calls that a TAP sees, in their order: the library's end up here, are written down,
// and go on to the kernel.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "nic_accounts.hpp"
#include "tap_world.hpp"

namespace {

struct Call {
  int fd;
  std::string what;
};

// In the order in which they were made, by one thread.
std::vector<Call>& calls() {
  static std::vector<Call> made;
  return made;
}

std::string name_of(unsigned long request, unsigned long argument) {
  const auto value = [argument] { return " " + std::to_string(*reinterpret_cast<int*>(argument)); };
  switch (request) {
    case TUNGETFEATURES:
      return "TUNGETFEATURES";
    case TUNSETIFF:
      return "TUNSETIFF";
    case TUNSETVNETHDRSZ:
      return "TUNSETVNETHDRSZ" + value();
    case TUNSETVNETLE:
      return "TUNSETVNETLE" + value();
    case TUNSETOFFLOAD:
      return "TUNSETOFFLOAD " + std::to_string(argument);
    default:
      return "";
  }
}

}  // namespace

extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list list;
  va_start(list, request);
  const auto argument = va_arg(list, unsigned long);
  va_end(list);
  std::string what = name_of(request, argument);
  if (!what.empty()) calls().push_back({fd, std::move(what)});
  return static_cast<int>(::syscall(SYS_ioctl, fd, request, argument));
}

extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  if (operation == EPOLL_CTL_ADD) calls().push_back({fd, "EPOLL_CTL_ADD"});
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

extern "C" ssize_t readv(int fd, const iovec* vectors, int count) {
  const ssize_t result = ::syscall(SYS_readv, fd, vectors, count);
  calls().push_back({fd, result < 0 ? "nothing" : "read"});
  return result;
}

extern "C" ssize_t read(int fd, void* buffer, size_t bytes) {
  const ssize_t result = ::syscall(SYS_read, fd, buffer, bytes);
  calls().push_back({fd, result < 0 ? "nothing" : "read"});
  return result;
}

extern "C" ssize_t write(int fd, const void* buffer, size_t bytes) {
  calls().push_back({fd, "write"});
  return ::syscall(SYS_write, fd, buffer, bytes);
}

namespace bellpull::netdrv {
namespace {

using bellpull::test::Bytes;
using bellpull::test::ip;
using bellpull::test::PacketSocket;
using bellpull::test::test_frame;

// What was called on this descriptor.
std::vector<std::string> calls_on(int fd) {
  std::vector<std::string> found;
  for (const Call& call : calls()) {
    if (call.fd == fd) found.push_back(call.what);
  }
  return found;
}

void run(TapDevice device, OffloadSet offloads) {
  const auto app = make_discard();
  engine::Engine engine({.placement = engine::Placement::driven});
  Nic nic(engine, *app, {});
  device.set_offloads(offloads);
  TapLink link(std::move(device));
  nic.add_port(link, Style::poll);
  nic.start();
  nic.drain(std::chrono::milliseconds(0));
}

TEST_CASE(
    "check 1, F4, F16, F17, F18: a TAP is asked, attached, set up, and only then waited for") {
  calls().clear();
  TapDevice device = TapDevice::open("start0");
  const int fd = device.fd();
  run(std::move(device), {OffloadFeature::csum, OffloadFeature::tso4});
  const std::vector<std::string> expected{
      "TUNGETFEATURES",
      "TUNSETIFF",
      "TUNSETVNETHDRSZ 12",
      "TUNSETVNETLE 1",
      "TUNSETOFFLOAD 0",
      "TUNSETOFFLOAD " + std::to_string(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN),
      "EPOLL_CTL_ADD"};
  std::vector<std::string> made = calls_on(fd);
  // Waited for once, however often its place in the list of descriptors is said.
  made.erase(std::unique(made.begin(), made.end()), made.end());
  CHECK(made == expected);
}

TEST_CASE("check 1, F24: one that was handed over attached is not attached anew") {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  REQUIRE(fd >= 0);
  ifreq request{};
  std::strncpy(request.ifr_name, "start1", IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  REQUIRE(::ioctl(fd, TUNSETIFF, &request) == 0);
  calls().clear();
  run(TapDevice::adopt(UniqueFd(fd)), {});
  const std::vector<std::string> made = calls_on(fd);
  CHECK(std::count(made.begin(), made.end(), "TUNSETIFF") == 0);
  REQUIRE(made.size() >= 4);
  CHECK(made[0] == "TUNSETVNETHDRSZ 12");
  CHECK(made[1] == "TUNSETVNETLE 1");
  CHECK(made[2] == "TUNSETOFFLOAD 0");
  CHECK(made.back() == "EPOLL_CTL_ADD");
}

TEST_CASE("check 17: a frame that comes alone is passed on before the call that finds no other") {
  for (const Style style : bellpull::test::kEveryStyle) {
    CAPTURE(static_cast<int>(style));
    const auto app = make_patch();
    engine::Engine engine({.placement = engine::Placement::driven});
    Nic nic(engine, *app, {});
    TapLink left(TapDevice::open("left0"));
    TapLink right(TapDevice::open("right0"));
    for (TapLink* link : {&left, &right}) {
      nic.add_port(*link, style);
      ip("link set " + std::string(link->name()) + " up");
    }
    nic.start();
    const PacketSocket from("left0");
    const PacketSocket to("right0");
    const auto pass = [&](unsigned seed) {
      const Bytes frame = test_frame(60, seed);
      REQUIRE(from.send(frame));
      while (to.receive() != frame) nic.run_once(1);
      while (nic.run_once(0)) continue;
    };
    pass(0);  // from now on they are known to come alone
    for (unsigned i = 1; i < 10; ++i) {
      calls().clear();
      pass(i);
      std::vector<std::string> made;
      for (const Call& call : calls()) {
        const bool reads = call.fd == left.device().fd() && call.what != "write";
        if (reads || (call.fd == right.device().fd() && call.what == "write")) {
          made.push_back(call.what);
        }
      }
      CHECK(made == std::vector<std::string>{"read", "write", "nothing"});
    }
    nic.drain(std::chrono::milliseconds(0));
  }
}

}  // namespace
}  // namespace bellpull::netdrv
