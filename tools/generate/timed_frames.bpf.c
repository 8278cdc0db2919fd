// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Writes timed frames (bellpull/netdrv/timed_frame.hpp) and redirects them into an interface.
//
// Run by BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES, which fills a page once and then uses
// it again and again, with whatever this program, or who received the frame, left in it. So every
// byte is written every time. A run takes the kernel a grace period of RCU to clean up behind, some
// 20 ms, so there is one run, which turns idly until it is allowed to write more.
// The others need the types of the first.
// clang-format off
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
// clang-format on

char licensed[] SEC("license") = "Dual BSD/GPL";

enum {
  kIpAt = 14,
  kUdpAt = kIpAt + 20,
  kHeaders = kUdpAt + 8,
  kMinFrame = kHeaders + 18,
  kMostFrame = 4096,
  kMostSizes = 64,
  kFirstPort = 0xc000,
  EINVAL = 22,
};

static const __u64 kMix = 0x9e3779b97f4a7c15;
static const __u64 kMixAgain = 0xd6e8feb86659fd93;
static const __u64 kSequenceMask = 0xffffffffffff;

// What is the same in all frames; written before the program is loaded.
volatile const __u32 interface;
volatile const __u32 flows = 1;
volatile const __u32 longest = kMinFrame;  // of the sizes; what each frame is before it is cut
volatile const __u32 size_count = 1;
volatile const __u16 sizes[kMostSizes];
volatile const __u8 headers[kHeaders];
volatile const __u32 ip_sum;
volatile const __u32 udp_sum;
volatile const __u16 macs;

// What the process writes while it runs.
__u64 allowed;  // frames up to this number may be written; atomic
__u64 due_ns;   // when they were to be sent; 0: when each of them is written

// What the process reads.
__u64 next_frame;  // number of the next frame
__u64 bytes;       // of all frames so far
__u64 sent;        // frames that the interface took
__u64 dropped;     // frames that it had no room for
__s32 refused_by;  // error of the last redirect that was refused; 0: none

__u64 runner;  // the thread that the program runs on

struct said {
  __be16 check;
  __be16 flow;
  __be16 sequence_high;
  __be32 sequence_low;
  __be64 time_ns;
} __attribute__((packed));

struct ip_length_and_check {
  __u8 before[2];
  __be16 length;
  __u8 between[6];
  __be16 check;
};

struct udp {
  __be16 source;
  __be16 destination;
  __be16 length;
  __be16 check;
};

static __always_inline __u64 halves(__u64 word) {
  return (word >> 32) + (word & 0xffffffff);
}

static __always_inline __u16 fold(__u64 sum) {
  sum = halves(sum);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return (sum >> 16) + sum;
}

// Returns the sum of the words as they are on the wire.
static __always_inline __u16 write_pattern(__u8* at, void* end, __u64 word) {
  __u64 sum = 0;
  for (int i = 0; i < kMostFrame / 8; ++i) {
    if ((void*)(at + 8) > end) break;
    word += kMix;
    *(__u64*)at = word;
    sum += halves(word);
    at += 8;
  }
  word += kMix;
  __u64 last = 0;
  for (int i = 0; i < 7; ++i) {
    if ((void*)(at + 1) > end) break;
    *at++ = word >> (8 * i);
    last |= (word & (0xffULL << (8 * i)));
  }
  return bpf_htons(fold(sum + halves(last)));
}

static __always_inline int refuse(void) {
  refused_by = -EINVAL;
  return XDP_ABORTED;
}

SEC("xdp")
int write_frame(struct xdp_md* ctx) {
  runner = bpf_get_current_pid_tgid();
  // Pairs with the store in XdpSender::send(): what is allowed has its time.
  if (next_frame >= __sync_fetch_and_add(&allowed, 0)) return XDP_DROP;
  const __u64 number = next_frame++;
  const __u64 flow = number % flows;
  const __u64 turn = number / flows;
  const __u64 sequence = turn & kSequenceMask;
  const __u32 size = sizes[turn % size_count & (kMostSizes - 1)];
  bytes += size;
  if (bpf_xdp_adjust_tail(ctx, (int)(size - longest)) != 0) return refuse();
  __u8* const frame = (void*)(long)ctx->data;
  void* const end = (void*)(long)ctx->data_end;
  if ((void*)(frame + kMinFrame) > end) return refuse();

  const __u64 time = due_ns != 0 ? due_ns : bpf_ktime_get_ns();
  __u64 hash = (sequence << 16 | flow) * kMix;
  hash = (hash ^ hash >> 32 ^ time) * kMixAgain;
  const __u16 check = (hash >> 48) + macs;
  const __u16 port = kFirstPort | flow;
  const __u16 udp_length = size - kUdpAt;
  const __u16 rest = write_pattern(frame + kMinFrame, end, (sequence << 16 | flow) * kMixAgain);
  __u16 udp_check = ~fold((__u64)udp_sum + port + 2 * (__u64)udp_length + check + flow +
                          halves(sequence) + halves(time) + rest);
  if (udp_check == 0) udp_check = 0xffff;

  for (int i = 0; i < kHeaders; ++i) frame[i] = headers[i];
  struct ip_length_and_check* const ip = (void*)(frame + kIpAt);
  ip->length = bpf_htons(size - kIpAt);
  ip->check = bpf_htons(~fold((__u64)ip_sum + size - kIpAt));
  struct udp* const udp = (void*)(frame + kUdpAt);
  udp->source = bpf_htons(port);
  udp->length = bpf_htons(udp_length);
  udp->check = bpf_htons(udp_check);
  struct said* const said = (void*)(frame + kHeaders);
  said->check = bpf_htons(check);
  said->flow = bpf_htons(flow);
  said->sequence_high = bpf_htons(sequence >> 32);
  said->sequence_low = bpf_htonl(sequence);
  said->time_ns = bpf_cpu_to_be64(time);
  return bpf_redirect(interface, 0);
}

// Of the kernel's, what is needed here; where it lies is found out when the program is loaded.
struct net_device {
  int ifindex;
} __attribute__((preserve_access_index));

// The interface's own counters do not tell: a TAP counts one drop for a burst that it drops.
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(count_burst, const struct net_device* from, const struct net_device* to, int taken,
             int lost) {
  if (to->ifindex != (int)interface || bpf_get_current_pid_tgid() != runner) return 0;
  sent += taken;
  dropped += lost;
  return 0;
}

SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(note_refusal, const struct net_device* from, const void* program, const void* target,
             int error) {
  if (bpf_get_current_pid_tgid() == runner) refused_by = error;
  return 0;
}
