// SPDX-License-Identifier: BSD-2-Clause
#include "open_port.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "error.hpp"
#include "netns.hpp"

namespace bellpull::tools {

namespace {

netdrv::TapDevice open_device(const TapSpec& port) {
  if (!port.fd) return netdrv::TapDevice::open(port.name);
  netdrv::TapDevice device = netdrv::TapDevice::adopt(netdrv::UniqueFd(*port.fd));
  if (!port.name.empty() && port.name != device.name()) {
    throw UsageError(fmt::format(
        "port {}: descriptor {} is attached to {}: name that, or leave the name away (tap:,fd={})",
        port.text, *port.fd, device.name(), *port.fd));
  }
  return device;
}

// An inherited descriptor may have siblings that keep the interface alive.
Afterwards afterwards(const netdrv::TapDevice& device, const TapSpec& port) {
  ifreq request{};
  if (port.fd || ::ioctl(device.fd(), TUNGETIFF, &request) < 0) return Afterwards::stays;
  return (static_cast<unsigned short>(request.ifr_flags) & IFF_PERSIST) != 0 ? Afterwards::stays
                                                                             : Afterwards::vanishes;
}

// What the port may use, on the whole.
netdrv::OffloadSet usable_offloads(netdrv::TapDevice& device, const TapSpec& port) {
  const netdrv::OffloadSet known = device.probe_offloads();
  if (!port.offloads) return known;
  for (const netdrv::OffloadFeature feature : netdrv::kOffloadFeatures) {
    if (!port.offloads->has(feature) || known.has(feature)) continue;
    throw std::system_error(
        EINVAL, std::generic_category(),
        fmt::format("port {}: ioctl TUNSETOFFLOAD with {} on {} (this kernel does not know it, uso "
                    "needs Linux 6.2: leave it away or use offload=auto)",
                    port.text, name_of(feature), device.name()));
  }
  return *port.offloads;
}

}  // namespace

void check_inherited(const TapSpec& port) {
  if (!port.fd || ::fcntl(*port.fd, F_GETFD) >= 0) return;
  throw std::system_error(
      errno, std::generic_category(),
      fmt::format("port {}: inherited descriptor {} (open it in the program that starts this "
                  "one, without O_CLOEXEC)",
                  port.text, *port.fd));
}

OpenPort open_port(const TapSpec& port, netdrv::OffloadSet app, OffloadTrial& trial,
                   const netdrv::FrameFaultPlan& faults) {
  std::optional<OpenPort> opened;
  in_netns(port.netns, [&] {
    netdrv::TapDevice device = open_device(port);
    const KernelSideWish wish{.addresses = port.addresses, .mtu = port.mtu, .mac = port.mac};
    auto keeper = std::make_unique<TapKeeper>();  // before the MTU is read: no change is missed
    auto side = std::make_unique<KernelSide>(device.name(), wish, afterwards(device, port));
    device.refresh_mtu();
    const netdrv::OffloadSet offloads =
        usable_offloads(device, port) - trial.distrusted(port, faults);
    device.set_offloads(offloads & app);
    opened.emplace(OpenPort{std::move(device), offloads, std::move(side), std::move(keeper)});
  });
  return std::move(*opened);
}

}  // namespace bellpull::tools
