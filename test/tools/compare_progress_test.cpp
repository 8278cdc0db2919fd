// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include "compare/progress.hpp"

using namespace bellpull::tools::compare;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("compare: progress is said every now and then, with the time that is left") {
  const Progress::Time begin{seconds(1000)};
  Progress progress(seconds(10), 100, begin);
  CHECK(progress.at(0, begin + seconds(60)).empty());  // nothing to tell the time left from
  CHECK(progress.at(1, begin + milliseconds(9999)).empty());
  CHECK(progress.at(20, begin + seconds(10)) == "compare: 20 of 100 measurements, 40 s left");
  CHECK(progress.at(21, begin + seconds(11)).empty());
  CHECK(progress.at(40, begin + seconds(20)) == "compare: 40 of 100 measurements, 30 s left");
  CHECK(progress.at(100, begin + seconds(50)) == "compare: 100 of 100 measurements, 0 s left");
}
