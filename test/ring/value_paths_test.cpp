// SPDX-License-Identifier: BSD-2-Clause
// Reads the disassembly of the paths of a value ring of one producer: x86 only, where a full
// barrier is an instruction with `lock`, an mfence or an xchg with memory.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

struct Listing {
  unsigned instructions = 0;
  unsigned barriers = 0;
  unsigned calls = 0;  // of code that is not in the listing
};

bool is_barrier(const std::string& instruction) {
  const bool memory = instruction.find('[') != std::string::npos;
  return instruction.starts_with("lock") || instruction.starts_with("mfence") ||
         (instruction.starts_with("xchg") && memory);
}

std::map<std::string, Listing> disassemble() {
  std::map<std::string, Listing> listings;
  const std::string command =
      "objdump -d --no-show-raw-insn -M intel '" BELLPULL_PATHS_OBJECT "' 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char line[1024];
  std::string name;
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    const std::string text(line);
    const std::size_t open = text.find(" <");
    const std::size_t close = text.find(">:\n");
    const std::size_t code = text.find(":\t");
    if (open != std::string::npos && close != std::string::npos) {
      name = text.substr(open + 2, close - open - 2);
    } else if (!name.empty() && code != std::string::npos) {
      const std::string instruction = text.substr(code + 2);
      Listing& listing = listings[name];
      ++listing.instructions;
      listing.barriers += is_barrier(instruction);
      listing.calls += instruction.starts_with("call");
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
