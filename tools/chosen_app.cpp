// SPDX-License-Identifier: BSD-2-Clause
#include "chosen_app.hpp"

namespace bellpull::tools {

namespace {

std::unique_ptr<netdrv::App> make(const RunOptions& options, netdrv::RespondCounters& counters) {
  switch (options.app) {
    case AppKind::patch:
      return netdrv::make_patch();
    case AppKind::reflect:
      return netdrv::make_reflect();
    case AppKind::discard:
      return netdrv::make_discard();
    case AppKind::respond:
      break;
  }
  netdrv::RespondOptions host{.mac = options.mac, .addresses = {}};
  for (const Cidr& cidr : options.addresses) host.addresses.push_back(cidr.address);
  return netdrv::make_respond(host, counters);
}

}  // namespace

ChosenApp::ChosenApp(const RunOptions& options)
    : kind_(options.app), app_(make(options, respond_)) {}

std::vector<std::pair<std::string, std::uint64_t>> ChosenApp::counters() const {
  if (kind_ != AppKind::respond) return {};
  return {{"arp", respond_.arp.value()},
          {"icmp4_echo", respond_.icmp4_echo.value()},
          {"neighbour", respond_.neighbour.value()},
          {"icmp6_echo", respond_.icmp6_echo.value()},
          {"udp_echo", respond_.udp_echo.value()}};
}

}  // namespace bellpull::tools
