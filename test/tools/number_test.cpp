// SPDX-License-Identifier: BSD-2-Clause
#include "number.hpp"

#include <doctest/doctest.h>

#include "error.hpp"

using namespace bellpull;
using tools::UsageError;

TEST_CASE("a rate has decimals and a suffix for powers of 1000") {
  CHECK(tools::parse_rate("rate", "1") == 1);
  CHECK(tools::parse_rate("rate", "0.25") == 0.25);
  CHECK(tools::parse_rate("rate", "50k") == 50'000);
  CHECK(tools::parse_rate("rate", "1.5M") == 1'500'000);
  CHECK(tools::parse_rate("rate", "1G") == 1e9);
  for (const char* bad :
       {"", "0", "-1", "k", "1K", "1kk", "1 k", " 1", "1e3", "inf", "nan", "0x1", "1,5"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(static_cast<void>(tools::parse_rate("rate", bad)), UsageError);
  }
}

TEST_CASE("a share is a number from 0 to 1") {
  CHECK(tools::parse_share("low", "0") == 0);
  CHECK(tools::parse_share("low", "0.5") == 0.5);
  CHECK(tools::parse_share("low", "1") == 1);
  for (const char* bad : {"", "-0.1", "1.1", "50%", "nan", "inf", "1e-1"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(static_cast<void>(tools::parse_share("low", bad)), UsageError);
  }
}

TEST_CASE("a time is in milliseconds, or in the unit that is said") {
  CHECK(tools::parse_time("wave", "10") == 10'000'000);
  CHECK(tools::parse_time("wave", "10ms") == 10'000'000);
  CHECK(tools::parse_time("wave", "2.5us") == 2'500);
  CHECK(tools::parse_time("wave", "7ns") == 7);
  CHECK(tools::parse_time("wave", "1000000s") == 1'000'000'000'000'000);
  for (const char* bad : {"", "0", "0.5ns", "1000001s", "-1", "10m", "ms", "10 ms", "nan", "inf"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(static_cast<void>(tools::parse_time("wave", bad)), UsageError);
  }
}
