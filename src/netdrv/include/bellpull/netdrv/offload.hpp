// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/// @file
/// All of the offload arithmetic: what readers accept, what frames from untrusted peers may say,
/// checksums completed in software, superframes cut and made.

#include "bellpull/netdrv/coalescer.hpp"
#include "bellpull/netdrv/offload_check.hpp"
#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/segmenter.hpp"
