/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the patch app is measured against when it uses io_uring: two TAP interfaces, one thread, one
 * ring, and after readiness a batch of reads and a batch of writes with one call each, nothing
 * else. Frozen: a change here changes what every recorded ratio means, so make another program
 * instead.
 *
 * uring_forwarder TAPA[@NETNS] TAPB[@NETNS]
 *
 * SIGINT or SIGTERM ends it with one JSON line on standard output.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
  kVnetHeader = 12,
  kFrameMax = 2048, /* no superframes: an MTU of 1500 fits */
  kBatch = 64,
  kRounds = 8, /* 512 frames, what forwarder.c moves before it looks at the other side */
};

static volatile sig_atomic_t stop_requested;
static int stop_event = -1;

static struct io_uring ring;
static uint8_t buffers[kBatch][kFrameMax] __attribute__((aligned(64)));
static int results[kBatch];

static uint64_t frames;
static uint64_t dropped;
static uint64_t syscalls;

static void die(const char* call, const char* object, int error, const char* remedy) {
  fprintf(stderr, "uring_forwarder: %s on %s failed: %s; %s\n", call, object, strerror(error),
          remedy);
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
  if (fd < 0) die("open", path, errno, "make it with: ip netns add NAME");
  if (setns(fd, CLONE_NEWNET) < 0) die("setns", path, errno, "run as root");
  close(fd);
}

static int open_tap(const char* spec) {
  char text[300];
  snprintf(text, sizeof text, "%s", spec);
  char* netns = strchr(text, '@');
  if (netns != NULL) *netns++ = '\0';
  struct ifreq request = {0};
  if (text[0] == '\0' || strlen(text) >= sizeof request.ifr_name) {
    fprintf(stderr, "uring_forwarder: '%s' is no interface name; use 1 to 15 bytes\n", text);
    exit(2);
  }
  memcpy(request.ifr_name, text, strlen(text));
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

  const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) die("open", "/proc/self/ns/net", errno, "mount /proc");
  /* The namespace counts when /dev/net/tun is opened, not when the interface is made. */
  if (netns != NULL) enter_netns(netns);
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) die("open", "/dev/net/tun", errno, "load the tun module or run as root");
  if (ioctl(fd, TUNSETIFF, &request) < 0)
    die("TUNSETIFF", spec, errno, "run as root, with a free name");
  int header_size = kVnetHeader;
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_size) < 0)
    die("TUNSETVNETHDRSZ", spec, errno, "check the kernel");
  if (ioctl(fd, TUNSETOFFLOAD, 0) < 0) die("TUNSETOFFLOAD", spec, errno, "check the kernel");
  if (netns != NULL && setns(home, CLONE_NEWNET) < 0)
    die("setns", "the first namespace", errno, "run as root");
  close(home);
  return fd;
}

static void open_ring(const int taps[2]) {
  int error =
      io_uring_queue_init(kBatch, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  if (error < 0)
    die("io_uring_setup", "the ring", -error, "needs Linux 6.1, see io_uring_disabled");
  error = io_uring_register_files(&ring, taps, 2);
  if (error < 0) die("io_uring_register", "the TAPs", -error, "raise `ulimit -n`?");
}

static void add(int write, int tap, unsigned slot, unsigned length) {
  struct io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
  if (write) {
    io_uring_prep_write(sqe, tap, buffers[slot], length, (__u64)-1);
  } else {
    io_uring_prep_read(sqe, tap, buffers[slot], length, (__u64)-1);
  }
  sqe->flags = IOSQE_FIXED_FILE;
  sqe->rw_flags = RWF_NOWAIT; /* O_NONBLOCK alone makes the kernel wait in the background */
  sqe->user_data = slot;
}

static void run_batch(unsigned count) {
  ++syscalls;
  int error = io_uring_submit_and_wait(&ring, count);
  for (unsigned done = 0; done < count;) {
    struct io_uring_cqe* cqe;
    unsigned head;
    unsigned seen = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      results[cqe->user_data] = cqe->res;
      ++seen;
    }
    io_uring_cq_advance(&ring, seen);
    done += seen;
    if (done == count) break;
    if (error < 0 && error != -EINTR) die("io_uring_enter", "the ring", -error, "check the kernel");
    ++syscalls;
    error = io_uring_submit_and_wait(&ring, count - done);
  }
}

/* Moves a batch from one TAP to the other; returns how many it had. */
static unsigned forward_batch(int from, int to) {
  for (unsigned i = 0; i < kBatch; ++i) add(0, from, i, kFrameMax);
  run_batch(kBatch);
  unsigned got = 0;
  for (unsigned i = 0; i < kBatch; ++i) {
    const int length = results[i];
    if (length > 0) {
      add(1, to, i, (unsigned)length);
      ++got;
    } else if (length != -EAGAIN && length != -EIO && length != -EINTR) {
      die("read", "a TAP", -length, "was the interface deleted?");
    }
  }
  if (got == 0) return 0;
  for (unsigned i = 0; i < kBatch; ++i) results[i] = 0;
  run_batch(got);
  for (unsigned i = 0; i < kBatch; ++i) {
    if (results[i] > 0) ++frames;
    /* EIO: the interface is down, or the frame is one that the kernel dislikes. */
    if (results[i] < 0) ++dropped;
  }
  return got;
}

static void forward(int from, int to) {
  for (int i = 0; i < kRounds; ++i)
    if (forward_batch(from, to) < kBatch) return;
}

static void run(const int taps[2]) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1", "the event loop", errno, "check ulimit -n");
  for (int i = 0; i < 3; ++i) {
    struct epoll_event interest = {.events = EPOLLIN, .data = {.u32 = (uint32_t)i}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, i < 2 ? taps[i] : stop_event, &interest) < 0)
      die("epoll_ctl", "the event loop", errno, "check the kernel");
  }
  while (!stop_requested) {
    /* Level-triggered: a source cut short by kRounds is reported again at once. */
    struct epoll_event ready[3];
    ++syscalls;
    const int count = epoll_wait(epoll, ready, 3, -1);
    for (int i = 0; i < count; ++i) {
      const int side = (int)ready[i].data.u32;
      if (side < 2) forward(side, 1 - side);
    }
  }
  close(epoll);
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: uring_forwarder TAPA[@NETNS] TAPB[@NETNS]\n");
    return 2;
  }
  stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_event < 0) die("eventfd", "the stop event", errno, "check ulimit -n");
  const struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  const int taps[2] = {open_tap(argv[1]), open_tap(argv[2])};
  open_ring(taps);
  fprintf(stderr, "uring_forwarder: ready\n");
  run(taps);
  /* A ring lets go of its files some time after the process has ended, unless it is told to. */
  io_uring_unregister_files(&ring);
  io_uring_queue_exit(&ring);

  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"frames\":%llu,\"dropped\":%llu,\"syscalls\":%llu,\"user_s\":%.6f,\"system_s\":%.6f}\n",
         (unsigned long long)frames, (unsigned long long)dropped, (unsigned long long)syscalls,
         seconds(usage.ru_utime), seconds(usage.ru_stime));
  return 0;
}
