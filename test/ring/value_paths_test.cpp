// SPDX-License-Identifier: BSD-2-Clause
// Reads the disassembly of the paths of a value ring of one producer: x86 only, where a full
// barrier is an instruction with `lock`, an mfence or an xchg with memory.
#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <regex>
#include <string>

namespace {

struct Listing {
  unsigned instructions = 0;
  unsigned barriers = 0;
  unsigned calls = 0;  // of code that is not in the listing
};

std::map<std::string, Listing> disassemble() {
  std::map<std::string, Listing> listings;
  const std::string command =
      "objdump -d --no-show-raw-insn -M intel '" BELLPULL_PATHS_OBJECT "' 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  const std::regex start("^[0-9a-f]+ <(.*)>:\\s*$");
  const std::regex barrier("\\b(lock|mfence)\\b|\\bxchg\\b.*\\[");
  const std::regex call("\\bcall\\b");
  char line[1024];
  std::smatch match;
  std::string name;
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    const std::string text(line);
    if (std::regex_search(text, match, start)) {
      name = match[1];
    } else if (!name.empty() && text.find(":\t") != std::string::npos) {
      Listing& listing = listings[name];
      ++listing.instructions;
      listing.barriers += std::regex_search(text, barrier);
      listing.calls += std::regex_search(text, call);
    }
  }
  CHECK(pclose(pipe) == 0);
  return listings;
}

TEST_CASE(
    "check 28: the paths of a ring of one producer have no barrier, a tested commit has one") {
#if !defined(__x86_64__)
  MESSAGE("skipped: only x86-64 is read");
  return;
#endif
  if (std::system("objdump --version > /dev/null 2>&1") != 0) {
    MESSAGE("skipped: no objdump here (Debian package binutils)");
    return;
  }
  unsigned plain = 0;
  unsigned tested = 0;
  for (const auto& entry : disassemble()) {
    const std::string& name = entry.first;
    const Listing& listing = entry.second;
    CAPTURE(name);
    CHECK(listing.calls == 0);
    if (name.starts_with("plain_")) {
      ++plain;
      CHECK(listing.barriers == 0);
      CHECK(listing.instructions > 5);
    } else if (name.starts_with("tested_")) {
      ++tested;
      CHECK(listing.barriers == 1);
    } else {
      CHECK(listing.barriers == 0);  // parts that the compiler moved out of line
    }
  }
  CHECK(plain >= 8);
  CHECK(tested >= 1);
}

}  // namespace
