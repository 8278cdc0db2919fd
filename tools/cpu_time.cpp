// SPDX-License-Identifier: BSD-2-Clause
#include "cpu_time.hpp"

#include <sys/resource.h>

namespace bellpull::tools {

namespace {

std::uint64_t microseconds(const timeval& time) noexcept {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(time.tv_usec);
}

CpuTime cpu_of(int who) noexcept {
  rusage usage{};
  ::getrusage(who, &usage);
  return {microseconds(usage.ru_utime), microseconds(usage.ru_stime)};
}

}  // namespace

CpuTime cpu_of_process() noexcept {
  return cpu_of(RUSAGE_SELF);
}

CpuTime cpu_of_thread() noexcept {
  return cpu_of(RUSAGE_THREAD);
}

}  // namespace bellpull::tools
