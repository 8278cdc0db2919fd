/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends numbered Ethernet frames out of an interface at a set rate; seq_receiver counts them.
 *
 * paced_sender IFACE [--rate FPS] [--count N | --seconds S] [--size BYTES] [--batch N]
 *              [--stream ID] [--bypass]
 *
 * Ends with one JSON line on standard output, also on SIGINT and SIGTERM.
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
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "seq_frame.h"
#include "traffic.h"

enum { kBatchMax = 512, kSizeMax = 1514 };

/* A late sender catches up, but never by more than this: a longer burst would overflow the queue of
   the interface and measure the sender's stall instead of the forwarder. */
static const uint64_t kCatchUpNs = 1000000;
/* Sleeping is too coarse for gaps below this. */
static const uint64_t kSpinNs = 20000;

struct options {
  const char* interface;
  uint64_t rate;
  uint64_t count;
  double seconds;
  size_t size;
  unsigned batch;
  uint32_t stream;
  bool bypass;
};

struct result {
  uint64_t sent;
  uint64_t errors;
  uint64_t skipped;
};

static void refuse(const char* option, const char* text, const char* wanted) {
  fprintf(stderr, "paced_sender: %s '%s' is not usable; give %s\n", option, text, wanted);
  exit(2);
}

static double number(const char* option, const char* text, double least, double most,
                     const char* wanted) {
  char* end = NULL;
  const double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most))
    refuse(option, text, wanted);
  return value;
}

static void usage(void) {
  fprintf(stderr,
          "usage: paced_sender IFACE [--rate FPS, 0: flat out] [--count N | --seconds S]\n"
          "                    [--size 38..1514] [--batch 1..512] [--stream ID] [--bypass]\n");
  exit(2);
}

static struct options parse(int argc, char** argv) {
  static const struct option names[] = {
      {"rate", required_argument, NULL, 'r'},    {"count", required_argument, NULL, 'c'},
      {"seconds", required_argument, NULL, 's'}, {"size", required_argument, NULL, 'z'},
      {"batch", required_argument, NULL, 'b'},   {"stream", required_argument, NULL, 'i'},
      {"bypass", no_argument, NULL, 'q'},        {NULL, 0, NULL, 0}};
  struct options chosen = {.rate = 1000, .size = 60, .batch = 1};
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (c == 'r')
      chosen.rate = (uint64_t)number("--rate", optarg, 0, 1e8, "frames per second");
    else if (c == 'c')
      chosen.count = (uint64_t)number("--count", optarg, 1, 1e15, "a number of frames");
    else if (c == 's')
      chosen.seconds = number("--seconds", optarg, 1e-3, 1e6, "seconds");
    else if (c == 'z')
      chosen.size = (size_t)number("--size", optarg, kSeqFrameMin, kSizeMax, "38 to 1514 bytes");
    else if (c == 'b')
      chosen.batch = (unsigned)number("--batch", optarg, 1, kBatchMax, "1 to 512 frames");
    else if (c == 'i')
      chosen.stream = (uint32_t)number("--stream", optarg, 0, UINT32_MAX, "a 32-bit number");
    else if (c == 'q')
      chosen.bypass = true;
    else
      usage();
  }
  if (optind + 1 != argc) usage();
  if (chosen.count == 0 && chosen.seconds == 0) chosen.seconds = 1;
  chosen.interface = argv[optind];
  return chosen;
}

static int open_socket(const struct options* options, uint8_t mac[6]) {
  /* Protocol 0: the socket only sends, so the kernel queues nothing on it. */
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket(AF_PACKET)", options->interface, "run as root");
  struct ifreq request = {0};
  if (strlen(options->interface) >= sizeof request.ifr_name)
    refuse("interface", options->interface, "a name of at most 15 bytes");
  memcpy(request.ifr_name, options->interface, strlen(options->interface));
  if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
    die("SIOCGIFINDEX", options->interface, "name an interface of this namespace");
  const struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = request.ifr_ifindex};
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
    die("SIOCGIFHWADDR", options->interface, "name an Ethernet interface");
  memcpy(mac, request.ifr_hwaddr.sa_data, 6);
  if (bind(fd, (const struct sockaddr*)&address, sizeof address) < 0)
    die("bind", options->interface, "name an interface of this namespace");
  const int bypass = options->bypass;
  if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) < 0)
    die("PACKET_QDISC_BYPASS", options->interface, "leave --bypass out");
  return fd;
}

static void sleep_until(uint64_t deadline) {
  uint64_t now = monotonic_ns();
  if (deadline > now + kSpinNs) {
    const uint64_t wake = deadline - kSpinNs / 2;
    const struct timespec when = {.tv_sec = (time_t)(wake / 1000000000u),
                                  .tv_nsec = (long)(wake % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
  }
  while (monotonic_ns() < deadline && !stop_requested) continue;
}

/* One batch; returns the frames the kernel took. */
static unsigned send_batch(int fd, struct mmsghdr* messages, unsigned count,
                           struct result* result) {
  unsigned done = 0;
  while (done < count && !stop_requested) {
    const int sent = sendmmsg(fd, messages + done, count - done, 0);
    if (sent > 0) {
      done += (unsigned)sent;
      result->sent += (uint64_t)sent;
    } else if (errno == ENOBUFS || errno == EAGAIN) {
      /* The frame found a full queue: its number stays a hole that the receiver sees. */
      ++result->errors;
      ++done;
    } else if (errno != EINTR) {
      die("sendmmsg", "the interface", "is it up?");
    }
  }
  return done;
}

static uint64_t stream_frames(int fd, const struct options* options, const uint8_t mac[6],
                              struct result* result) {
  static uint8_t frames[kBatchMax][kSizeMax];
  static struct iovec vectors[kBatchMax];
  static struct mmsghdr messages[kBatchMax];
  for (unsigned i = 0; i < options->batch; ++i) {
    seq_frame_fill(frames[i], mac, options->stream);
    vectors[i] = (struct iovec){.iov_base = frames[i], .iov_len = options->size};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  const uint64_t start = monotonic_ns();
  const uint64_t limit_ns = (uint64_t)(options->seconds * 1e9);
  uint64_t sequence = 0;
  uint64_t schedule = start;
  while (!stop_requested) {
    unsigned batch = options->batch;
    if (options->count != 0) {
      if (sequence >= options->count) break;
      if (options->count - sequence < batch) batch = (unsigned)(options->count - sequence);
    }
    if (options->rate != 0) sleep_until(schedule);
    const uint64_t now = monotonic_ns();
    if (limit_ns != 0 && now - start >= limit_ns) break;
    for (unsigned i = 0; i < batch; ++i) seq_frame_stamp(frames[i], sequence + i, now);
    sequence += send_batch(fd, messages, batch, result);
    if (options->rate == 0) continue;
    schedule += (uint64_t)batch * 1000000000u / options->rate;
    if (schedule + kCatchUpNs < now) {
      ++result->skipped;
      schedule = now;
    }
  }
  return monotonic_ns() - start;
}

int main(int argc, char** argv) {
  const struct options options = parse(argc, argv);
  stop_by_signal();
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);

  uint8_t mac[6];
  const int fd = open_socket(&options, mac);
  struct result result = {0};
  const double seconds = 1e-9 * (double)stream_frames(fd, &options, mac, &result);
  printf("{\"sent\":%llu,\"errors\":%llu,\"stalls\":%llu,\"seconds\":%.6f,\"rate\":%.1f}\n",
         (unsigned long long)result.sent, (unsigned long long)result.errors,
         (unsigned long long)result.skipped, seconds,
         seconds > 0 ? (double)result.sent / seconds : 0.0);
  return 0;
}
