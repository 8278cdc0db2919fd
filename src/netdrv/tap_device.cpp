// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/tap_device.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "kernel_uapi.hpp"

namespace bellpull::netdrv {

namespace {

constexpr const char* kTunPath = "/dev/net/tun";
constexpr short kFlags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

// The reason comes from errno by system_error; what is added here is what to do about it.
const char* remedy_of_open(int error) noexcept {
  switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return " (load the module: `modprobe tun`; in a container, `mknod /dev/net/tun c 10 200`)";
    case EMFILE:
    case ENFILE:
      return " (raise the limit of open files, `ulimit -n`)";
    default:
      return " (needs read and write permission on it: run as root)";
  }
}

[[noreturn]] void fail_attach(int error, const std::string& name) {
  std::string remedy;
  switch (error) {
    case EBUSY:
      remedy = "another program uses it: stop that one or choose another name";
      break;
    case EPERM:
      remedy =
          "needs CAP_NET_ADMIN: run as root, or inside `unshare -Urn`, or make the interface "
          "for this user with `ip tuntap add`";
      break;
    case EINVAL:
      remedy =
          "an interface of this name is no TAP, or is multi-queue: remove it or choose another "
          "name";
      break;
    default:
      remedy = "choose another name or see the kernel's log";
  }
  fail(error, "ioctl TUNSETIFF on " + name + " (" + remedy + ")");
}

void control(int fd, unsigned long request, void* argument, const char* call,
             const std::string& name) {
  if (::ioctl(fd, request, argument) < 0) {
    fail(errno, std::string("ioctl ") + call + " on " + name + " (needs Linux 3.19 or newer)");
  }
}

void check_name(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    fail(ENAMETOOLONG, "open TAP " + (name.empty() ? std::string("with an empty name") : name) +
                           " (an interface name has 1 to 15 bytes: choose a shorter one)");
  }
  if (name == "." || name == ".." ||
      name.find_first_of(std::string_view("/:% \t\n\v\f\r")) != std::string::npos) {
    fail(EINVAL, "open TAP " + name + " (no '/', ':', '%' or space in an interface name)");
  }
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  return request;
}

std::uint32_t read_mtu(const std::string& name) {
  // Any family answers questions about interfaces. One that reaches no other machine is not refused
  // where a program confines itself, and is there in a kernel without IPv4.
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) {
    fail(errno, "socket to ask for the MTU of " + name + " (raise the limit of open files?)");
  }
  ifreq request = request_for(name);
  if (::ioctl(socket.get(), SIOCGIFMTU, &request) < 0) {
    fail(errno, "ioctl SIOCGIFMTU on " + name + " (is it in another network namespace?)");
  }
  return static_cast<std::uint32_t>(request.ifr_mtu);
}

}  // namespace

TapDevice::TapDevice(UniqueFd fd, std::string name, std::uint32_t mtu)
    : fd_(std::move(fd)), name_(std::move(name)), mtu_(mtu) {}

TapDevice TapDevice::open(const std::string& name) {
  check_name(name);
  UniqueFd fd(::open(kTunPath, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fd.get() < 0) {
    const int error = errno;
    fail(error, std::string("open ") + kTunPath + " for " + name + remedy_of_open(error));
  }
  unsigned features = 0;
  control(fd.get(), TUNGETFEATURES, &features, "TUNGETFEATURES", name);
  if ((features & IFF_VNET_HDR) == 0) {
    fail(EOPNOTSUPP, "open TAP " + name + " (this kernel's tun driver has no IFF_VNET_HDR)");
  }
  ifreq request = request_for(name);
  request.ifr_flags = kFlags;
  if (::ioctl(fd.get(), TUNSETIFF, &request) < 0) fail_attach(errno, name);
  TapDevice device(std::move(fd), request.ifr_name, 0);
  device.set_up();
  device.refresh_mtu();
  return device;
}

TapDevice TapDevice::adopt(UniqueFd fd) {
  const std::string label = "inherited descriptor " + std::to_string(fd.get());
  ifreq request{};
  if (::ioctl(fd.get(), TUNGETIFF, &request) < 0) {
    fail(errno, "ioctl TUNGETIFF on " + label +
                    " (it is no attached TAP: open /dev/net/tun and "
                    "TUNSETIFF it first)");
  }
  if ((request.ifr_flags & kFlags) != kFlags) {
    fail(EINVAL, "adopt " + label + " of interface " + request.ifr_name +
                     " (attach it with IFF_TAP, IFF_NO_PI and IFF_VNET_HDR)");
  }
  const int status = ::fcntl(fd.get(), F_GETFL);
  if (status < 0 || ::fcntl(fd.get(), F_SETFL, status | O_NONBLOCK) < 0) {
    fail(errno, "fcntl O_NONBLOCK on " + label);
  }
  TapDevice device(std::move(fd), request.ifr_name, 0);
  device.set_up();
  device.refresh_mtu();
  return device;
}

bool TapDevice::attached() const noexcept {
  ifreq request{};
  return ::ioctl(fd(), TUNGETIFF, &request) == 0;
}

// The kernel takes the interface away from the file, not the file's queue nor who waits for it
// (tun_detach_all), and lets the file have another (TUNSETIFF says EEXIST only as long as it has
// one).
void TapDevice::attach_again() {
  ifreq request = request_for(name_);
  request.ifr_flags = kFlags;
  if (::ioctl(fd(), TUNSETIFF, &request) < 0) fail_attach(errno, name_);
  const OffloadSet wanted = offloads_;
  set_up();
  set_offloads(wanted);
}

TapDevice TapDevice::pretend(UniqueFd fd, std::string name, std::uint32_t mtu) {
  return {std::move(fd), std::move(name), mtu};
}

OffloadSet TapDevice::probe_offloads() {
  OffloadSet known;
  for (const OffloadFeature feature : kOffloadFeatures) {
    const OffloadSet wanted = known | OffloadSet{OffloadFeature::csum, feature};
    if (::ioctl(fd(), TUNSETOFFLOAD, static_cast<unsigned long>(tun_offloads(wanted))) == 0) {
      known = wanted;
    }
  }
  set_offloads({});
  return known;
}

// None first: what a former owner asked for is gone whatever the kernel thinks of the wish.
void TapDevice::set_offloads(OffloadSet reader) {
  for (const OffloadSet wanted : {OffloadSet(), reader}) {
    if (::ioctl(fd(), TUNSETOFFLOAD, static_cast<unsigned long>(tun_offloads(wanted))) < 0) {
      fail(errno, "ioctl TUNSETOFFLOAD on " + name_ +
                      " (this kernel does not know one of the offloads: ask for fewer)");
    }
    offloads_ = wanted;
  }
}

void TapDevice::refresh_mtu() {
  mtu_ = read_mtu(name_);
}

// A persistent interface remembers what its last owner set: header size, byte order, offloads, send
// buffer. Everything that matters is set, then read back.
void TapDevice::set_up() {
  int size = kVnetHeader;
  control(fd(), TUNSETVNETHDRSZ, &size, "TUNSETVNETHDRSZ", name_);
  int little = 1;
  control(fd(), TUNSETVNETLE, &little, "TUNSETVNETLE", name_);
  set_offloads({});
  // Any other value takes the kernel's page-fragment fast path away (tun_can_build_skb).
  int send_buffer = 0;
  control(fd(), TUNGETSNDBUF, &send_buffer, "TUNGETSNDBUF", name_);
  if (send_buffer != INT_MAX) {
    send_buffer = INT_MAX;
    control(fd(), TUNSETSNDBUF, &send_buffer, "TUNSETSNDBUF", name_);
  }
  int seen_size = 0;
  int seen_little = 0;
  ifreq seen{};
  control(fd(), TUNGETVNETHDRSZ, &seen_size, "TUNGETVNETHDRSZ", name_);
  control(fd(), TUNGETVNETLE, &seen_little, "TUNGETVNETLE", name_);
  control(fd(), TUNGETIFF, &seen, "TUNGETIFF", name_);
  if (seen_size != static_cast<int>(kVnetHeader) || seen_little != 1 ||
      (seen.ifr_flags & kFlags) != kFlags) {
    fail(EPROTO, "set up TAP " + name_ + ": the kernel kept header size " +
                     std::to_string(seen_size) + ", little-endian " + std::to_string(seen_little) +
                     " (delete the interface and let it be made anew)");
  }
}

}  // namespace bellpull::netdrv
