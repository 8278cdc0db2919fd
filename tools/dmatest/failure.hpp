// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan.hpp"

namespace bellpull::tools::dmatest {

/// How a transfer disappoints.
enum class FailureKind : std::uint8_t {
  mismatch,  ///< it ended well, and something is not what it has to be
  failed,    ///< it ended otherwise, though nothing was wrong with it
  stuck,     ///< nothing ends any more
};

/// Its word.
[[nodiscard]] constexpr std::string_view name_of(FailureKind kind) noexcept {
  switch (kind) {
    case FailureKind::mismatch:
      return "mismatch";
    case FailureKind::failed:
      return "failed";
    case FailureKind::stuck:
      return "stuck";
  }
  return "unknown";
}

/// The first thing that is wrong.
struct Fault {
  std::string place;         ///< "destination", "checksum", "guard behind segment 0 of the source"
  std::uint64_t offset = 0;  ///< in bytes: of the transfer, or of the guard
  std::uint64_t expected = 0;  ///< a byte, or the value of `place`
  std::uint64_t seen = 0;      ///< the same, as it is
};

/// What went wrong with which transfer: all that it takes to do it again.
struct Failure {
  FailureKind kind = FailureKind::mismatch;  ///< see FailureKind
  unsigned thread = 0;                       ///< that met it
  std::string what;                          ///< in words, when there is no fault
  std::optional<Fault> fault;                ///< mismatch of a transfer
  std::vector<Plan> transfers;               ///< the one; all that are out when stuck
};

/// The failure in a line, without the transfers.
[[nodiscard]] std::string describe(const Failure& failure);

}  // namespace bellpull::tools::dmatest
