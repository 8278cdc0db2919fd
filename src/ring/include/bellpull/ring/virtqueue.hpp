// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/// Everything that a user of a virtqueue needs.
#include "bellpull/ring/address_map.hpp"   // IWYU pragma: export
#include "bellpull/ring/device.hpp"        // IWYU pragma: export
#include "bellpull/ring/driver.hpp"        // IWYU pragma: export
#include "bellpull/ring/region_table.hpp"  // IWYU pragma: export
