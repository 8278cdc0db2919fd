/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_BENCH_CK_CALLS_H
#define BELLPULL_BENCH_CK_CALLS_H

/* ConcurrencyKit's header is C and no C++, so its ring is called from a C file. */
#ifdef __cplusplus
extern "C" {
#endif

struct bench_ck;

/* A ring of `size` slots, a power of two, of which all but one can be used; NULL: no memory. */
struct bench_ck* bench_ck_make(unsigned size);
void bench_ck_free(struct bench_ck* ring);

/* Up to `count` pointers in or out, one after the other, until the ring is full or empty. */
unsigned bench_ck_put_spsc(struct bench_ck* ring, void* const* values, unsigned count);
unsigned bench_ck_get_spsc(struct bench_ck* ring, void** values, unsigned count);
unsigned bench_ck_put_mpsc(struct bench_ck* ring, void* const* values, unsigned count);
unsigned bench_ck_get_mpsc(struct bench_ck* ring, void** values, unsigned count);

#ifdef __cplusplus
}
#endif
#endif
