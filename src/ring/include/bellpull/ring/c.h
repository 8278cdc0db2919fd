/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_RING_C_H
#define BELLPULL_RING_C_H

/// \file
/// The rings for programs in C, or in any language that can call C: one value ring of one producer
/// and one consumer, the untrusting device half of a virtqueue, shared memory, and a doorbell.
/// CMake: `bellpull::ring_c`.
///
/// What holds for all of it:
///
/// - No call allocates memory, throws, prints or ends the program. Handles are structs of a fixed
///   size that the caller has where it likes, zeroed at first (`bp_spsc ring = {0};`): every call
///   on a zeroed handle but the one that fills it does nothing. A handle is not copied or moved
///   while it is in use. Null for a pointer that must not be null is not checked, unless a comment
///   says what it means.
/// - A peer is never trusted: the other half may write anything at any time, and can make neither a
///   call leave the ring's memory, nor run for ever.
/// - Set-up returns a bp_error. After BP_SYSTEM_CALL, errno says why. Nothing blocks that does not
///   say so.
///
/// The interface is stable: a function, a constant or a struct does not change once it was in a
/// release, and the sizes of all structs, handles included, are part of the ABI. Functions and
/// constants are only added, each addition raises BP_RING_C_VERSION. What lies in shared memory has
/// versions of its own, and a ring of another version is refused (BP_OTHER_VERSION).

#include "bellpull/ring/c/device.h"    // IWYU pragma: export
#include "bellpull/ring/c/doorbell.h"  // IWYU pragma: export
#include "bellpull/ring/c/error.h"     // IWYU pragma: export
#include "bellpull/ring/c/region.h"    // IWYU pragma: export
#include "bellpull/ring/c/spsc.h"      // IWYU pragma: export

#endif
