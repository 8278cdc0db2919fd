// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <cstdint>

#include "generate/silence.hpp"

using bellpull::tools::generate::Silence;

TEST_CASE("generate: silence is what stands still for longer than the limit, and no sooner") {
  Silence silence(100, 1000);
  CHECK_FALSE(silence.lasts(0, 1100));
  CHECK(silence.lasts(0, 1101));
}

TEST_CASE("generate: whatever was heard last begins the silence anew") {
  Silence silence(100, 1000);
  for (std::uint64_t now = 1050; now < 5000; now += 100) {
    CHECK_FALSE(silence.lasts(now, now));
  }
  CHECK_FALSE(silence.lasts(4950, 5050));
  CHECK(silence.lasts(4950, 5051));
  CHECK_FALSE(silence.lasts(4951, 6000));
}
