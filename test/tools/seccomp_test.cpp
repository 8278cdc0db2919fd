// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "in_child.hpp"
#include "seccomp_filter.hpp"

using bellpull::test::Ended;
using bellpull::test::in_child;
using bellpull::tools::allow_only_listed_calls;
using bellpull::tools::FilteredIo;

namespace {

struct Call {
  const char* name;            // what the line has to say
  std::function<long()> make;  // the call
};

// 0: it was made, whatever came of it.
Ended under_filter(const std::function<void()>& body, FilteredIo io = FilteredIo::syscall) {
  return in_child([&] {
    allow_only_listed_calls(io);
    body();
    return 0;
  });
}

const std::vector<Call>& refused_calls() {
  static const std::vector<Call> calls = {
      {"execve", [] { return ::execl("/bin/true", "true", nullptr); }},
      {"clone", [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
      {"socket", [] { return ::socket(AF_INET, SOCK_DGRAM, 0); }},
      {"socket", [] { return ::socket(AF_INET6, SOCK_STREAM, 0); }},
      {"socket", [] { return ::socket(AF_PACKET, SOCK_RAW, 0); }},
      {"socket", [] { return ::socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER); }},
      {"connect", [] { return ::connect(0, nullptr, 0); }},
      {"listen", [] { return ::listen(0, 1); }},
      {"mmap",
       [] {
         const void* const at =
             ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return static_cast<long>(at != MAP_FAILED);
       }},
      {"mprotect", [] { return ::mprotect(nullptr, 4096, PROT_READ | PROT_EXEC); }},
      {"openat", [] { return ::open("/tmp", O_WRONLY | O_CREAT, 0600); }},
      {"openat", [] { return ::open("/dev/null", O_WRONLY | O_TRUNC); }},
      {"openat2", [] { return ::syscall(SYS_openat2, -1, "/dev/null", nullptr, 0); }},
      {"ioctl", [] { return ::ioctl(0, TIOCSTI, "x"); }},
      {"ioctl", [] { return ::ioctl(0, TUNSETOWNER, 0); }},
      {"ioctl", [] { return ::ioctl(0, SIOCSIFFLAGS, nullptr); }},
      {"prctl", [] { return ::prctl(PR_SET_DUMPABLE, 0); }},
      {"fcntl", [] { return ::fcntl(0, F_SETOWN, 1); }},
      {"kill", [] { return ::kill(1, 0); }},
      {"tgkill", [] { return ::syscall(SYS_tgkill, 1, 1, 0); }},
      {"rt_sigaction", [] { return static_cast<long>(::signal(SIGSYS, SIG_IGN) == SIG_ERR); }},
      {"ptrace", [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"setns", [] { return ::setns(0, CLONE_NEWNET); }},
      {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
      {"fchmodat", [] { return ::syscall(SYS_fchmodat, -1, "/", 0755); }},
      {"io_uring_setup", [] { return ::syscall(SYS_io_uring_setup, 8, nullptr); }},
  };
  return calls;
}

}  // namespace

TEST_CASE("check 24: a call that is not on the list is not made, and one line names it") {
  for (const Call& call : refused_calls()) {
    CAPTURE(std::string(call.name));
    const Ended ended = under_filter([&] { static_cast<void>(call.make()); });
    CAPTURE(ended.words);
    CHECK(ended.signal == 0);
    CHECK(ended.status == 1);
    CHECK(ended.words.find("bellpull: system call ") == 0);
    CHECK(ended.words.find("(" + std::string(call.name) + ") was refused") != std::string::npos);
    CHECK(ended.words.find('\n') == ended.words.size() - 1);
  }
}

TEST_CASE("check 24: what a run needs is on the list: threads, memory, a TAP opened again") {
  const Ended ended = in_child([] {
    allow_only_listed_calls(FilteredIo::syscall);
    std::atomic<int> ran{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&ran] {
        const std::vector<char> large(std::size_t{1} << 22, 'x');
        ran += large.back() == 'x' ? 1 : 0;
      });
      ::pthread_setname_np(threads.back().native_handle(), "bellpull-test");
    }
    for (std::thread& thread : threads) thread.join();
    if (ran != 4) return 10;
    const int tun = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0 && errno != ENOENT && errno != EACCES && errno != ENODEV) return 11;
    // What is no TAP is none; but it may be asked.
    for (const unsigned long request :
         {static_cast<unsigned long>(TUNGETFEATURES), static_cast<unsigned long>(TUNSETIFF),
          static_cast<unsigned long>(TUNGETIFF), static_cast<unsigned long>(TUNSETVNETHDRSZ),
          static_cast<unsigned long>(TUNSETOFFLOAD), static_cast<unsigned long>(SIOCGIFMTU)}) {
      if (::ioctl(-1, request, nullptr) != -1 || errno != EBADF) return 12;
    }
    if (::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0) return 13;
    if (::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) < 0) return 14;
    return 0;
  });
  CAPTURE(ended.words);
  CHECK(ended.signal == 0);
  CHECK(ended.status == 0);
}

TEST_CASE("check 24: io_uring is on the list of who asked for it") {
  const Ended ended = under_filter(
      [] { static_cast<void>(::syscall(SYS_io_uring_setup, 0, nullptr)); }, FilteredIo::uring);
  CHECK(ended.words.empty());
  CHECK(ended.status == 0);
}

TEST_CASE("check 24: threads that were there before the filter are under it as well") {
  const Ended ended = in_child([] {
    std::atomic<bool> filtered{false};
    std::thread earlier([&filtered] {
      filtered.wait(false);
      ::listen(0, 1);
    });
    allow_only_listed_calls(FilteredIo::syscall);
    filtered = true;
    filtered.notify_one();
    earlier.join();
    return 0;
  });
  CHECK(ended.status == 1);
  CHECK(ended.words.find("(listen) was refused") != std::string::npos);
}

TEST_CASE("check 24: where no filter can be had, there is a line that says what to do") {
  const Ended ended = in_child([] {
    void* const forbidding = ::seccomp_init(SCMP_ACT_ALLOW);
    if (::seccomp_rule_add(forbidding, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) < 0 ||
        ::seccomp_load(forbidding) < 0) {
      return 10;
    }
    allow_only_listed_calls(FilteredIo::syscall);
    return 0;
  });
  CHECK(ended.status == 99);
  CHECK(ended.words.find("seccomp filter (") == 0);
  CHECK(ended.words.find("run with --seccomp off") != std::string::npos);
}

TEST_CASE("check 24: who blocks the signal of the filter is killed by it") {
  const Ended ended = in_child([] {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    allow_only_listed_calls(FilteredIo::syscall);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    ::listen(0, 1);
    return 0;
  });
  CHECK(ended.signal == SIGSYS);
}

TEST_CASE("check 24: a failed assertion still ends the process as it does otherwise") {
  const Ended ended = in_child([] {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    allow_only_listed_calls(FilteredIo::syscall);
    ::abort();
    return 0;
  });
  CAPTURE(ended.words);
  CHECK(ended.signal == SIGABRT);
}
