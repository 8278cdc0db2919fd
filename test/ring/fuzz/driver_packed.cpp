// SPDX-License-Identifier: BSD-2-Clause
#include "driver_world.hpp"
#include "entry.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace bellpull::ring;
  fuzz::DriverWorld<Packed>::run(fuzz::Input({data, bytes}));
  return 0;
}
