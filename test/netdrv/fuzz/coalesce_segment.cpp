// SPDX-License-Identifier: BSD-2-Clause
// Bursts of a few flows, in order and not, intact and spoilt: merged and cut again.
#include "coalesce_world.hpp"
#include "ring/fuzz/entry.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  static bellpull::netdrv::test::RoundTrip trip;
  const std::string fault = trip.run(bellpull::ring::fuzz::Input({data, bytes}));
  bellpull::ring::fuzz::check(fault.empty(), fault.c_str());
  return 0;
}
