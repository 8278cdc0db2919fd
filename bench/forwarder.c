/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The baseline that the patch app is measured against: two TAP interfaces, one thread, one read()
 * and one write() per frame, nothing else. Frozen: a change here changes what every recorded ratio
 * means, so make a second program instead.
 *
 * forwarder TAPA[@NETNS] TAPB[@NETNS] [--poll]
 *
 * superframe_forwarder is the same, compiled with TAP_OFFLOADS: what the kernel may leave undone.
 *
 * SIGINT or SIGTERM ends it with one JSON line on standard output.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef TAP_OFFLOADS
#define TAP_OFFLOADS 0
#endif

enum {
  kVnetHeader = 12,
  kFrameMax = 65535,
  /* The kernel queues 500 frames on a TAP: a burst empties it, and yet a flood from one side can
     neither starve the other side nor the stop event. Shorter bursts cost TCP up to a tenth. */
  kBurst = 512,
};

static volatile sig_atomic_t stop_requested;
static int stop_event = -1;

static uint64_t frames;
static uint64_t dropped;
static uint64_t syscalls;

static void die(const char* call, const char* object, const char* remedy) {
  fprintf(stderr, "forwarder: %s on %s failed: %s; %s\n", call, object, strerror(errno), remedy);
  exit(1);
}

static void on_signal(int signal_number) {
  (void)signal_number;
  const int saved = errno;
  stop_requested = 1;
  /* Readable for ever after, so a signal just before epoll_wait() is not lost. */
  const uint64_t one = 1;
  if (write(stop_event, &one, sizeof one) < 0) stop_requested = 1;
  errno = saved;
}

static void enter_netns(const char* netns) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", netns);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die("open", path, "make it with: ip netns add NAME");
  if (setns(fd, CLONE_NEWNET) < 0) die("setns", path, "run as root");
  close(fd);
}

static int open_tap(const char* spec) {
  char text[300];
  snprintf(text, sizeof text, "%s", spec);
  char* netns = strchr(text, '@');
  if (netns != NULL) *netns++ = '\0';
  struct ifreq request = {0};
  if (text[0] == '\0' || strlen(text) >= sizeof request.ifr_name) {
    fprintf(stderr, "forwarder: '%s' is no interface name; use 1 to 15 bytes\n", text);
    exit(2);
  }
  memcpy(request.ifr_name, text, strlen(text));
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

  const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) die("open", "/proc/self/ns/net", "mount /proc");
  /* The namespace counts when /dev/net/tun is opened, not when the interface is made. */
  if (netns != NULL) enter_netns(netns);
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) die("open", "/dev/net/tun", "load the tun module or run as root");
  if (ioctl(fd, TUNSETIFF, &request) < 0) die("TUNSETIFF", spec, "run as root, with a free name");
  int header_size = kVnetHeader;
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_size) < 0)
    die("TUNSETVNETHDRSZ", spec, "check the kernel");
  if (ioctl(fd, TUNSETOFFLOAD, TAP_OFFLOADS) < 0)
    die("TUNSETOFFLOAD", spec, "it needs the offloads of Linux 6.2");
  if (netns != NULL && setns(home, CLONE_NEWNET) < 0)
    die("setns", "the first namespace", "run as root");
  close(home);
  return fd;
}

static bool costs_one_frame(int error) {
  /* EIO: the interface is down. EINVAL: the kernel dislikes this very frame. */
  return error == EIO || error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINVAL;
}

/* Moves frames until the source is empty, kBurst at most. */
static void forward(int from, int to) {
  static uint8_t frame[kVnetHeader + kFrameMax] __attribute__((aligned(64)));
  for (int i = 0; i < kBurst; ++i) {
    ++syscalls;
    const ssize_t length = read(from, frame, sizeof frame);
    if (length < 0) {
      if (errno == EAGAIN || errno == EIO || errno == EINTR) return;
      die("read", "a TAP", "was the interface deleted?");
    }
    ++syscalls;
    if (write(to, frame, (size_t)length) >= 0) {
      ++frames;
    } else if (costs_one_frame(errno)) {
      ++dropped;
    } else {
      die("write", "a TAP", "was the interface deleted?");
    }
  }
}

static void run_spinning(const int taps[2]) {
  while (!stop_requested) {
    forward(taps[0], taps[1]);
    forward(taps[1], taps[0]);
  }
}

static void run_sleeping(const int taps[2]) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1", "the event loop", "check ulimit -n");
  for (int i = 0; i < 3; ++i) {
    struct epoll_event interest = {.events = EPOLLIN, .data = {.u32 = (uint32_t)i}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, i < 2 ? taps[i] : stop_event, &interest) < 0)
      die("epoll_ctl", "the event loop", "check the kernel");
  }
  while (!stop_requested) {
    /* Level-triggered: a source cut short by the burst limit is reported again at once. */
    struct epoll_event ready[3];
    ++syscalls;
    const int count = epoll_wait(epoll, ready, 3, -1);
    for (int i = 0; i < count; ++i) {
      const uint32_t side = ready[i].data.u32;
      if (side < 2) forward(taps[side], taps[1 - side]);
    }
  }
  close(epoll);
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

int main(int argc, char** argv) {
  const bool poll = argc == 4 && strcmp(argv[3], "--poll") == 0;
  if (argc != 3 && !poll) {
    fprintf(stderr, "usage: forwarder TAPA[@NETNS] TAPB[@NETNS] [--poll]\n");
    return 2;
  }
  stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_event < 0) die("eventfd", "the stop event", "check ulimit -n");
  const struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  const int taps[2] = {open_tap(argv[1]), open_tap(argv[2])};
  fprintf(stderr, "forwarder: ready\n");
  if (poll) {
    run_spinning(taps);
  } else {
    run_sleeping(taps);
  }

  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"frames\":%llu,\"dropped\":%llu,\"syscalls\":%llu,\"user_s\":%.6f,\"system_s\":%.6f}\n",
         (unsigned long long)frames, (unsigned long long)dropped, (unsigned long long)syscalls,
         seconds(usage.ru_utime), seconds(usage.ru_stime));
  return 0;
}
