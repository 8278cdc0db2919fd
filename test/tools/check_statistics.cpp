// SPDX-License-Identifier: BSD-2-Clause
// Usage: check_statistics json|sums|prometheus|dmatest < STATISTICS. Exit status 1 and a line when
// they are faulty.
#include <iostream>
#include <iterator>
#include <string>

#include "statistics_checker.hpp"

int main(int argc, char** argv) {
  const std::string format = argc == 2 ? argv[1] : "";
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  const std::string fault = format == "json"         ? bellpull::test::fault_in_json(text)
                            : format == "sums"       ? bellpull::test::fault_in_sums(text)
                            : format == "prometheus" ? bellpull::test::fault_in_exposition(text)
                            : format == "dmatest"    ? bellpull::test::fault_in_dmatest(text)
                                                     : "use json, sums, prometheus or dmatest";
  if (fault.empty()) return 0;
  std::cerr << "check_statistics: " << fault << '\n';
  return 1;
}
