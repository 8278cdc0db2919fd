// SPDX-License-Identifier: BSD-2-Clause
// Whether the table of hostile cases tells the truth about the tests in this directory.
#include "villain_table.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace bellpull::ring::test {
namespace {

/// All test sources of this directory in one string.
std::string sources() {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator(BELLPULL_RING_TESTS)) {
    if (entry.path().extension() != ".cpp") continue;
    std::ifstream file(entry.path());
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  return all;
}

/// Whether a test case has just this name.
bool is_test(const std::string& text, const std::string& name) {
  const std::string literal = '"' + name + '"';
  for (std::size_t at = text.find(literal); at != std::string::npos;
       at = text.find(literal, at + 1)) {
    // Before the name there is the macro and its parenthesis, and white space at most.
    std::size_t before = at;
    while (before > 0 && (text[before - 1] == ' ' || text[before - 1] == '\n')) --before;
    const std::string start = text.substr(before < 20 ? 0 : before - 20, before < 20 ? before : 20);
    if (start.ends_with("TEST_CASE(") || start.ends_with("TEST_CASE_TEMPLATE(")) return true;
  }
  return false;
}

TEST_CASE("check 13: every case of the table is covered by a test that exists, or excluded") {
  const std::string text = sources();
  REQUIRE(is_test(
      text, "check 13: every case of the table is covered by a test that exists, or excluded"));
  REQUIRE_FALSE(is_test(text, "no such test"));
  std::set<std::string> names;
  unsigned applicable = 0, covered = 0;
  for (const VillainCase& row : villain_cases()) {
    CAPTURE(row.name);
    CAPTURE(row.covered_by);
    CHECK(names.insert(row.name).second);
    CHECK((row.layout == "split" || row.layout == "packed"));
    CHECK(row.name[0] == (row.layout == "split" ? 'T' : 'P'));
    if (row.excluded()) {
      CHECK(row.covered_by.size() > 20);  // a reason
      continue;
    }
    ++applicable;
    if (row.covered_by == "?") continue;
    CHECK(is_test(text, row.covered_by));
    ++covered;
  }
  CHECK(names.size() == 216);  // 130 split and 86 packed
  CAPTURE(covered);
  CAPTURE(applicable);
  CHECK(covered * 10 >= applicable * 9);
}

}  // namespace
}  // namespace bellpull::ring::test
