/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The datagram that udp_segment_sender and udp_segment_receiver agree on: a number of 64 bits in
 * the byte order of the machine, then a pattern that depends on the position alone, so that the
 * sender writes it once.
 */
#ifndef BELLPULL_BENCH_UDP_PATTERN_H
#define BELLPULL_BENCH_UDP_PATTERN_H

#include <stddef.h>
#include <stdint.h>

enum {
  kUdpNumber = sizeof(uint64_t),
  kUdpSegmentMax = 8972, /* an MTU of 9000 without the headers of IPv4 and UDP */
  kUdpPayloadMax = 65507 /* of one call: what an IPv4 datagram can have */
};

/* What belongs behind the number, from the beginning of the datagram. */
static inline void udp_pattern_fill(uint8_t* datagram, size_t size) {
  uint32_t word = 0x9e3779b9u;
  for (size_t i = 0; i < size; ++i) {
    word = word * 1664525u + 1013904223u;
    datagram[i] = (uint8_t)(word >> 24);
  }
}

#endif
