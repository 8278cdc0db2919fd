// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "compare/trial.hpp"

namespace bellpull::bench {

// Where engine and application run.
struct Place {
  const char* name;
  engine::Placement engine;
  tools::compare::Cores cores;
};

inline constexpr std::array kPlaces = {
    Place{"two", engine::Placement::autonomous, tools::compare::Cores::two},
    Place{"one", engine::Placement::autonomous, tools::compare::Cores::one},
    Place{"driven", engine::Placement::driven, tools::compare::Cores::one}};
// From TAP to TAP, as a NIC on them usually is; the sender has the second core.
inline constexpr Place kTaps{"tap", engine::Placement::driven, tools::compare::Cores::one};

// What is asked for on the command line, before Google Benchmark's own.
struct Request {
  unsigned work_ns = 500;
  double seconds = 0.1;
  std::uint64_t seed = 1;
  std::map<std::string, double> capacity;  // by place
  bool taps = false;
};

inline double value_of(std::string_view argument, std::string_view option) {
  if (!argument.starts_with(option)) return -1;
  return std::atof(argument.substr(option.size()).data());
}

inline Request understand(int& argc, char** argv) {
  Request request;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    bool ours = true;
    if (const double value = value_of(argument, "--work-ns="); value >= 0) {
      request.work_ns = static_cast<unsigned>(value);
    } else if (const double seconds = value_of(argument, "--seconds="); seconds > 0) {
      request.seconds = seconds;
    } else if (const double seed = value_of(argument, "--seed="); seed >= 0) {
      request.seed = static_cast<std::uint64_t>(seed);
    } else if (argument == "--taps") {
      request.taps = true;
    } else {
      ours = false;
      for (const char* const place :
           {kPlaces[0].name, kPlaces[1].name, kPlaces[2].name, kTaps.name}) {
        const double capacity = value_of(argument, std::string("--capacity-") + place + "=");
        if (capacity <= 0) continue;
        request.capacity[place] = capacity;
        ours = true;
      }
    }
    if (!ours) argv[kept++] = argv[i];
  }
  argc = kept;
  return request;
}

}  // namespace bellpull::bench
