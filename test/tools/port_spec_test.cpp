// SPDX-License-Identifier: BSD-2-Clause
#include "port_spec.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "error.hpp"
#include "mac_address.hpp"

using namespace bellpull;
using tools::parse_port;
using tools::parse_tap;
using tools::TapSpec;
using tools::UsageError;

namespace {

std::string refusal_of(const std::string& text) {
  try {
    static_cast<void>(parse_port(text));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "it was taken";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a bare TAP has a name and nothing else") {
  const TapSpec port = parse_tap("tap:bp0");
  CHECK(port.name == "bp0");
  CHECK(port.addresses.empty());
  CHECK_FALSE(port.mtu);
  CHECK_FALSE(port.mac);
  CHECK_FALSE(port.fd);
  CHECK(port.netns.empty());
}

TEST_CASE("every key is read, ip as often as it comes") {
  const TapSpec port = parse_tap(
      "tap:bp0,ip=10.99.0.1/24,mtu=9000,ip=fd99::1/64,mac=02:00:00:00:00:01,netns=left,fd=5,"
      "offload=auto");
  REQUIRE(port.addresses.size() == 2);
  CHECK(tools::to_string(port.addresses[0]) == "10.99.0.1/24");
  CHECK(tools::to_string(port.addresses[1]) == "fd99::1/64");
  CHECK(port.mtu == 9000);
  CHECK(tools::to_string(port.mac.value()) == "02:00:00:00:00:01");
  CHECK(port.netns == "left");
  CHECK(port.fd == 5);
}

TEST_CASE("the longest interface name has 15 bytes") {
  CHECK(parse_tap("tap:abcdefghijklmno").name == "abcdefghijklmno");
  CHECK(contains(refusal_of("tap:abcdefghijklmnop"), "16 bytes"));
}

TEST_CASE("an inherited descriptor needs no name, everything else does") {
  CHECK(parse_tap("tap:,fd=3").name.empty());
  CHECK(contains(refusal_of("tap:"), "no name"));
  CHECK(contains(refusal_of("tap:,mtu=1500"), "no name"));
}

TEST_CASE("names that the kernel refuses are refused") {
  for (const char* name : {".", "..", "a/b", "a:b", "a%d", "a b", "a\tb", "a\nb", "a\x7f"}) {
    CAPTURE(name);
    CHECK(contains(refusal_of(std::string("tap:") + name), "no interface name"));
  }
}

TEST_CASE("the limits of mtu and fd are taken, what is beyond is refused") {
  CHECK(parse_tap("tap:a,mtu=68").mtu == 68);
  CHECK(parse_tap("tap:a,mtu=65521").mtu == 65521);
  for (const char* bad : {"mtu=67", "mtu=65522", "mtu=1500b", "mtu=0x100", "mtu=-1", "mtu= 1500",
                          "fd=2", "fd=-1", "fd=2147483648", "fd=three"}) {
    CAPTURE(bad);
    CHECK(contains(refusal_of(std::string("tap:a,") + bad), "no whole number"));
  }
}

TEST_CASE("IPv6 addresses and an MTU below 1280 do not go together") {
  CHECK(contains(refusal_of("tap:a,ip=fd00::1/64,mtu=1279"), "1280"));
  CHECK(parse_tap("tap:a,ip=fd00::1/64,mtu=1280").mtu == 1280);
  CHECK(parse_tap("tap:a,ip=10.0.0.1/24,mtu=1279").mtu == 1279);
}

TEST_CASE("a key that is unknown, empty, without value or given twice is refused by name") {
  CHECK(contains(refusal_of("tap:a,colour=red"), "'colour' is unknown"));
  CHECK(contains(refusal_of("tap:a,MTU=1500"), "'MTU' is unknown"));
  CHECK(contains(refusal_of("tap:a,"), "'' is unknown"));
  CHECK(contains(refusal_of("tap:a,,mtu=1500"), "'' is unknown"));
  CHECK(contains(refusal_of("tap:a,mtu"), "no value"));
  CHECK(contains(refusal_of("tap:a,mtu="), "no value"));
  CHECK(contains(refusal_of("tap:a,mtu=1500,mtu=1500"), "twice"));
  CHECK(contains(refusal_of("tap:a,ip=10.0.0.1/24,ip=10.0.0.1/16"), "twice"));
}

TEST_CASE("offload takes auto, off, and features by name") {
  CHECK(parse_tap("tap:a,offload=off").name == "a");
  CHECK_FALSE(parse_tap("tap:a").offloads);
  CHECK_FALSE(parse_tap("tap:a,offload=auto").offloads);
  REQUIRE(parse_tap("tap:a,offload=off").offloads);
  CHECK(parse_tap("tap:a,offload=off").offloads->empty());
  using netdrv::OffloadFeature;
  CHECK(parse_tap("tap:a,offload=csum+tso6").offloads ==
        netdrv::OffloadSet{OffloadFeature::csum, OffloadFeature::tso6});
  CHECK(contains(refusal_of("tap:a,offload=on"), "use auto, off, or some of csum, tso4"));
  CHECK(contains(refusal_of("tap:a,offload=csum+"), "'' is unknown"));
  CHECK(contains(refusal_of("tap:a,offload=tso4"), "write csum+tso4"));
}

TEST_CASE("what comes later is refused by name, what is unknown as unknown") {
  for (const char* text : {"vhost-user:/tmp/x", "udp:1.2.3.4"}) {
    CAPTURE(text);
    CHECK(contains(refusal_of(text), "comes in a later version: use tap or sim"));
  }
  CHECK(contains(refusal_of("tap:a,queues=2"), "comes in a later version"));
  for (const char* text : {"", "bp0", "tun:bp0", "Tap:bp0", ":bp0", "/dev/net/tun"}) {
    CAPTURE(text);
    CHECK(contains(refusal_of(text), "is unknown"));
  }
  CHECK(contains(refusal_of("tap"), "no interface"));
}

TEST_CASE(
    "two ports on one interface or descriptor are refused, one name in two namespaces is not") {
  const auto refused = [](const char* first, const char* second) {
    std::array ports = {parse_port(first), parse_port(second)};
    tools::tell_apart(ports);
    try {
      tools::refuse_duplicates(ports);
    } catch (const UsageError&) {
      return true;
    }
    return false;
  };
  CHECK(refused("tap:a", "tap:a"));
  CHECK(refused("tap:a,netns=x", "tap:a,netns=/run/netns/x"));
  CHECK(refused("tap:,fd=3", "tap:a,fd=3"));
  CHECK_FALSE(refused("tap:a", "tap:b"));
  CHECK_FALSE(refused("tap:a,netns=x", "tap:a,netns=y"));
  CHECK_FALSE(refused("tap:a", "tap:a,netns=x"));
  CHECK_FALSE(refused("tap:,fd=3", "tap:,fd=4"));
  CHECK(refused("sim:name=a", "sim:name=a"));
  CHECK(refused("sim:name=a", "tap:a"));
  CHECK(refused("tap:a,netns=x", "sim:name=a"));
  CHECK_FALSE(refused("sim", "sim"));
  CHECK_FALSE(refused("sim", "sim:name=sim0"));
  CHECK_FALSE(refused("sim", "tap:sim0"));
}
