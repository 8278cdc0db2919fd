// SPDX-License-Identifier: BSD-2-Clause
#include "columns.hpp"

#include <doctest/doctest.h>

#include <vector>

using bellpull::tools::in_columns;
using bellpull::tools::Row;

TEST_CASE("columns are as wide as their longest cell: words lean left, numbers right") {
  const std::vector<Row> rows = {{"port", "state", "rx"}, {"bp0", "running", "12345"}};
  CHECK(in_columns(rows, 2) ==
        "port  state       rx\n"
        "bp0   running  12345\n");
}

TEST_CASE("lines of a table begin with the margin and end without blanks") {
  const std::vector<Row> rows = {{"a", "1", ""}, {"bb", "", "x"}, {"", "", ""}};
  CHECK(in_columns(rows, 3, "  ") == "  a   1\n  bb     x\n\n");
}

TEST_CASE("a table without rows is no text") {
  CHECK(in_columns({}, 1, "  ").empty());
}
