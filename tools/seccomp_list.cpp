// SPDX-License-Identifier: BSD-2-Clause
// What a run calls once it has started, and nothing else. Who adds a system call to the program's
// running part adds it here, with those of its arguments that can be told apart; test/tools has the
// modes that have to get along with the list. A filter sees the numbers in registers, not what
// they point to: no paths, no addresses.
#include "seccomp_list.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>

namespace bellpull::tools {

namespace {

using Condition = scmp_arg_cmp;

// The low half, which is what the kernel takes of an int, whatever a libc has put into the other.
constexpr std::uint64_t kInt = 0xffffffff;

constexpr Condition equal(unsigned argument, std::uint64_t value, std::uint64_t mask = kInt) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value & mask};
}

constexpr Condition without(unsigned argument, std::uint64_t flags) {
  return equal(argument, 0, flags);
}

constexpr std::array kAlways = {
    // frames, doorbells, timers, signals, clients, what is printed
    "read", "readv", "write", "writev", "close", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "eventfd2", "timerfd_create", "timerfd_settime", "poll", "ppoll",
    "accept4", "recvfrom", "sendto",
    // links by netlink: a RouteSocket that is open, and one that is opened later
    "bind", "getsockname", "setsockopt", "recvmsg", "sendmsg",
    // files that were opened at the start
    "fstat", "newfstatat", "lstat", "statx", "lseek", "ftruncate", "fsync", "fdatasync",
    // what was made is removed
    "unlink", "unlinkat", "shutdown", "wait4",
    // memory
    "brk", "munmap", "madvise", "mremap",
    // threads, and what they wait for
    "futex", "set_robust_list", "rseq", "rt_sigprocmask", "rt_sigreturn", "restart_syscall",
    "sched_yield", "sched_getaffinity", "gettid", "getpid", "exit", "exit_group",
    // time; the vDSO calls when the clock source is none of its own
    "clock_gettime", "clock_nanosleep", "getrusage", "getrandom"};

struct Rule {
  const char* call;
  Condition first;
  Condition second = {};
  unsigned conditions = 1;
};

constexpr Rule both(const char* call, Condition first, Condition second) {
  return {call, first, second, 2};
}

constexpr Rule ioctl_request(std::uint64_t request) {
  return {"ioctl", equal(1, request)};
}

// A thread, never a process.
constexpr std::uint64_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

constexpr std::array kSometimes = {
    // memory that nobody can execute
    Rule{"mmap", without(2, PROT_EXEC)}, Rule{"mprotect", without(2, PROT_EXEC)},
    Rule{"clone", equal(0, kThread, kThread)},
    // what glibc keeps to itself: to end threads, and to change the user in all of them
    Rule{"rt_sigaction", equal(0, 32)}, Rule{"rt_sigaction", equal(0, 33)},
    // /dev/net/tun, a thread's name, the number of processors; no file is made or emptied
    Rule{"openat", without(2, O_CREAT | O_TRUNC)},
    // names of threads, and of memory (glibc 2.39)
    Rule{"prctl", equal(0, PR_SET_NAME)}, Rule{"prctl", equal(0, 0x53564d41 /* PR_SET_VMA */)},
    Rule{"fcntl", equal(1, F_GETFD)}, Rule{"fcntl", equal(1, F_GETFL)},
    Rule{"fcntl", equal(1, F_SETFL)},
    // a socket to ask for an interface's MTU with, and links; none that reaches another machine
    Rule{"socket", equal(0, AF_UNIX)},
    both("socket", equal(0, AF_NETLINK), equal(2, NETLINK_ROUTE)),
    // an interface of the user's, opened again
    ioctl_request(TUNGETFEATURES), ioctl_request(TUNSETIFF), ioctl_request(TUNGETIFF),
    ioctl_request(TUNSETVNETHDRSZ), ioctl_request(TUNGETVNETHDRSZ), ioctl_request(TUNSETVNETLE),
    ioctl_request(TUNGETVNETLE), ioctl_request(TUNSETOFFLOAD), ioctl_request(TUNSETSNDBUF),
    ioctl_request(TUNGETSNDBUF), ioctl_request(SIOCGIFMTU), ioctl_request(SIOCGIFINDEX),
    ioctl_request(SIOCGIFHWADDR)};

constexpr std::array kUring = {"io_uring_setup", "io_uring_enter", "io_uring_register"};

int add(void* filter, std::uint32_t action, const char* name,
        std::span<const Condition> conditions) {
  const int call = ::seccomp_syscall_resolve_name(name);
  // An older libseccomp does not know it; then neither does the libc that came with it.
  if (call == __NR_SCMP_ERROR) return 0;
  return ::seccomp_rule_add_array(filter, action, call, static_cast<unsigned>(conditions.size()),
                                  conditions.data());
}

// A failed assertion ends this process, and no other.
int add_own_signals(void* filter) {
  const Condition own = equal(0, static_cast<std::uint64_t>(::getpid()));
  return add(filter, SCMP_ACT_ALLOW, "tgkill", {&own, 1});
}

}  // namespace

int add_listed_calls(void* filter, FilteredIo io) noexcept {
  int error = add_own_signals(filter);
  const auto allow = [&](const char* name, std::span<const Condition> conditions) {
    if (error == 0) error = add(filter, SCMP_ACT_ALLOW, name, conditions);
  };
  for (const char* const name : kAlways) allow(name, {});
  for (const Rule& rule : kSometimes) {
    const std::array conditions = {rule.first, rule.second};
    allow(rule.call, std::span(conditions).first(rule.conditions));
  }
  if (io == FilteredIo::uring) {
    for (const char* const name : kUring) allow(name, {});
  }
  // Its flags are in memory, where no filter sees them; libc then does it by clone.
  if (error == 0) error = add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", {});
  return error;
}

}  // namespace bellpull::tools
