// SPDX-License-Identifier: BSD-2-Clause
// The main of tests that need a real TAP. They run in a network namespace that exists only as long
// as this process, or are skipped loudly.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kSkip = 77;

int skip(const char* what, const char* why) {
  std::printf("SKIPPED: %s: %s (run the tests as root)\n", what, why);
  return kSkip;
}

}  // namespace

int main(int argc, char** argv) {
  const int tun = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (tun < 0) return skip("open /dev/net/tun", std::strerror(errno));
  ::close(tun);
  // The mount namespace, so that a test may hide /dev/net.
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    return skip("unshare a network namespace", std::strerror(errno));
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return skip("make mounts private", std::strerror(errno));
  }
  // Without IPv6 the kernel sends nothing of its own and every frame is one of ours.
  for (const char* scope : {"all", "default"}) {
    char path[80];
    std::snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", scope);
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
      [[maybe_unused]] const auto written = ::write(fd, "1", 1);
      ::close(fd);
    }
  }
  doctest::Context context;
  context.applyCommandLine(argc, argv);
  return context.run();
}
