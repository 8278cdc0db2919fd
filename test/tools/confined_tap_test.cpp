// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <system_error>

#include "bellpull/netdrv/tap_device.hpp"
#include "capabilities.hpp"
#include "in_child.hpp"
#include "seccomp_filter.hpp"

using bellpull::netdrv::TapDevice;
using bellpull::netdrv::UniqueFd;
using bellpull::test::Ended;
using bellpull::test::in_child;

namespace {

constexpr const char* kName = "bp7";

// What `ip tuntap add bp7 mode tap user OWNER` does.
void make_for(uid_t owner) {
  const UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  REQUIRE(tun.get() >= 0);
  ifreq request{};
  std::strcpy(request.ifr_name, kName);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  REQUIRE(::ioctl(tun.get(), TUNSETIFF, &request) == 0);
  REQUIRE(::ioctl(tun.get(), TUNSETOWNER, static_cast<unsigned long>(owner)) == 0);
  REQUIRE(::ioctl(tun.get(), TUNSETPERSIST, 1ul) == 0);
}

void remove() {
  const UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  std::strcpy(request.ifr_name, kName);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  REQUIRE(::ioctl(tun.get(), TUNSETIFF, &request) == 0);
  REQUIRE(::ioctl(tun.get(), TUNSETPERSIST, 0ul) == 0);
}

// Opens `name` after all was given up; 0: it is there and could be asked for its MTU.
Ended open_confined(const std::string& name) {
  return in_child([&] {
    bellpull::tools::give_up_capabilities();
    if (bellpull::tools::kSeccompBuilt) {
      bellpull::tools::allow_only_listed_calls(bellpull::tools::FilteredIo::syscall);
    }
    return TapDevice::open(name).mtu() == 1500 ? 0 : 2;
  });
}

}  // namespace

TEST_CASE("check 24: a TAP of the user's is opened again when everything was given up") {
  make_for(::geteuid());
  for (int round = 0; round < 3; ++round) {
    const Ended ended = open_confined(kName);
    CAPTURE(ended.words);
    CHECK(ended.status == 0);
  }
  remove();
}

TEST_CASE("check 24: a TAP of somebody else's, or none, takes what was given up, and says so") {
  make_for(12345);
  const Ended theirs = open_confined(kName);
  CHECK(theirs.status == 99);
  CHECK(theirs.words.find("ioctl TUNSETIFF on bp7 (needs CAP_NET_ADMIN") != std::string::npos);
  remove();
  const Ended none = open_confined("bp8");
  CHECK(none.status == 99);
  CHECK(none.words.find("ioctl TUNSETIFF on bp8 (needs CAP_NET_ADMIN") != std::string::npos);
}
