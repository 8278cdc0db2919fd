// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/// The version of all bellpull components. CMake and pkg-config read these three lines.
#define BELLPULL_VERSION_MAJOR 0
#define BELLPULL_VERSION_MINOR 1
#define BELLPULL_VERSION_PATCH 0
