// SPDX-License-Identifier: BSD-2-Clause
// Check 24 of operation channels: once they are open, the data path allocates nothing, takes no
// lock and makes no system call, also when transfers fail. Part of the program that counts
// allocations.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/fault_backend.hpp"
#include "counted_allocation.hpp"
#include "counted_lock.hpp"
#include "long_run.hpp"
#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "steady_client.hpp"

namespace bellpull::engine::test {
namespace {

/// As many as the requirement names in a long run; otherwise several times around every ring.
std::uint64_t transfers() {
  return long_run() ? 10'000'000 : scaled(200'000);
}

/// A back-end that fails now and then, in a source or a destination.
std::unique_ptr<Backend> failing(FaultCounters& counters) {
  const ParsedFault parsed = parse_fault("every=101:read-error;every=103:write-error");
  return make_fault_backend(make_copy_backend(), parsed.plan, counters);
}

TEST_CASE("S0.19, S2.25, check 24: operations allocate nothing and take no lock, failed ones too") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    FaultCounters counters;
    OperationRig rig(setting, failing(counters));
    SteadyClient client(rig.engine, *rig.channel);
    const std::uint64_t allocated = allocations(), locked = locks();
    const bool done = client.run_until(transfers());
    CHECK(allocations() == allocated);
    CHECK(locks() == locked);
    CHECK(done);
    CHECK(client.failed() > 100);
    CHECK(client.not_attempted() > 100);
  }
}

TEST_CASE("S0.19, check 24: pausing, terminating and resetting a channel allocate nothing") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    FaultCounters counters;
    OperationRig rig(setting, failing(counters), {.on_error = ErrorPolicy::halt});
    SteadyClient client(rig.engine, *rig.channel);
    const std::uint64_t allocated = allocations();
    bool well = true;
    for (std::uint64_t round = 1; round <= 300 && well; ++round) {
      well = client.run_until(round * 100);
      well = rig.channel->pause() && rig.channel->resume() && well;
      if (round % 3 == 0) rig.channel->terminate();
      rig.channel->reset();
    }
    rig.channel->stop();
    CHECK(allocations() == allocated);
    CHECK(well);
    CHECK(client.failed() > 10);
  }
}

TEST_CASE("check 24: locks are counted") {
  if (!counts_locks()) {
    MESSAGE("locks belong to the sanitizer in this build: none is counted");
    return;
  }
  std::mutex mutex;
  const std::uint64_t before = locks();
  { const std::scoped_lock lock(mutex); }
  CHECK(locks() == before + 1);
}

#if !BELLPULL_TEST_SANITIZED
/// Memory of this program that is in use and not read from a file, in KiB. Allocates nothing.
long anonymous_kib() {
  std::array<char, 4096> text{};
  const int file = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  const auto length = ::read(file, text.data(), text.size() - 1);
  ::close(file);
  const char* const line = length > 0 ? std::strstr(text.data(), "RssAnon:") : nullptr;
  return line != nullptr ? std::strtol(line + 8, nullptr, 10) : -1;
}

TEST_CASE("S1.14: an open channel has all the memory it will ever use, whatever it does") {
  const long page_kib = ::sysconf(_SC_PAGESIZE) / 1024;
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    FaultCounters counters;
    OperationRig rig(setting, failing(counters), {.size = 4096});
    SteadyClient client(rig.engine, *rig.channel);
    const long before = anonymous_kib();
    const bool done = client.run_until(transfers());
    const long after = anonymous_kib();
    REQUIRE(before > 0);
    CHECK(done);
    CHECK(after - before <= page_kib);
  }
}

/// Bytes that malloc() has given out.
std::size_t given_out() {
  const struct mallinfo2 now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

/// Bytes that `open` takes for a channel.
template <class Open>
std::size_t taken_by(Open&& open) {
  const std::size_t before = given_out();
  const auto channel = open();
  return given_out() - before;
}

TEST_CASE("S1.14: an open channel has at most 512 bytes per slot and 16 KiB, of either kind") {
  for (const OperationSetting& setting : kOperationSettings) {
    for (const std::uint32_t slots : {1U, 256U, 32768U}) {
      CAPTURE(describe(setting));
      CAPTURE(slots);
      FdCounters counters;
      SocketPair pair(SOCK_DGRAM);
      Engine engine({.placement = setting.placement});
      auto copies = make_copy_backend();
      auto writes = writer(pair.left(), counters);
      const std::size_t operations = taken_by([&] {
        return engine.open_operations({.size = slots, .layout = setting.layout}, std::move(copies));
      });
      const std::size_t stream = taken_by([&] {
        return engine.open_stream({.size = slots, .layout = setting.layout}, std::move(writes));
      });
      const std::size_t most = slots * std::size_t{512} + std::size_t{16} * 1024;
      CHECK(operations > slots * std::size_t{128});
      CHECK(operations <= most);
      CHECK(stream > slots * std::size_t{128});
      CHECK(stream <= most);
    }
  }
}

// What a thread says that may only read, write and exit from here on; nothing if it was killed.
enum class Said { nothing, well, wrong, no_seccomp };

/// Runs the client on a thread that is killed when it enters the kernel, but for a write: an engine
/// that spins must not be kicked.
Said without_system_calls(SteadyClient& client, const OperationChannel& channel, bool calls) {
  std::atomic<Said> said{Said::nothing};
  std::thread([&] {
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
      said = Said::no_seccomp;
      return;
    }
    if (calls) ::getppid();
    const bool well = client.run_until(transfers()) && channel.stats().kicks == 0;
    said = well ? Said::well : Said::wrong;
    ::syscall(SYS_exit, 0);  // a thread's usual end calls more than that
  }).join();
  return said;
}

/// The same in a process of its own, which may leave behind what it likes.
Said in_child(const OperationSetting& setting, bool calls) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    FaultCounters counters;
    Engine engine({.placement = setting.placement, .spin = true});
    const auto channel = engine.open_operations({.layout = setting.layout}, failing(counters));
    SteadyClient client(engine, *channel);
    ::_exit(static_cast<int>(without_system_calls(client, *channel, calls)));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return static_cast<Said>(WEXITSTATUS(status));
}

TEST_CASE("S2.25, check 24: operations make no system call, with a driven engine none at all") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    const Said said = in_child(setting, false);
    if (said == Said::no_seccomp) {
      MESSAGE("skipped: this kernel lets no thread forbid itself system calls (seccomp strict)");
      return;
    }
    CHECK(said == Said::well);
    CHECK(in_child(setting, true) == Said::nothing);  // a call would have been noticed
  }
}
#endif

}  // namespace
}  // namespace bellpull::engine::test
