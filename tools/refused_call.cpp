// SPDX-License-Identifier: BSD-2-Clause
#include "refused_call.hpp"

#include <fmt/format.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "error.hpp"

namespace bellpull::tools {

namespace {

// More than any kernel has so far. The names are collected beforehand: to look one up allocates,
// and malloc may be what made the call.
constexpr int kCalls = 600;
constexpr std::size_t kLongest = 32;
using Name = std::array<char, kLongest>;
std::array<Name, kCalls> names;

void collect_names() {
  for (int call = 0; call < kCalls; ++call) {
    char* const name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
    if (name == nullptr) continue;
    std::string_view(name).copy(names[static_cast<std::size_t>(call)].data(), kLongest - 1);
    ::free(name);
  }
}

// Only what is safe in a signal handler.
void explain(int, siginfo_t* info, void*) {
  const int call = info->si_syscall;
  const char* const name =
      call >= 0 && call < kCalls ? names[static_cast<std::size_t>(call)].data() : "";
  std::array<char, 256> line;
  const auto written = fmt::format_to_n(
      line.data(), line.size(),
      "bellpull: system call {} ({}) was refused: a run has no need of it, or the list of those "
      "that it needs is wrong: then run it with --seccomp off, and report this line\n",
      call, name);
  [[maybe_unused]] const ssize_t told =
      ::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(written.out - line.data()));
  ::_exit(kExitFailure);
}

}  // namespace

void explain_refused_calls() {
  collect_names();
  struct sigaction action {};
  action.sa_sigaction = explain;
  action.sa_flags = SA_SIGINFO;
  if (::sigaction(SIGSYS, &action, nullptr) < 0) {
    throw std::system_error(errno, std::generic_category(), "sigaction SIGSYS");
  }
}

}  // namespace bellpull::tools
