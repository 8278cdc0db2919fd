// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/ring/c/spsc.h"
#include "bellpull/ring/value_layout.hpp"
#include "opaque.hpp"

namespace bellpull::ring::c {

using SpscHandle = Opaque<ValueMemory, bp_spsc>;

}  // namespace bellpull::ring::c
