// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "bellpull/ring/fault.hpp"

namespace bellpull::ring::test {

/// A line of villain_cases.tsv.
struct VillainCase {
  std::string name;
  std::string layout;
  std::string driver;
  std::string row;
  std::string verdict;
  std::string covered_by;

  [[nodiscard]] bool excluded() const { return covered_by.rfind("excluded: ", 0) == 0; }
};

/// All lines of the table. Where it is, the build says.
inline std::vector<VillainCase> villain_cases() {
  std::ifstream file(BELLPULL_RING_TESTS "/villain_cases.tsv");
  REQUIRE_MESSAGE(file.good(), "cannot read " BELLPULL_RING_TESTS "/villain_cases.tsv");
  std::vector<VillainCase> cases;
  bool header = true;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::array<std::string, 6> fields;
    std::istringstream stream(line);
    std::size_t count = 0;
    for (std::string field; std::getline(stream, field, '\t');) {
      REQUIRE_MESSAGE(count < 6, line);
      fields[count++] = field;
    }
    REQUIRE_MESSAGE(count == 6, line);
    if (!header) {
      cases.push_back({fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]});
    }
    header = false;
  }
  return cases;
}

/// The values of ChainFault as the table names them.
inline constexpr std::array<std::string_view, kChainFaultCount> kChainFaultNames = {
    "none",
    "next_out_of_range",
    "too_long",
    "indirect_not_negotiated",
    "indirect_nested",
    "indirect_with_next",
    "indirect_length",
    "indirect_unmapped",
    "address_unmapped",
    "too_many_bytes",
    "readable_after_writable",
    "too_many_pieces"};

/// The values of QueueFault as the table names them.
inline constexpr std::array<std::string_view, kQueueFaultCount> kQueueFaultNames = {
    "none",
    "avail_index_jump",
    "head_out_of_range",
    "head_in_flight",
    "id_out_of_range",
    "descriptor_not_ready",
    "ring_overrun",
    "used_index_jump",
    "used_id_unknown",
    "used_out_of_order"};

/// The value that a name of the table stands for.
template <class Fault, std::size_t kCount>
Fault fault_named(const std::array<std::string_view, kCount>& names, std::string_view name) {
  const auto at = std::ranges::find(names, name);
  REQUIRE_MESSAGE(at != names.end(), std::string(name));
  return static_cast<Fault>(at - names.begin());
}

}  // namespace bellpull::ring::test
