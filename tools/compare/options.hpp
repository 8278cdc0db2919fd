// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "output.hpp"
#include "trial.hpp"

namespace bellpull::tools::compare {

/// The command line of `bellpull compare` as typed; an empty word was not given.
struct Words {
  std::string styles;            ///< --styles
  std::string modes;             ///< --modes
  std::string loads;             ///< --loads
  std::string ports = "sim";     ///< --ports
  std::string engine;            ///< --engine
  std::string cores;             ///< --cores
  std::string work = "1000";     ///< --work-ns
  std::string size = "60";       ///< --size
  std::string budget = "64";     ///< --budget
  std::string repetitions;       ///< --repetitions
  std::string seconds;           ///< --seconds
  std::string seed = "1";        ///< --seed
  std::string output;            ///< --output
  std::string format = "table";  ///< --format
  bool quick = false;            ///< --quick
};

/// What the NIC is attached to.
enum class Ports : std::uint8_t {
  sim,  ///< a simulated device
  tap,  ///< two TAPs that the program makes for itself
};

/// What `bellpull compare` is to do, every value good and all of them together.
struct Options {
  std::vector<netdrv::Style> styles;                         ///< each once; poll is among them
  std::vector<netdrv::Mode> modes;                           ///< each once
  std::vector<double> loads;                                 ///< shares of capacity, each once
  Ports ports = Ports::sim;                                  ///< see Ports
  engine::Placement engine = engine::Placement::autonomous;  ///< see engine::Placement
  Cores cores = Cores::two;                                  ///< see Cores
  unsigned work_ns = 1000;                                   ///< processor time per frame
  std::uint32_t size = 60;                                   ///< bytes of a frame
  unsigned budget = 64;                                      ///< frames per poll
  unsigned repetitions = 9;                                  ///< of every point
  double seconds = 0.5;                                      ///< measured per point
  std::uint64_t seed = 1;                                    ///< of all that is random
  std::string output;                                        ///< directory for files; empty: none
  Format format = Format::table;                             ///< table or json
};

/// Understands the words, for a process that may use so many cores. Throws UsageError for the first
/// that is wrong or does not go with the others.
[[nodiscard]] Options understand(const Words& words, std::size_t cores);

/// What the measurements are on, and how: what the table and the plots begin with.
[[nodiscard]] std::string scene_of(const Options& options);

/// The word of a mode.
[[nodiscard]] std::string_view name_of(netdrv::Mode mode) noexcept;

}  // namespace bellpull::tools::compare
