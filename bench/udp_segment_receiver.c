/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts the datagrams of udp_segment_sender and checks every byte of them. The kernel hands over
 * several in a call where they came as one (UDP_GRO, Linux 5.0).
 *
 * udp_segment_receiver [--port N] [--idle SECONDS] [--no-gro]
 *
 * Ends with one JSON line on standard output, on SIGINT or SIGTERM or when nothing came for --idle
 * seconds after the first datagram. Exit status 1 when one was corrupt.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
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

enum { kSocketBuffer = 64 << 20, kLookEveryUs = 50000 };

struct counts {
  uint64_t datagrams;
  uint64_t bytes;
  uint64_t calls;
  uint64_t corrupt;
  uint64_t behind; /* datagrams behind one with a higher number, duplicates among them */
  uint64_t next;   /* one above the highest number seen */
  uint64_t first_ns;
  uint64_t last_ns;
};

static uint8_t expected[kUdpPayloadMax];

static int open_socket(uint16_t port, bool gro) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket", "the port", "raise `ulimit -n`?");
  const int size = kSocketBuffer;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 &&
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0)
    die("SO_RCVBUF", "the port", "is memory left?");
  const struct timeval look = {.tv_usec = kLookEveryUs};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look) < 0)
    die("SO_RCVTIMEO", "the port", "?");
  const int on = gro;
  if (setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on) < 0)
    die("UDP_GRO", "the port", "give --no-gro");
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (bind(fd, (const struct sockaddr*)&any, sizeof any) < 0)
    die("bind", "the port", "choose another --port");
  return fd;
}

static void count_datagram(struct counts* counts, const uint8_t* datagram, size_t size) {
  uint64_t numbered;
  if (size < sizeof numbered ||
      memcmp(datagram + kUdpNumber, expected + kUdpNumber, size - kUdpNumber) != 0) {
    ++counts->corrupt;
    return;
  }
  memcpy(&numbered, datagram, sizeof numbered);
  ++counts->datagrams;
  counts->bytes += size;
  if (numbered >= counts->next)
    counts->next = numbered + 1;
  else
    ++counts->behind;
}

/* The size of all but the last datagram in what was received at once. */
static size_t segment_of(struct msghdr* message, size_t size) {
  for (struct cmsghdr* part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
    int segment;
    if (part->cmsg_level != SOL_UDP || part->cmsg_type != UDP_GRO) continue;
    memcpy(&segment, CMSG_DATA(part), sizeof segment);
    if (segment > 0) return (size_t)segment;
  }
  return size;
}

static void receive(int fd, double idle_seconds, struct counts* counts) {
  static uint8_t payload[65536];
  const uint64_t idle_ns = (uint64_t)(idle_seconds * 1e9);
  while (!stop_requested) {
    union {
      struct cmsghdr align;
      char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec vector = {.iov_base = payload, .iov_len = sizeof payload};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    const ssize_t got = recvmsg(fd, &message, 0);
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR)
        die("recvmsg", "the port", "is the interface still there?");
      if (idle_ns != 0 && counts->calls != 0 && monotonic_ns() - counts->last_ns > idle_ns) return;
      continue;
    }
    counts->last_ns = monotonic_ns();
    if (counts->calls++ == 0) counts->first_ns = counts->last_ns;
    const size_t size = (size_t)got;
    const size_t segment = segment_of(&message, size);
    for (size_t at = 0; at < size; at += segment)
      count_datagram(counts, payload + at, size - at < segment ? size - at : segment);
  }
}

static void print(int fd, const struct counts* counts) {
  uint32_t memory[SK_MEMINFO_VARS] = {0};
  socklen_t size = sizeof memory;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0)
    die("SO_MEMINFO", "the port", "it needs Linux 4.12");
  const uint64_t lost = counts->next - (counts->datagrams - counts->behind);
  printf(
      "{\"datagrams\":%llu,\"bytes\":%llu,\"calls\":%llu,\"lost\":%llu,\"behind\":%llu,"
      "\"corrupt\":%llu,\"overflowed\":%u,\"seconds\":%.6f}\n",
      (unsigned long long)counts->datagrams, (unsigned long long)counts->bytes,
      (unsigned long long)counts->calls, (unsigned long long)lost,
      (unsigned long long)counts->behind, (unsigned long long)counts->corrupt,
      memory[SK_MEMINFO_DROPS], 1e-9 * (double)(counts->last_ns - counts->first_ns));
}

int main(int argc, char** argv) {
  static const struct option names[] = {{"port", required_argument, NULL, 'p'},
                                        {"idle", required_argument, NULL, 'i'},
                                        {"no-gro", no_argument, NULL, 'n'},
                                        {NULL, 0, NULL, 0}};
  unsigned long port = 5202;
  double idle_seconds = 0;
  bool gro = true;
  bool good = true;
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    char* end = "";
    good = good && c != '?';
    if (c == 'p') port = strtoul(optarg, &end, 10);
    if (c == 'i') idle_seconds = strtod(optarg, &end);
    if (c == 'n') gro = false;
    good = good && *end == '\0' && port >= 1 && port <= 65535 && idle_seconds >= 0;
  }
  if (!good || optind != argc) {
    fprintf(stderr, "usage: udp_segment_receiver [--port N] [--idle SECONDS] [--no-gro]\n");
    return 2;
  }
  stop_by_signal();
  udp_pattern_fill(expected, sizeof expected);
  const int fd = open_socket((uint16_t)port, gro);
  fprintf(stderr, "udp_segment_receiver: ready\n");
  struct counts counts = {0};
  receive(fd, idle_seconds, &counts);
  print(fd, &counts);
  return counts.corrupt == 0 ? 0 : 1;
}
