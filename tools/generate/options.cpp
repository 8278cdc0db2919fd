// SPDX-License-Identifier: BSD-2-Clause
#include "generate/options.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "cidr.hpp"
#include "error.hpp"
#include "mac_address.hpp"
#include "number.hpp"

namespace bellpull::tools::generate {

namespace {

// In the order of the values they stand for.
constexpr std::array kVias = {Word{"auto"}, Word{"xdp"}, Word{"packet"}};

constexpr std::uint64_t kMostFrames = 1'000'000'000'000'000;
constexpr double kMostRate = 1e9;
constexpr double kUsualRate = 1000;
constexpr std::uint64_t kMostBurst = 65536;
// Paced frames go out in so many bursts per second, if these are not larger than the usual largest.
constexpr double kBurstsPerSecond = 2000;
constexpr double kUsualLargestBurst = 64;
// Without a pause, what is done between two bursts has to cost nothing.
constexpr std::uint64_t kFloodBurst = 8192;
// "Simple IMIX", 7 : 4 : 1: IPv4 packets of 40 (here 46, Ethernet's shortest), 576 and 1500 bytes.
constexpr std::array<std::uint16_t, 12> kImix = {60, 590, 60, 590,  60, 60,
                                                 60, 590, 60, 1514, 60, 590};

// `receiver`: whether it is the receiver's, or else the sender's.
struct Side {
  std::string_view option;
  bool given;
  bool receiver;
};

void check_sides(const Words& words) {
  const std::array sides = {Side{"--rate", !words.rate.empty(), false},
                            Side{"--burst", !words.burst.empty(), false},
                            Side{"--size", !words.size.empty(), false},
                            Side{"--flows", !words.flows.empty(), false},
                            Side{"--count", !words.count.empty(), false},
                            Side{"--via", !words.via.empty(), false},
                            Side{"--qdisc", words.qdisc, false},
                            Side{"--source", !words.source.empty(), false},
                            Side{"--destination", !words.destination.empty(), false},
                            Side{"--expect", !words.expect.empty(), true},
                            Side{"--idle", !words.idle.empty(), true}};
  for (const Side& side : sides) {
    if (!side.given || side.receiver == words.receive) continue;
    throw UsageError(words.receive
                         ? fmt::format("{} does not go with --receive: it is for the other end, "
                                       "leave one of them away",
                                       side.option)
                         : fmt::format("{} is for the receiving end: add --receive or leave it "
                                       "away",
                                       side.option));
  }
}

void check_interface(std::string_view name) {
  if (name.empty()) throw UsageError("no IFACE is given: name the interface to send into");
  if (name.size() >= IFNAMSIZ || name == "." || name == ".." ||
      name.find_first_of("/ \t\n:") != std::string_view::npos) {
    throw UsageError(fmt::format("'{}' is no interface name: see `ip link`", name));
  }
}

std::vector<std::uint16_t> parse_sizes(std::string_view text) {
  if (text.empty()) return {netdrv::kMinTimedFrame};
  if (text == "imix") return {kImix.begin(), kImix.end()};
  std::vector<std::uint16_t> sizes;
  for (std::string_view rest = text;;) {
    const std::string_view one = rest.substr(0, rest.find(','));
    sizes.push_back(static_cast<std::uint16_t>(
        parse_number("--size", one, netdrv::kMinTimedFrame, netdrv::kMaxTimedFrame)));
    if (sizes.size() > kMostSizes) {
      throw UsageError(fmt::format("--size: there are more than {} sizes: name fewer", kMostSizes));
    }
    if (one.size() == rest.size()) return sizes;
    rest.remove_prefix(one.size() + 1);
  }
}

// MAC, IP or both with a comma between them.
void parse_end(std::string_view option, std::string_view text, netdrv::MacAddress& mac,
               netdrv::IpAddress& address) {
  if (text.empty()) return;
  for (std::string_view rest = text;;) {
    const std::string_view one = rest.substr(0, rest.find(','));
    if (one.find(':') != std::string_view::npos) {
      mac = parse_mac(option, one);
    } else {
      address = parse_cidr(option, std::string(one) + "/32").address;
    }
    if (one.size() == rest.size()) return;
    rest.remove_prefix(one.size() + 1);
  }
}

double parse_pace(std::string_view text) {
  if (text.empty()) return kUsualRate;
  if (text == "0") return kFlood;
  const double rate = parse_rate("--rate", text);
  if (rate <= kMostRate) return rate;
  throw UsageError(
      fmt::format("--rate: '{}' is more than {} frames per second: choose less, or 0 "
                  "for as many as there can be",
                  text, kMostRate));
}

std::uint64_t usual_burst(double rate) {
  if (rate == kFlood) return kFloodBurst;
  return static_cast<std::uint64_t>(std::clamp(rate / kBurstsPerSecond, 1.0, kUsualLargestBurst));
}

void understand_sender(const Words& words, Options& options) {
  options.rate = parse_pace(words.rate);
  options.burst = words.burst.empty() ? usual_burst(options.rate)
                                      : parse_number("--burst", words.burst, 1, kMostBurst);
  options.traffic.sizes = parse_sizes(words.size);
  if (!words.flows.empty()) {
    options.traffic.flows =
        static_cast<std::uint32_t>(parse_number("--flows", words.flows, 1, kMostFlows));
  }
  if (!words.count.empty()) options.count = parse_number("--count", words.count, 1, kMostFrames);
  if (!words.via.empty()) options.via = static_cast<Via>(choose("--via", words.via, kVias));
  options.qdisc = words.qdisc;
  if (options.qdisc && options.via == Via::xdp) {
    throw UsageError(
        "--qdisc does not go with --via xdp: redirected frames pass no queueing discipline, use "
        "--via packet");
  }
  if (options.qdisc) options.via = Via::packet;
  netdrv::FrameEnds& ends = options.traffic.ends;
  parse_end("--source", words.source, ends.source_mac, ends.source);
  parse_end("--destination", words.destination, ends.destination_mac, ends.destination);
}

}  // namespace

Options understand(const Words& words) {
  check_interface(words.interface);
  check_sides(words);
  Options options;
  options.interface = words.interface;
  options.format = parse_format(words.format, kStatisticsFormats);
  options.receive = words.receive;
  if (!words.duration.empty()) options.duration = parse_seconds("--duration", words.duration);
  if (!words.expect.empty()) {
    options.expect = parse_number("--expect", words.expect, 1, kMostFrames);
  }
  if (!words.idle.empty()) options.idle = parse_seconds("--idle", words.idle);
  if (!words.receive) understand_sender(words, options);
  return options;
}

}  // namespace bellpull::tools::generate
