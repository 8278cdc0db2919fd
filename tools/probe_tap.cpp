// SPDX-License-Identifier: BSD-2-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <optional>
#include <type_traits>

#include "bellpull/netdrv/tap_device.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "probe.hpp"
#include "uapi.hpp"

namespace bellpull::tools {

namespace {

constexpr const char* kTunPath = "/dev/net/tun";

// What `work` returns in a child process, or nothing if the child did not get that far. Whatever
// the child does to its namespaces, and every interface in them, ends with it.
template <class Report>
std::optional<Report> in_child(Report (*work)()) {
  static_assert(std::is_trivially_copyable_v<Report>);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return {};
  const netdrv::UniqueFd reader(ends[0]);
  netdrv::UniqueFd writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return {};
  if (child == 0) {
    const Report report = work();
    const bool sent = ::write(writer.get(), &report, sizeof report) == sizeof report;
    ::_exit(sent ? 0 : 1);
  }
  writer = netdrv::UniqueFd();
  Report report{};
  const bool received = ::read(reader.get(), &report, sizeof report) == sizeof report;
  ::waitpid(child, nullptr, 0);
  return received ? std::optional(report) : std::nullopt;
}

int try_user_namespace() {
  return ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
}

enum class Where { own_network, own_user_and_network, here };

struct TapReport {
  Where where;
  bool made;
  bool csum;
  bool tso;
  bool uso;
  std::array<char, 400> error;
};

bool takes(int fd, unsigned long offloads) {
  return ::ioctl(fd, TUNSETOFFLOAD, offloads) == 0;
}

TapReport try_tap() {
  TapReport report{};
  report.where = ::unshare(CLONE_NEWNET) == 0                   ? Where::own_network
                 : ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? Where::own_user_and_network
                                                                : Where::here;
  try {
    const auto device = netdrv::TapDevice::open(fmt::format("bpp{}", ::getpid()));
    report.made = true;
    constexpr unsigned long kTso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    report.csum = takes(device.fd(), TUN_F_CSUM);
    report.tso = takes(device.fd(), kTso);
    report.uso = takes(device.fd(), kTso | TUN_F_USO4 | TUN_F_USO6);
  } catch (const std::exception& error) {
    std::strncpy(report.error.data(), error.what(), report.error.size() - 1);
  }
  return report;
}

Finding look_at_node(const netdrv::UniqueFd& tun, int error) {
  Finding finding{"dev_net_tun", tun.get() >= 0, "run", fmt::format("{} opens", kTunPath), ""};
  if (finding.ok) return finding;
  finding.detail = fmt::format("open {}: {}", kTunPath, std::strerror(error));
  finding.remedy = error == EACCES || error == EPERM
                       ? fmt::format("run as root, or `chmod 666 {}` as root once", kTunPath)
                       : fmt::format("`modprobe tun`, or `mknod {} c 10 200`", kTunPath);
  return finding;
}

Finding look_at_flag(unsigned features, unsigned flag, const char* name, const char* needed_for,
                     const char* since) {
  const bool ok = (features & flag) != 0;
  return {name, ok, needed_for, ok ? "offered by the tun driver" : "not offered by the tun driver",
          ok ? "" : fmt::format("boot Linux {} or newer", since)};
}

Finding look_at_user_namespaces() {
  const std::optional<int> error = in_child(try_user_namespace);
  const bool ok = error == 0;
  return {"user_namespaces", ok, "run without root, inside `unshare -Urn`",
          ok ? "can be made"
             : fmt::format("unshare: {}", error ? std::strerror(*error) : "no child process"),
          ok ? ""
             : "raise `sysctl user.max_user_namespaces`; on some systems set "
               "kernel.unprivileged_userns_clone=1 or "
               "kernel.apparmor_restrict_unprivileged_userns=0"};
}

Finding look_at_making(const std::optional<TapReport>& report) {
  Finding finding{"tap", report && report->made, "run", "", ""};
  if (!finding.ok) {
    finding.detail = report ? report->error.data() : "no child process to try it in";
    finding.remedy =
        "see dev_net_tun, cap_net_admin and user_namespaces, or let root make an interface for "
        "you: `ip tuntap add bp0 mode tap user $USER`";
    return finding;
  }
  switch (report->where) {
    case Where::own_network:
      finding.detail = "made in a network namespace of its own";
      break;
    case Where::own_user_and_network:
      finding.detail = "made in a user and network namespace of its own";
      break;
    case Where::here:
      finding.detail = "made in this network namespace";
      break;
  }
  return finding;
}

Finding look_at_offload(const char* name, bool tried, bool ok, const char* what,
                        const char* since) {
  return {name, ok, "superframes, later",
          fmt::format("{}{}", what,
                      ok      ? ""
                      : tried ? " refused"
                              : " not tried: there is no TAP"),
          ok      ? ""
          : tried ? fmt::format("boot Linux {} or newer", since)
                  : "see tap"};
}

}  // namespace

TapFindings look_at_taps() {
  const netdrv::UniqueFd tun(::open(kTunPath, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  const int error = errno;
  unsigned features = 0;
  if (tun.get() >= 0) ::ioctl(tun.get(), TUNGETFEATURES, &features);
  const std::optional<TapReport> report = in_child(try_tap);
  const TapReport seen = report.value_or(TapReport{});

  TapFindings result;
  result.findings = {
      look_at_node(tun, error),
      look_at_user_namespaces(),
      look_at_making(report),
      look_at_flag(features, IFF_VNET_HDR, "vnet_hdr", "run", "2.6.27"),
      look_at_flag(features, IFF_MULTI_QUEUE, "multi_queue", "several queues, later", "3.8"),
      look_at_flag(features, IFF_NAPI, "napi", "merging of received frames, later", "4.15"),
      look_at_offload("offload_csum", seen.made, seen.csum, "checksums", "2.6.27"),
      look_at_offload("offload_tso", seen.made, seen.tso, "TCP over IPv4 and IPv6", "2.6.27"),
      look_at_offload("offload_uso", seen.made, seen.uso, "UDP over IPv4 and IPv6", "6.2")};
  result.can_run = seen.made;
  result.only_unshared = seen.made && seen.where == Where::own_user_and_network;
  return result;
}

}  // namespace bellpull::tools
