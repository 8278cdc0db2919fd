// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::tools {

/// A process that changes back what was changed, because this one is about to lose the privilege
/// for that. Nobody can ask it for anything else: it knows what to do from the moment it is forked,
/// and does it once, when the object is asked to or this process has ended in whatever way.
class Restorer {
 public:
  /// Changes back; returns a line for each thing that could not be.
  using Undo = std::function<std::vector<std::string>()>;

  /// Forks. The other process keeps `descriptors`, which `undo` needs, and standard error; it
  /// `confine`s itself, blocks all signals and waits. Call it while this process has one thread.
  /// Throws std::system_error; nothing was changed back then.
  Restorer(std::span<const int> descriptors, const std::function<void()>& confine,
           const Undo& undo);
  Restorer(const Restorer&) = delete;
  Restorer& operator=(const Restorer&) = delete;
  /// Changes back if that was not done yet, and cannot say so if it fails.
  ~Restorer();

  /// Has it done, waits for that, and returns what could not be changed back. Idempotent.
  std::vector<std::string> restore();

 private:
  [[nodiscard]] std::vector<std::string> reap();

  netdrv::UniqueFd link_;
  pid_t process_ = -1;
};

}  // namespace bellpull::tools
