// SPDX-License-Identifier: BSD-2-Clause
#include "netns.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>

#include <cerrno>
#include <exception>
#include <system_error>

#include "bellpull/netdrv/unique_fd.hpp"
#include "capabilities.hpp"

namespace bellpull::tools {

namespace {

constexpr const char* kOwn = "/proc/thread-self/ns/net";

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

netdrv::UniqueFd open_netns(const std::string& path) {
  netdrv::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    const int error = errno;
    fail(error,
         fmt::format("open network namespace {} ({})", path,
                     error == EACCES || error == EPERM
                         ? "needs permission to open it: run as root"
                         : "`ip netns list` shows those there are, `ip netns add` makes one"));
  }
  return fd;
}

void enter(const netdrv::UniqueFd& netns, const std::string& path) {
  if (::setns(netns.get(), CLONE_NEWNET) == 0) return;
  const int error = errno;
  fail(error, fmt::format("setns to {} ({})", path,
                          error == EINVAL ? "it is no network namespace: name another"
                                          : "needs CAP_SYS_ADMIN: run as root, or start the "
                                            "program with `ip netns exec`"));
}

// Neighbour and router discovery, which every interface begins with.
void silence_ipv6() {
  constexpr const char* kSwitch = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
  const netdrv::UniqueFd fd(::open(kSwitch, O_WRONLY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) return;  // there is no IPv6
  if (fd.get() >= 0 && ::write(fd.get(), "1", 1) == 1) return;
  fail(errno, fmt::format("write {} (in a container, mount /proc/sys so that it can be written)",
                          kSwitch));
}

void and_back(const netdrv::UniqueFd& home, const std::function<void()>& body) {
  std::exception_ptr failure;
  try {
    body();
  } catch (...) {
    failure = std::current_exception();
  }
  enter(home, kOwn);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

std::string netns_path(const std::string& netns) {
  if (netns.empty() || netns.find('/') != std::string::npos) return netns;
  return "/run/netns/" + netns;
}

void in_netns(const std::string& netns, const std::function<void()>& body) {
  if (netns.empty()) {
    body();
    return;
  }
  const std::string path = netns_path(netns);
  const netdrv::UniqueFd home = open_netns(kOwn);
  enter(open_netns(path), path);
  and_back(home, body);
}

void in_own_netns(const std::function<void()>& body) {
  const netdrv::UniqueFd home = open_netns(kOwn);
  // A call that would be refused is not even tried.
  const int error = !has_capability(CAP_SYS_ADMIN) ? EPERM
                    : ::unshare(CLONE_NEWNET) != 0 ? errno
                                                   : 0;
  if (error != 0) {
    fail(error, "unshare: a network namespace of its own (needs CAP_SYS_ADMIN: run as root)");
  }
  and_back(home, [&body] {
    silence_ipv6();
    body();
  });
}

void enter_own_netns() {
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    fail(errno,
         "unshare: a network namespace of its own (run as root, or allow user namespaces: "
         "`sysctl user.max_user_namespaces`)");
  }
  silence_ipv6();
}

}  // namespace bellpull::tools
