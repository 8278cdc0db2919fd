// SPDX-License-Identifier: BSD-2-Clause
// What an engine does without: root, locked memory, huge pages.
#include <doctest/doctest.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "operation_rig.hpp"

namespace bellpull::engine::test {
namespace {

constexpr uid_t kNobody = 65534;

// Gives up all that this process may do beyond what anybody may.
[[nodiscard]] bool become_nobody() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0 || ::setrlimit(RLIMIT_RTPRIO, &none) != 0) {
    return false;
  }
  if (::getuid() == 0 &&
      (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
    return false;
  }
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::geteuid() != 0;
}

// Whether all memory of this process is in pages of the usual size.
[[nodiscard]] bool usual_pages_only() {
  std::ifstream maps("/proc/self/smaps");
  std::string word;
  unsigned seen = 0;
  while (maps >> word) {
    if (word != "KernelPageSize:") continue;
    long kibibytes = 0;
    maps >> kibibytes;
    if (kibibytes * 1024 != ::sysconf(_SC_PAGESIZE)) return false;
    ++seen;
  }
  return seen != 0;
}

[[nodiscard]] bool operations_work(const OperationSetting& setting) {
  OperationRig rig(setting, make_copy_backend());
  Bytes from(5000, std::byte{4}), to(5000);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  if (rig.submit(copy) != 1) return false;
  rig.channel->issue();
  return rig.collect(1).size() == 1 && to.bytes() == from.bytes() && usual_pages_only();
}

[[nodiscard]] bool streams_work(const Setting& setting) {
  Rig rig(setting);
  std::string text = "anybody's", room(text.size(), '.');
  if (post(*rig.rx, bytes_of(room), 1).kind != PrepareError::Kind::none) return false;
  if (post(*rig.tx, bytes_of(text), 2).kind != PrepareError::Kind::none) return false;
  rig.rx->issue();
  rig.tx->issue();
  return collect(rig.engine, *rig.rx, 1).size() == 1 && room == text;
}

[[nodiscard]] int child() {
  if (!become_nobody()) return 2;
  for (const OperationSetting& setting : kOperationSettings) {
    if (!operations_work(setting)) return 3;
  }
  for (const Setting& setting : kSettings) {
    if (!streams_work(setting)) return 4;
  }
  return 0;
}

TEST_CASE("S0.19: channels of all kinds work for nobody, without locked memory and huge pages") {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(child());
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);  // 2: could not become nobody, 3, 4: what does not work
}

}  // namespace
}  // namespace bellpull::engine::test
