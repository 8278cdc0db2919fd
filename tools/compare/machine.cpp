// SPDX-License-Identifier: BSD-2-Clause
#include "machine.hpp"

#include <sys/utsname.h>

#include <fstream>

#include "cores.hpp"
#include "output.hpp"

namespace bellpull::tools::compare {

namespace {

std::string processor_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

constexpr const char* kCompiler =
#ifdef __clang__
    __VERSION__;  // says who it is
#else
    "g++ " __VERSION__;
#endif

}  // namespace

Machine this_machine() {
  utsname name{};
  ::uname(&name);
  return {.processor = processor_model(),
          .cores = allowed_cores().size(),
          .kernel = std::string(name.sysname) + ' ' + name.release + ' ' + name.machine,
          .compiler = kCompiler,
          .version = version()};
}

}  // namespace bellpull::tools::compare
