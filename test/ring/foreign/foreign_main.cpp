// SPDX-License-Identifier: BSD-2-Clause
// The main of tests against DPDK's driver and device, which are skipped loudly where it is missing.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "ring/foreign/testpmd.hpp"

int main(int argc, char** argv) {
  constexpr int kSkip = 77;
  if (!bellpull::ring::test::foreign::Testpmd::installed()) {
    std::printf(
        "SKIPPED: dpdk-testpmd is not in PATH (apt-get install dpdk-dev "
        "librte-net-virtio23 librte-net-vhost23)\n");
    return kSkip;
  }
  doctest::Context context;
  context.applyCommandLine(argc, argv);
  return context.run();
}
