/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a UDP datagram takes to somebody who sends it back, one at a time, both ends blocking.
 *
 * udp_round_trip ADDRESS [--port N] [--size BYTES] [--count N | --seconds S]
 * udp_round_trip --echo [--port N]
 *
 * The first asks, and ends with one JSON line on standard output: nanoseconds, quantiles that are
 * up to 1/64 above the truth. What is not answered in a second is lost. The second sends back what
 * it gets, until SIGINT or SIGTERM; so does anything else that echoes, such as `bellpull run --app
 * respond` on port 7.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "traffic.h"
#include "udp_pattern.h"

enum {
  kLostAfterSeconds = 1,
  kPerBand = 64, /* buckets for each power of two */
  kBands = 58,
  kBuckets = kPerBand * kBands
};

struct options {
  const char* address; /* NULL: echo */
  uint16_t port;
  size_t size;
  uint64_t count;
  double seconds;
};

struct result {
  uint64_t asked;
  uint64_t answered;
  uint64_t lost;
  uint64_t corrupt;
  uint64_t sum_ns;
  uint64_t max_ns;
  uint64_t buckets[kBuckets];
};

static void usage(void) {
  fprintf(stderr,
          "usage: udp_round_trip ADDRESS [--port N] [--size 8..8972] [--count N | --seconds S]\n"
          "       udp_round_trip --echo [--port N]\n");
  exit(2);
}

static double number(const char* text, double least, double most) {
  char* end = NULL;
  const double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) usage();
  return value;
}

static struct options parse(int argc, char** argv) {
  static const struct option names[] = {
      {"port", required_argument, NULL, 'p'},    {"size", required_argument, NULL, 'z'},
      {"count", required_argument, NULL, 'c'},   {"echo", no_argument, NULL, 'e'},
      {"seconds", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
  struct options chosen = {.port = 5203, .size = 18};
  bool echo = false;
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (c == 'p')
      chosen.port = (uint16_t)number(optarg, 1, 65535);
    else if (c == 'z')
      chosen.size = (size_t)number(optarg, kUdpNumber, kUdpSegmentMax);
    else if (c == 'c')
      chosen.count = (uint64_t)number(optarg, 1, 1e15);
    else if (c == 's')
      chosen.seconds = number(optarg, 1e-3, 1e6);
    else if (c == 'e')
      echo = true;
    else
      usage();
  }
  if (optind + (echo ? 0 : 1) != argc) usage();
  if (!echo) chosen.address = argv[optind];
  if (chosen.count == 0 && chosen.seconds == 0) chosen.seconds = 1;
  return chosen;
}

/* Exact below 64; above, each power of two has 64 buckets. */
static unsigned bucket_of(uint64_t ns) {
  if (ns < kPerBand) return (unsigned)ns;
  const unsigned shift = 57u - (unsigned)__builtin_clzll(ns);
  return (shift + 1) * kPerBand + (unsigned)((ns >> shift) - kPerBand);
}

static uint64_t top_of(unsigned bucket) {
  if (bucket < kPerBand) return bucket;
  const unsigned shift = bucket / kPerBand - 1;
  return (((uint64_t)(bucket % kPerBand) + kPerBand + 1) << shift) - 1;
}

static uint64_t quantile(const struct result* result, double share) {
  uint64_t left = (uint64_t)(share * (double)result->answered);
  for (unsigned i = 0; i < kBuckets; ++i) {
    if (result->buckets[i] > left) return top_of(i) < result->max_ns ? top_of(i) : result->max_ns;
    left -= result->buckets[i];
  }
  return result->max_ns;
}

static void add(struct result* result, uint64_t ns) {
  ++result->answered;
  ++result->buckets[bucket_of(ns)];
  result->sum_ns += ns;
  if (ns > result->max_ns) result->max_ns = ns;
}

/* Answers to earlier questions, which had been given up, are passed over. */
static void ask(int fd, const struct options* options, uint64_t asked, struct result* result) {
  static uint8_t question[kUdpSegmentMax];
  static uint8_t answer[kUdpSegmentMax + 1];
  if (result->asked++ == 0) udp_pattern_fill(question, options->size);
  memcpy(question, &asked, sizeof asked);
  const uint64_t start = monotonic_ns();
  if (send(fd, question, options->size, 0) < 0 && errno != ECONNREFUSED && errno != EINTR)
    die("send", options->address, "is there a route?");
  while (!stop_requested) {
    const ssize_t got = recv(fd, answer, sizeof answer, 0);
    const uint64_t now = monotonic_ns();
    if (got < 0 && errno == ECONNREFUSED) die("recv", options->address, "does anybody echo there?");
    if (got < 0 && errno != EAGAIN && errno != EINTR) die("recv", options->address, "is it down?");
    uint64_t answered = asked;
    if (got >= (ssize_t)sizeof answered) memcpy(&answered, answer, sizeof answered);
    if (got >= 0 && answered >= asked) {
      if ((size_t)got == options->size && memcmp(question, answer, options->size) == 0)
        add(result, now - start);
      else
        ++result->corrupt;
      return;
    }
    if (now - start >= UINT64_C(1000000000) * kLostAfterSeconds) {
      ++result->lost;
      return;
    }
  }
  --result->asked; /* a signal came first: it is not known what becomes of it */
}

static void echo(int fd) {
  static uint8_t datagram[65536];
  while (!stop_requested) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(fd, datagram, sizeof datagram, 0, (struct sockaddr*)&from, &size);
    if (got < 0 && errno != EINTR && errno != EAGAIN) die("recvfrom", "the port", "is it down?");
    /* What cannot be sent back is lost, and the other end counts it. */
    if (got >= 0) (void)sendto(fd, datagram, (size_t)got, 0, (struct sockaddr*)&from, size);
  }
}

static int open_socket(const struct options* options) {
  struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons(options->port)};
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket", "UDP", "raise `ulimit -n`?");
  const struct timeval limit = {.tv_sec = kLostAfterSeconds};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
    die("SO_RCVTIMEO", "the socket", "check the kernel");
  if (!options->address) {
    if (bind(fd, (const struct sockaddr*)&end, sizeof end) < 0)
      die("bind", "the port", "choose another --port");
    return fd;
  }
  if (inet_pton(AF_INET, options->address, &end.sin_addr) != 1) usage();
  if (connect(fd, (const struct sockaddr*)&end, sizeof end) < 0)
    die("connect", options->address, "is there a route?");
  return fd;
}

int main(int argc, char** argv) {
  const struct options options = parse(argc, argv);
  stop_by_signal();
  const int fd = open_socket(&options);
  if (!options.address) {
    fprintf(stderr, "udp_round_trip: ready\n");
    echo(fd);
    return 0;
  }
  static struct result result;
  const uint64_t start = monotonic_ns();
  const uint64_t limit_ns = (uint64_t)(options.seconds * 1e9);
  for (uint64_t i = 0; !stop_requested && (options.count == 0 || i < options.count); ++i) {
    if (limit_ns != 0 && monotonic_ns() - start >= limit_ns) break;
    ask(fd, &options, i, &result);
  }
  printf(
      "{\"asked\":%llu,\"answered\":%llu,\"lost\":%llu,\"corrupt\":%llu,\"seconds\":%.6f,"
      "\"mean_ns\":%.0f,\"p50_ns\":%llu,\"p99_ns\":%llu,\"p99.9_ns\":%llu,\"max_ns\":%llu}\n",
      (unsigned long long)result.asked, (unsigned long long)result.answered,
      (unsigned long long)result.lost, (unsigned long long)result.corrupt,
      1e-9 * (double)(monotonic_ns() - start),
      result.answered != 0 ? (double)result.sum_ns / (double)result.answered : 0.0,
      (unsigned long long)quantile(&result, 0.5), (unsigned long long)quantile(&result, 0.99),
      (unsigned long long)quantile(&result, 0.999), (unsigned long long)result.max_ns);
  return result.corrupt == 0 ? 0 : 1;
}
