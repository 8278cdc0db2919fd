// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// What becomes of values that find a value ring full. Chosen at each call, counted apart.
enum class Overflow : std::uint8_t {
  fail,              ///< they stay with the caller, who may try again; counted as `full`
  drop_newest,       ///< they are let go; counted as `dropped`
  overwrite_oldest,  ///< they take the places of the oldest ones; OverwriteProducer only
};

}  // namespace bellpull::ring
