// SPDX-License-Identifier: BSD-2-Clause
#include "failure.hpp"

#include <fmt/format.h>

namespace bellpull::tools::dmatest {

std::string describe(const Failure& failure) {
  if (!failure.fault) return fmt::format("{}: {}", name_of(failure.kind), failure.what);
  const Fault& fault = *failure.fault;
  return fmt::format("{}: {}, first wrong at offset {}: expected {:#04x}, seen {:#04x}",
                     name_of(failure.kind), fault.place, fault.offset, fault.expected, fault.seen);
}

}  // namespace bellpull::tools::dmatest
