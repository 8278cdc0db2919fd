/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test frame that paced_sender and seq_receiver agree on. Fields are in the byte order of the
 * machine, because both ends run on the same one.
 *
 *   0 destination  6 source  12 ethertype  14 mark  18 stream  22 sequence  30 send time  38 ...
 */
#ifndef BELLPULL_BENCH_SEQ_FRAME_H
#define BELLPULL_BENCH_SEQ_FRAME_H

#include <stdint.h>
#include <string.h>

enum {
  /* IEEE 802 local experimental ethertype 1: no protocol of the kernel answers it. */
  kSeqEtherType = 0x88b5,
  kSeqFrameMin = 38,
};

static const uint32_t kSeqMark = 0x62656c6c;

/* Writes what is the same in all frames of a stream. */
static inline void seq_frame_fill(uint8_t* frame, const uint8_t source[6], uint32_t stream) {
  const uint8_t ether_type[2] = {kSeqEtherType >> 8, kSeqEtherType & 0xff};
  memset(frame, 0xff, 6);
  memcpy(frame + 6, source, 6);
  memcpy(frame + 12, ether_type, sizeof ether_type);
  memcpy(frame + 14, &kSeqMark, sizeof kSeqMark);
  memcpy(frame + 18, &stream, sizeof stream);
}

static inline void seq_frame_stamp(uint8_t* frame, uint64_t sequence, uint64_t time_ns) {
  memcpy(frame + 22, &sequence, sizeof sequence);
  memcpy(frame + 30, &time_ns, sizeof time_ns);
}

#endif
