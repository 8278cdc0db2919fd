// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>

#include "explorer/program.hpp"

namespace bellpull::ring::explorer {

/// Small programs around Driver and Device; all of them, the large ones last.
[[nodiscard]] std::span<const Program> split_programs();
/// See split_programs().
[[nodiscard]] std::span<const Program> packed_programs();
/// Small programs around the halves of the value rings.
[[nodiscard]] std::span<const Program> value_programs();

}  // namespace bellpull::ring::explorer
