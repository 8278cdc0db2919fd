/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_RING_C_DOORBELL_H
#define BELLPULL_RING_C_DOORBELL_H

#include "bellpull/ring/c/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// An eventfd that one side rings when a tested call says so, and that the other has in its epoll
/// loop. It owns the file descriptor.
///
/// The sleeping side: `if (!bp_consumer_arm(&c)) { poll(...); bp_doorbell_hear(&bell); }`, and
/// `bp_consumer_disarm(&c)` while it works. The ringing side:
/// `if (bp_producer_commit_and_test(&p, n)) bp_doorbell_ring(&bell);`.
typedef struct bp_doorbell {
  uint64_t opaque[2];  ///< the library's
} bp_doorbell;

/// Makes a bell, in the place of one that `bell` had. Errors: BP_SYSTEM_CALL.
BP_API int bp_doorbell_make(bp_doorbell* bell);

/// Takes over an eventfd that came from another process and makes it non-blocking. Errors,
/// after which it stays the caller's: BP_NOT_AN_EVENTFD, BP_SYSTEM_CALL.
BP_API int bp_doorbell_adopt(bp_doorbell* bell, int eventfd);

/// Closes the file descriptor; `bell` is a zeroed handle again.
BP_API void bp_doorbell_close(bp_doorbell* bell);

/// What to poll for reading, and to send to another process; -1 for a zeroed handle.
BP_API int bp_doorbell_fd(const bp_doorbell* bell);

/// Rings. 0 when the system refused, which a bell that was made never sees. Any thread.
BP_API int bp_doorbell_ring(bp_doorbell* bell);

/// Silences the bell; 1 if it had rung. Any thread.
BP_API int bp_doorbell_hear(bp_doorbell* bell);

#ifdef __cplusplus
}
#endif

#endif
