// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "dmatest/worker.hpp"
#include "dmatest_backends.hpp"
#include "output.hpp"

namespace bellpull::tools::dmatest {

/// The command line of `bellpull dmatest` as typed; an empty word was not given.
struct Words {
  std::string backend = "copy";   ///< --backend
  std::string ops = "all";        ///< --ops
  std::string engine = "driven";  ///< --engine
  std::string layout = "split";   ///< --layout
  std::string threads = "1";      ///< --threads
  std::string depth = "16";       ///< --depth
  std::string size = "1-64k";     ///< --size
  std::string segments = "8";     ///< --segments
  std::string iterations;         ///< --iterations
  std::string duration;           ///< --duration
  std::string seed = "1";         ///< --seed
  std::string timeout = "5";      ///< --timeout
  std::string fault;              ///< --fault
  bool no_verify = false;         ///< --no-verify
  std::string format = "table";   ///< --format
};

/// What `bellpull dmatest` is to do, every value good and all of them together.
struct Options {
  const BackendKind* backend = nullptr;              ///< see backends()
  unsigned threads = 1;                              ///< workers
  std::optional<std::chrono::nanoseconds> duration;  ///< none: until the iterations are done
  Job job;                                           ///< of each worker
  Format format = Format::table;                     ///< table or json
  Words words;                                       ///< as typed, for the report
};

/// Understands the words. Throws UsageError for the first that is wrong, or that the back-end
/// cannot do, and what the factory of the back-end throws.
[[nodiscard]] Options understand(const Words& words);

/// The command that does it again up to that iteration of each thread.
[[nodiscard]] std::string command_again(const Options& options, std::uint64_t iteration);

}  // namespace bellpull::tools::dmatest
