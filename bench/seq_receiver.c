/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts the frames of paced_sender on an interface: received, lost, reordered, duplicated.
 *
 * seq_receiver IFACE [--idle SECONDS] [--stream ID]
 *
 * Ends with one JSON line on standard output, on SIGINT or SIGTERM or when nothing came for
 * --idle seconds after the first frame.
 *
 * It sleeps a fixed time between two looks at a large socket buffer instead of blocking on it. A
 * blocked receiver would be woken by whoever delivers the frame, and that cost would land on the
 * forwarder under test.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "seq_frame.h"
#include "traffic.h"

enum {
  kBatch = 256,
  kWindow = 1 << 20, /* frames a duplicate may come late and still be known for one */
  kSocketBuffer = 256 << 20,
  kLookEveryNs = 500000,
};

struct counts {
  uint64_t received;
  uint64_t reordered;
  uint64_t duplicated;
  uint64_t foreign;
  uint64_t next; /* one above the highest sequence number seen */
  uint64_t first_arrival_ns;
  uint64_t last_arrival_ns;
  uint64_t first_sent_ns;
  uint64_t last_sent_ns;
};

static int open_socket(const char* interface) {
  /* Protocol 0 until bound: no frame of another interface gets in before bind(). */
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket(AF_PACKET)", interface, "run as root");
  const int size = kSocketBuffer;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
    die("SO_RCVBUFFORCE", interface, "run as root");
  const struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                      .sll_protocol = htons(kSeqEtherType),
                                      .sll_ifindex = (int)if_nametoindex(interface)};
  if (address.sll_ifindex == 0)
    die("if_nametoindex", interface, "name an interface of this namespace");
  if (bind(fd, (const struct sockaddr*)&address, sizeof address) < 0)
    die("bind", interface, "name an interface of this namespace");
  return fd;
}

/* True when the number was seen before; forgets what lies a window behind the highest. */
static bool seen_before(struct counts* counts, uint64_t sequence) {
  static uint64_t seen[kWindow / 64];
  uint64_t* const word = &seen[sequence % kWindow / 64];
  const uint64_t bit = UINT64_C(1) << (sequence % 64);
  if (sequence >= counts->next) {
    /* A gap of a whole window or more clears every bit once, not once per number. */
    uint64_t from = counts->next;
    if (sequence - from >= kWindow) from = sequence - kWindow + 1;
    for (uint64_t n = from; n <= sequence; ++n)
      seen[n % kWindow / 64] &= ~(UINT64_C(1) << (n % 64));
    counts->next = sequence + 1;
  } else {
    if (*word & bit) return true;
    ++counts->reordered;
  }
  *word |= bit;
  return false;
}

static void count_frame(struct counts* counts, const uint8_t* frame, size_t length, bool any_stream,
                        uint32_t wanted) {
  uint32_t mark = 0;
  uint32_t stream = 0;
  if (length >= kSeqFrameMin) {
    memcpy(&mark, frame + 14, sizeof mark);
    memcpy(&stream, frame + 18, sizeof stream);
  }
  if (mark != kSeqMark || (!any_stream && stream != wanted)) {
    ++counts->foreign;
    return;
  }
  uint64_t sequence;
  uint64_t sent_ns;
  memcpy(&sequence, frame + 22, sizeof sequence);
  memcpy(&sent_ns, frame + 30, sizeof sent_ns);
  if (seen_before(counts, sequence)) {
    ++counts->duplicated;
    return;
  }
  if (counts->received++ == 0) counts->first_sent_ns = sent_ns;
  if (sent_ns > counts->last_sent_ns) counts->last_sent_ns = sent_ns;
}

static void receive(int fd, double idle_seconds, bool any_stream, uint32_t wanted,
                    struct counts* counts) {
  static uint8_t frames[kBatch][64];
  static struct iovec vectors[kBatch];
  static struct mmsghdr messages[kBatch];
  for (unsigned i = 0; i < kBatch; ++i) {
    /* The head is enough: longer frames are cut, which saves the copy. */
    vectors[i] = (struct iovec){.iov_base = frames[i], .iov_len = sizeof frames[i]};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  const struct timespec pause = {.tv_nsec = kLookEveryNs};
  const uint64_t idle_ns = (uint64_t)(idle_seconds * 1e9);
  for (;;) {
    /* Read before the look: whatever is queued when the signal comes is still counted. */
    const bool last_look = stop_requested;
    int got;
    while ((got = recvmmsg(fd, messages, kBatch, MSG_DONTWAIT, NULL)) > 0) {
      counts->last_arrival_ns = monotonic_ns();
      if (counts->first_arrival_ns == 0) counts->first_arrival_ns = counts->last_arrival_ns;
      for (int i = 0; i < got; ++i)
        count_frame(counts, frames[i], messages[i].msg_len, any_stream, wanted);
      if (got < kBatch) break;
    }
    if (got < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
      die("recvmmsg", "the interface", "was it deleted?");
    const bool quiet =
        idle_ns != 0 && counts->received != 0 && monotonic_ns() - counts->last_arrival_ns > idle_ns;
    if (last_look || quiet) return;
    nanosleep(&pause, NULL);
  }
}

static void print(int fd, const struct counts* counts) {
  struct tpacket_stats kernel = {0};
  socklen_t size = sizeof kernel;
  if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &kernel, &size) < 0)
    die("PACKET_STATISTICS", "the socket", "check the kernel");
  printf(
      "{\"received\":%llu,\"lost\":%llu,\"reordered\":%llu,\"duplicated\":%llu,"
      "\"foreign\":%llu,\"overflowed\":%u,\"seconds\":%.6f,\"send_seconds\":%.6f}\n",
      (unsigned long long)counts->received, (unsigned long long)(counts->next - counts->received),
      (unsigned long long)counts->reordered, (unsigned long long)counts->duplicated,
      (unsigned long long)counts->foreign, kernel.tp_drops,
      1e-9 * (double)(counts->last_arrival_ns - counts->first_arrival_ns),
      1e-9 * (double)(counts->last_sent_ns - counts->first_sent_ns));
}

int main(int argc, char** argv) {
  static const struct option names[] = {{"idle", required_argument, NULL, 'i'},
                                        {"stream", required_argument, NULL, 's'},
                                        {NULL, 0, NULL, 0}};
  double idle_seconds = 0;
  bool any_stream = true;
  unsigned long stream = 0;
  char* end = "";
  bool good = true;
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    good = good && c != '?';
    if (c == 'i') idle_seconds = strtod(optarg, &end);
    if (c == 's') stream = strtoul(optarg, &end, 10);
    if (c == 's') any_stream = false;
    good = good && *end == '\0' && idle_seconds >= 0 && stream <= UINT32_MAX;
  }
  if (!good || optind + 1 != argc) {
    fprintf(stderr, "usage: seq_receiver IFACE [--idle SECONDS] [--stream ID]\n");
    return 2;
  }
  stop_by_signal();
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);

  const int fd = open_socket(argv[optind]);
  fprintf(stderr, "seq_receiver: ready\n");
  struct counts counts = {0};
  receive(fd, idle_seconds, any_stream, (uint32_t)stream, &counts);
  print(fd, &counts);
  return 0;
}
