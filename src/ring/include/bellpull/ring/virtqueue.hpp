// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/// Everything that a user of a split virtqueue needs.
#include "bellpull/ring/split_device.hpp"  // IWYU pragma: export
#include "bellpull/ring/split_driver.hpp"  // IWYU pragma: export
