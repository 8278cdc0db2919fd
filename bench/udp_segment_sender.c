/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends numbered UDP datagrams, many in a call: the kernel cuts what it is given into datagrams
 * (UDP_SEGMENT, Linux 4.18). udp_segment_receiver counts them.
 *
 * udp_segment_sender ADDRESS [--port N] [--segment BYTES] [--segments N] [--count N | --seconds S]
 *
 * --segments 1 sends without UDP_SEGMENT. Ends with one JSON line on standard output, also on
 * SIGINT and SIGTERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"
#include "udp_pattern.h"

enum { kSegmentsMax = 64 /* UDP_MAX_SEGMENTS up to Linux 6.6 */ };

struct options {
  const char* address;
  uint16_t port;
  size_t segment;
  unsigned segments;
  uint64_t count; /* datagrams; 0: no end */
  double seconds; /* 0: no end */
};

struct result {
  uint64_t datagrams;
  uint64_t bytes;
  uint64_t calls;
  uint64_t refused; /* calls that found a full queue; their datagrams are a gap */
};

static double number(const char* option, const char* text, double least, double most,
                     const char* wanted) {
  char* end = NULL;
  const double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) {
    fprintf(stderr, "udp_segment_sender: %s '%s' is not usable; give %s\n", option, text, wanted);
    exit(2);
  }
  return value;
}

static void usage(void) {
  fprintf(stderr,
          "usage: udp_segment_sender ADDRESS [--port N] [--segment 8..8972] [--segments 1..64]\n"
          "                          [--count N | --seconds S]\n");
  exit(2);
}

static struct options parse(int argc, char** argv) {
  static const struct option names[] = {
      {"port", required_argument, NULL, 'p'},     {"segment", required_argument, NULL, 'z'},
      {"segments", required_argument, NULL, 'n'}, {"count", required_argument, NULL, 'c'},
      {"seconds", required_argument, NULL, 's'},  {NULL, 0, NULL, 0}};
  struct options chosen = {.port = 5202, .segment = 1472, .segments = 40};
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (c == 'p')
      chosen.port = (uint16_t)number("--port", optarg, 1, 65535, "a port");
    else if (c == 'z')
      chosen.segment =
          (size_t)number("--segment", optarg, kUdpNumber, kUdpSegmentMax, "8 to 8972 bytes");
    else if (c == 'n')
      chosen.segments = (unsigned)number("--segments", optarg, 1, kSegmentsMax, "1 to 64");
    else if (c == 'c')
      chosen.count = (uint64_t)number("--count", optarg, 1, 1e15, "a number of datagrams");
    else if (c == 's')
      chosen.seconds = number("--seconds", optarg, 1e-3, 1e6, "seconds");
    else
      usage();
  }
  if (optind + 1 != argc) usage();
  if (chosen.segment * chosen.segments > kUdpPayloadMax) {
    fprintf(stderr, "udp_segment_sender: %u segments of %zu bytes are more than %d; give less\n",
            chosen.segments, chosen.segment, (int)kUdpPayloadMax);
    exit(2);
  }
  if (chosen.count == 0 && chosen.seconds == 0) chosen.seconds = 1;
  chosen.address = argv[optind];
  return chosen;
}

static int open_socket(const struct options* options) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(options->port)};
  if (inet_pton(AF_INET, options->address, &to.sin_addr) != 1) usage();
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket", options->address, "raise `ulimit -n`?");
  if (connect(fd, (const struct sockaddr*)&to, sizeof to) < 0)
    die("connect", options->address, "is there a route?");
  const int segment = (int)options->segment;
  if (options->segments > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) < 0)
    die("UDP_SEGMENT", options->address, "it needs Linux 4.18");
  return fd;
}

static void stream(int fd, const struct options* options, struct result* result) {
  static uint8_t payload[kUdpPayloadMax];
  for (unsigned i = 0; i < options->segments; ++i)
    udp_pattern_fill(payload + i * options->segment, options->segment);
  const uint64_t start = monotonic_ns();
  const uint64_t limit_ns = (uint64_t)(options->seconds * 1e9);
  uint64_t next = 0;
  while (!stop_requested && (limit_ns == 0 || monotonic_ns() - start < limit_ns)) {
    unsigned segments = options->segments;
    if (options->count != 0) {
      if (next >= options->count) break;
      if (options->count - next < segments) segments = (unsigned)(options->count - next);
    }
    for (unsigned i = 0; i < segments; ++i) {
      const uint64_t numbered = next + i;
      memcpy(payload + i * options->segment, &numbered, sizeof numbered);
    }
    const ssize_t sent = send(fd, payload, segments * options->segment, 0);
    ++result->calls;
    if (sent > 0) {
      result->datagrams += segments;
      result->bytes += (uint64_t)sent;
    } else if (errno == ENOBUFS || errno == EAGAIN) {
      ++result->refused;
    } else if (errno == EINTR || errno == ECONNREFUSED) {
      continue; /* nobody listens yet, or no more: the same numbers again */
    } else {
      die("send", options->address, "is a segment longer than the MTU allows?");
    }
    next += segments;
  }
}

int main(int argc, char** argv) {
  const struct options options = parse(argc, argv);
  stop_by_signal();
  const int fd = open_socket(&options);
  struct result result = {0};
  const uint64_t start = monotonic_ns();
  stream(fd, &options, &result);
  const double seconds = 1e-9 * (double)(monotonic_ns() - start);
  printf("{\"datagrams\":%llu,\"bytes\":%llu,\"calls\":%llu,\"refused\":%llu,\"seconds\":%.6f}\n",
         (unsigned long long)result.datagrams, (unsigned long long)result.bytes,
         (unsigned long long)result.calls, (unsigned long long)result.refused, seconds);
  close(fd);
  return 0;
}
