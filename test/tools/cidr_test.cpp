// SPDX-License-Identifier: BSD-2-Clause
#include "cidr.hpp"

#include <doctest/doctest.h>

#include <string>

#include "error.hpp"
#include "mac_address.hpp"

using namespace bellpull;
using tools::parse_cidr;
using tools::parse_mac;
using tools::UsageError;

TEST_CASE("an IPv4 CIDR keeps the host's bits and comes back as it was written") {
  const tools::Cidr cidr = parse_cidr("--address", "10.99.0.2/24");
  CHECK(cidr.address.family == 4);
  CHECK(cidr.address.bytes[0] == 10);
  CHECK(cidr.address.bytes[3] == 2);
  CHECK(cidr.prefix == 24);
  CHECK(tools::to_string(cidr) == "10.99.0.2/24");
}

TEST_CASE("an IPv6 CIDR is read whole and comes back in its short form") {
  const tools::Cidr cidr = parse_cidr("--address", "fd99:0:0:0:0:0:0:2/64");
  CHECK(cidr.address.family == 6);
  CHECK(cidr.address.bytes[0] == 0xfd);
  CHECK(cidr.address.bytes[15] == 2);
  CHECK(tools::to_string(cidr) == "fd99::2/64");
}

TEST_CASE("the longest and the shortest prefix are taken") {
  CHECK(parse_cidr("", "10.0.0.1/32").prefix == 32);
  CHECK(parse_cidr("", "10.0.0.1/0").prefix == 0);
  CHECK(parse_cidr("", "fd00::1/128").prefix == 128);
}

TEST_CASE("what is no CIDR is refused") {
  for (const char* text : {"",
                           "/",
                           "/24",
                           "10.99.0.2",
                           "10.99.0.2/",
                           "10.99.0.2/33",
                           "10.99.0.2/-1",
                           "10.99.0.2/+1",
                           "10.99.0.2/24/24",
                           "10.99.0.2/2 4",
                           "10.99.0/24",
                           "10.99.0.256/24",
                           "10.99.0.2.3/24",
                           "010.99.0.2/24",
                           " 10.99.0.2/24",
                           "fd00::1",
                           "fd00::1/129",
                           "fd00::1::/64",
                           "fd00::g/64",
                           "fe80::1%eth0/64",
                           "example.org/24",
                           "10.99.0.2/twentyfour"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_cidr("--address", text)), UsageError);
  }
}

TEST_CASE("addresses that no single host can have are refused") {
  for (const char* text : {"0.0.0.0/0", "127.0.0.1/8", "224.0.0.1/24", "255.255.255.255/32",
                           "::/64", "::1/128", "ff02::1/64"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_cidr("--address", text)), UsageError);
  }
}

TEST_CASE("the message names the option, the text and a right one") {
  try {
    static_cast<void>(parse_cidr("--address", "10.99.0.2"));
    FAIL("was taken");
  } catch (const UsageError& error) {
    const std::string message = error.what();
    CHECK(message.find("--address") != std::string::npos);
    CHECK(message.find("10.99.0.2/24") != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
  }
}

TEST_CASE("addresses are the same when family and bytes are, whatever the prefix") {
  const auto a = parse_cidr("", "10.0.0.1/24").address;
  CHECK(tools::same_address(a, parse_cidr("", "10.0.0.1/8").address));
  CHECK_FALSE(tools::same_address(a, parse_cidr("", "10.0.0.2/24").address));
  CHECK_FALSE(tools::same_address(a, parse_cidr("", "a00:1::/64").address));
}

TEST_CASE("an Ethernet address is read and comes back as it was written") {
  const netdrv::MacAddress mac = parse_mac("--mac", "02:00:5E:10:00:fe");
  CHECK(mac == netdrv::MacAddress{0x02, 0x00, 0x5e, 0x10, 0x00, 0xfe});
  CHECK(tools::to_string(mac) == "02:00:5e:10:00:fe");
}

TEST_CASE("what is no Ethernet address of one station is refused") {
  for (const char* text : {"", "02", "02:00:00:00:00", "02:00:00:00:00:00:00", "02-00-00-00-00-01",
                           "02:00:00:00:00:0g", "02:00:00:00:00: 1", "2:0:0:0:0:1:02:03",
                           "01:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_mac("--mac", text)), UsageError);
  }
}

TEST_CASE("a computed Ethernet address is local, of one station, and depends on the seed alone") {
  for (const char* seed : {"", "bp0 10.99.0.2", "bp1 10.99.0.2", "bp0 10.99.0.3"}) {
    CAPTURE(seed);
    const netdrv::MacAddress mac = tools::mac_from(seed);
    CHECK((mac[0] & 3) == 2);
    CHECK(mac == tools::mac_from(seed));
  }
  CHECK(tools::mac_from("bp0 10.99.0.2") != tools::mac_from("bp1 10.99.0.2"));
  CHECK(tools::mac_from("bp0 10.99.0.2") != tools::mac_from("bp0 10.99.0.3"));
  // FNV-1a of the empty string is its offset basis, cbf29ce484222325.
  CHECK(tools::to_string(tools::mac_from("")) == "9e:e4:84:22:23:25");
}
