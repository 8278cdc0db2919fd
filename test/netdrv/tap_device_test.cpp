// SPDX-License-Identifier: BSD-2-Clause
// Opening real TAP interfaces, and every way in which that can fail.
#include "bellpull/netdrv/tap_device.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <functional>
#include <system_error>

#include "tap_world.hpp"

using namespace bellpull::netdrv;
using bellpull::test::ip;

namespace {

// The message of the system_error that `action` throws, or "" if it throws none.
std::string message_of(const std::function<void()>& action, int error) {
  try {
    action();
  } catch (const std::system_error& failure) {
    CHECK(failure.code().value() == error);
    return failure.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == std::string::npos;
}

// Attaches like some other program would.
int attach(const char* name, short flags) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = flags;
  REQUIRE(::ioctl(fd, TUNSETIFF, &request) == 0);
  return fd;
}

unsigned feature_of(const char* name, unsigned command) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
  ethtool_value value{};
  value.cmd = command;
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  REQUIRE(::ioctl(socket.get(), SIOCETHTOOL, &request) == 0);
  return value.data;
}

}  // namespace

TEST_CASE("an interface is made, set up, and gone with its device") {
  {
    const TapDevice device = TapDevice::open("made0");
    CHECK(device.name() == "made0");
    CHECK(device.mtu() == 1500);
    CHECK(::if_nametoindex("made0") != 0);
    CHECK((::fcntl(device.fd(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(device.fd(), F_GETFD) & FD_CLOEXEC) != 0);
    ifreq request{};
    REQUIRE(::ioctl(device.fd(), TUNGETIFF, &request) == 0);
    CHECK((request.ifr_flags & IFF_TAP) != 0);
    CHECK((request.ifr_flags & IFF_NO_PI) != 0);
    CHECK((request.ifr_flags & IFF_VNET_HDR) != 0);
  }
  CHECK(::if_nametoindex("made0") == 0);
}

TEST_CASE("F16, F17, F18: what a former owner left is set anew: header, byte order, offloads") {
  {
    const UniqueFd former(attach("left0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR));
    REQUIRE(::ioctl(former.get(), TUNSETPERSIST, 1) == 0);
    int size = 20;
    REQUIRE(::ioctl(former.get(), TUNSETVNETHDRSZ, &size) == 0);
    int little = 0;
    REQUIRE(::ioctl(former.get(), TUNSETVNETLE, &little) == 0);
    REQUIRE(::ioctl(former.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) == 0);
    int buffer = 4096;
    REQUIRE(::ioctl(former.get(), TUNSETSNDBUF, &buffer) == 0);
    REQUIRE(feature_of("left0", ETHTOOL_GTSO) == 1);
  }
  const TapDevice device = TapDevice::open("left0");
  int value = 0;
  REQUIRE(::ioctl(device.fd(), TUNGETVNETHDRSZ, &value) == 0);
  CHECK(value == 12);
  REQUIRE(::ioctl(device.fd(), TUNGETVNETLE, &value) == 0);
  CHECK(value == 1);
  REQUIRE(::ioctl(device.fd(), TUNGETSNDBUF, &value) == 0);
  CHECK(value == INT_MAX);
  CHECK(feature_of("left0", ETHTOOL_GTSO) == 0);
  CHECK(feature_of("left0", ETHTOOL_GTXCSUM) == 0);
  ip("link del left0");
}

TEST_CASE(
    "F18: headers are little-endian, whatever a former owner said, opened, adopted, attached") {
  const auto is_little = [](int fd) {
    int little = 0;
    REQUIRE(::ioctl(fd, TUNGETVNETLE, &little) == 0);
    return little == 1;
  };
  // An owner with the other order, if this kernel has one: it may refuse TUNSETVNETBE.
  const auto make_other = [] {
    UniqueFd former(attach("end0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR));
    REQUIRE(::ioctl(former.get(), TUNSETPERSIST, 1) == 0);
    int value = 0;
    REQUIRE(::ioctl(former.get(), TUNSETVNETLE, &value) == 0);
    value = 1;
    if (::ioctl(former.get(), TUNSETVNETBE, &value) != 0) CHECK(errno == EINVAL);
    return former;
  };
  CHECK(is_little(TapDevice::adopt(make_other()).fd()));
  static_cast<void>(make_other());
  TapDevice device = TapDevice::open("end0");
  CHECK(is_little(device.fd()));
  ip("link del end0");
  static_cast<void>(make_other());
  device.attach_again();
  CHECK(is_little(device.fd()));
  ip("link del end0");
}

TEST_CASE("a name that is too long, empty or illegal is refused before anything is made") {
  const auto open = [](const char* name) { return [name] { (void)TapDevice::open(name); }; };
  const std::string text = message_of(open("sixteen-bytes-xx"), ENAMETOOLONG);
  CHECK(one_line(text));
  CHECK(contains(text, "sixteen-bytes-xx"));
  CHECK(contains(text, "1 to 15 bytes"));
  CHECK(contains(message_of(open(""), ENAMETOOLONG), "empty name"));
  CHECK(contains(message_of(open("a/b"), EINVAL), "a/b"));
  CHECK(contains(message_of(open("tap%d"), EINVAL), "tap%d"));
  CHECK(contains(message_of(open(".."), EINVAL), ".."));
  CHECK_NOTHROW((void)TapDevice::open("fifteen-bytes-x"));
}

TEST_CASE("F23: an interface in use by another program is refused with what to do") {
  const UniqueFd other(attach("busy0", IFF_TAP | IFF_NO_PI));
  const std::string text = message_of([] { (void)TapDevice::open("busy0"); }, EBUSY);
  CHECK(one_line(text));
  CHECK(contains(text, "TUNSETIFF on busy0"));
  CHECK(contains(text, "another program uses it"));
}

TEST_CASE("F22: an interface of another kind is refused with what to do") {
  CHECK(contains(message_of([] { (void)TapDevice::open("lo"); }, EINVAL), "is no TAP"));
  const UniqueFd tun(attach("tun0", IFF_TUN | IFF_NO_PI));
  REQUIRE(::ioctl(tun.get(), TUNSETPERSIST, 1) == 0);
  CHECK(contains(message_of([] { (void)TapDevice::open("tun0"); }, EINVAL), "tun0"));
  const UniqueFd many(attach("many0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE));
  CHECK(contains(message_of([] { (void)TapDevice::open("many0"); }, EINVAL), "multi-queue"));
}

TEST_CASE("without CAP_NET_ADMIN the refusal says what would help") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // The device node is for everybody on most systems; make it so here, in this mount namespace.
    const UniqueFd node(::open("/dev/net/tun", O_RDWR));
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(3);
    try {
      (void)TapDevice::open("nope0");
    } catch (const std::system_error& failure) {
      const bool node_refused = failure.code().value() == EACCES;
      ::_exit((node_refused && contains(failure.what(), "run as root")) ||
                      (failure.code().value() == EPERM && contains(failure.what(), "CAP_NET_ADMIN"))
                  ? 0
                  : 1);
    }
    ::_exit(2);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a missing /dev/net/tun is named, with how to get it") {
  REQUIRE(::mount("none", "/dev/net", "tmpfs", 0, nullptr) == 0);
  const std::string text = message_of([] { (void)TapDevice::open("none0"); }, ENOENT);
  REQUIRE(::umount("/dev/net") == 0);
  CHECK(one_line(text));
  CHECK(contains(text, "/dev/net/tun"));
  CHECK(contains(text, "modprobe tun"));
}

TEST_CASE("an inherited descriptor is taken over and set up; one that is no TAP is refused") {
  const int fd = attach("given0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  const TapDevice device = TapDevice::adopt(UniqueFd(fd));
  CHECK(device.name() == "given0");
  CHECK(device.fd() == fd);
  int value = 0;
  REQUIRE(::ioctl(fd, TUNGETVNETHDRSZ, &value) == 0);
  CHECK(value == 12);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK(contains(message_of([&] { (void)TapDevice::adopt(UniqueFd(null)); }, ENOTTY),
                 "no attached TAP"));
  const int plain = attach("plain0", IFF_TAP | IFF_NO_PI);
  CHECK(contains(message_of([&] { (void)TapDevice::adopt(UniqueFd(plain)); }, EINVAL),
                 "IFF_VNET_HDR"));
}
