// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/clock.hpp"

#include <time.h>

namespace bellpull::netdrv {

namespace {

std::uint64_t read_clock(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

std::uint64_t monotonic_ns(void* /*context*/) noexcept {
  return read_clock(CLOCK_MONOTONIC);
}

std::uint64_t realtime_ns(void* /*context*/) noexcept {
  return read_clock(CLOCK_REALTIME);
}

}  // namespace bellpull::netdrv
