// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// A program that the verifier refuses: it reads a frame without asking how long that is.
// The second needs the types of the first.
// clang-format off
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
// clang-format on

char licensed[] SEC("license") = "Dual BSD/GPL";

SEC("xdp")
int read_too_far(struct xdp_md* ctx) {
  const __u8* const frame = (void*)(long)ctx->data;
  return frame[100];
}
