// SPDX-License-Identifier: BSD-2-Clause
#include "device_world.hpp"
#include "entry.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace bellpull::ring;
  fuzz::Input in({data, bytes});
  if ((in.byte() & 1) == 0) {
    fuzz::DeviceWorld<Split, true>::run(in);
  } else {
    fuzz::DeviceWorld<Packed, true>::run(in);
  }
  return 0;
}
