/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck_calls.h"

#include <ck_ring.h>
#include <stdlib.h>
#include <string.h>

struct bench_ck {
  _Alignas(128) ck_ring_t ring;
  _Alignas(128) ck_ring_buffer_t slots[];
};

struct bench_ck* bench_ck_make(unsigned size) {
  size_t bytes = sizeof(struct bench_ck) + size * sizeof(ck_ring_buffer_t);
  bytes = (bytes + 4095) / 4096 * 4096;
  struct bench_ck* const made = aligned_alloc(4096, bytes);
  if (made == NULL) return NULL;
  memset(made, 0, bytes);
  ck_ring_init(&made->ring, size);
  return made;
}

void bench_ck_free(struct bench_ck* ring) {
  free(ring);
}

unsigned bench_ck_put_spsc(struct bench_ck* ring, void* const* values, unsigned count) {
  unsigned done = 0;
  while (done < count && ck_ring_enqueue_spsc(&ring->ring, ring->slots, values[done])) ++done;
  return done;
}

unsigned bench_ck_get_spsc(struct bench_ck* ring, void** values, unsigned count) {
  unsigned done = 0;
  while (done < count && ck_ring_dequeue_spsc(&ring->ring, ring->slots, &values[done])) ++done;
  return done;
}

unsigned bench_ck_put_mpsc(struct bench_ck* ring, void* const* values, unsigned count) {
  unsigned done = 0;
  while (done < count && ck_ring_enqueue_mpsc(&ring->ring, ring->slots, values[done])) ++done;
  return done;
}

unsigned bench_ck_get_mpsc(struct bench_ck* ring, void** values, unsigned count) {
  unsigned done = 0;
  while (done < count && ck_ring_dequeue_mpsc(&ring->ring, ring->slots, &values[done])) ++done;
  return done;
}
