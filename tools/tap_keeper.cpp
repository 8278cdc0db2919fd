// SPDX-License-Identifier: BSD-2-Clause
#include "tap_keeper.hpp"

#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace bellpull::tools {

namespace {

// Until an interface that somebody else has is tried again: at first, and from then on.
constexpr std::chrono::milliseconds kMoment{50};
constexpr std::chrono::milliseconds kBusy{1000};

// What there is to do besides what the error says.
std::string remedy(int error, const std::string& name, unsigned user) {
  if (error != EPERM) return "it is tried again";
  return fmt::format(
      "make it for this user, `ip tuntap add {} mode tap user {}`, or start with --privileges keep",
      name, user);
}

}  // namespace

TapKeeper::TapKeeper()
    : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)), user_(::geteuid()) {
  if (timer_.get() < 0) {
    throw std::system_error(errno, std::generic_category(),
                            "timerfd_create for a lost interface (raise `ulimit -n`?)");
  }
}

void TapKeeper::forget() noexcept {
  events_.forget();
  std::uint64_t times = 0;
  while (::read(timer_.get(), &times, sizeof times) == sizeof times) {
  }
}

void TapKeeper::look_in(std::chrono::milliseconds delay) noexcept {
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(delay.count() / 1000);
  when.it_value.tv_nsec = static_cast<long>(delay.count() % 1000) * 1'000'000;
  ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

TapNews TapKeeper::look(netdrv::TapDevice& device, KernelSide& side, const std::string& port,
                        netdrv::PortState state) {
  TapNews news;
  if (device.attached() && !lost_) {
    follow(device, news);
    return news;
  }
  if (state != netdrv::PortState::gone) return news;
  if (!lost_) {
    lost_ = true;
    ++fate_.lost;
  }
  take_up(device, side, port, news);
  return news;
}

// Attaching makes an interface where there is none: whether and how it comes back is for whoever
// deleted it to say.
void TapKeeper::take_up(netdrv::TapDevice& device, KernelSide& side, const std::string& port,
                        TapNews& news) {
  if (!socket_.look_for(device.name())) return;
  try {
    device.attach_again();
  } catch (const std::system_error& error) {
    const int code = error.code().value();
    // Whoever makes an interface has it for a moment, and of one that is down the kernel does not
    // say when it is let go.
    if (code == EBUSY) {
      const bool again = std::exchange(busy_, true);
      look_in(again ? kBusy : kMoment);
      if (!again) return;
    }
    if (code != ENODEV) {
      tell_once(fmt::format("port {} cannot take up its interface again: {}; {}", port,
                            error.what(), remedy(code, device.name(), user_)),
                news);
    }
    return;
  }
  lost_ = false;
  busy_ = false;
  ++fate_.regained;
  news.renew = true;
  news.lines.push_back(fmt::format("port {} has its interface again", port));
  try {
    side.configure_again();
  } catch (const std::system_error& error) {
    tell_once(fmt::format("port {} runs, but its interface is not as it was asked for: {}", port,
                          error.what()),
              news);
  }
  if (const auto link = find(device)) device.set_mtu(link->mtu);
}

void TapKeeper::follow(netdrv::TapDevice& device, TapNews& news) {
  const auto link = find(device);
  if (!link || link->mtu == device.mtu()) return;
  device.set_mtu(link->mtu);
  news.renew = true;
}

// By the name that it has now. The descriptor works wherever the interface is, but in another
// network namespace it cannot be asked about: one of that name here would be another one.
std::optional<Link> TapKeeper::find(const netdrv::TapDevice& device) {
  ifreq request{};
  if (::ioctl(device.fd(), TUNGETIFF, &request) < 0) return std::nullopt;
  auto link = socket_.look_for(request.ifr_name);
  ifreq address{};
  if (!link || ::ioctl(device.fd(), SIOCGIFHWADDR, &address) < 0) return std::nullopt;
  if (!std::equal(link->mac.begin(), link->mac.end(),
                  reinterpret_cast<const std::uint8_t*>(address.ifr_hwaddr.sa_data))) {
    return std::nullopt;
  }
  return link;
}

void TapKeeper::tell_once(const std::string& line, TapNews& news) {
  if (std::find(told_.begin(), told_.end(), line) != told_.end()) return;
  told_.push_back(line);
  news.lines.push_back(line);
}

TapFate TapKeeper::fate(const netdrv::TapDevice& device) {
  TapFate fate = fate_;
  try {
    if (const auto link = find(device)) fate.host_rx_overflow = link->tx_dropped;
  } catch (const std::system_error&) {
    // Not known, as where it cannot be seen: the other statistics are worth more.
  }
  return fate;
}

}  // namespace bellpull::tools
