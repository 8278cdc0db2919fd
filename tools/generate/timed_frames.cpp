// SPDX-License-Identifier: BSD-2-Clause
#include "generate/timed_frames.hpp"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "generate/bpf_load.hpp"

namespace bellpull::tools::generate {

TimedFramePrograms::TimedFramePrograms(unsigned interface, const Traffic& traffic)
    : skeleton_(timed_frames_bpf::open()) {
  if (!skeleton_) {
    throw std::system_error(errno, std::generic_category(),
                            "open the XDP program that writes frames (is memory left?)");
  }
  auto& fixed = *skeleton_->rodata;
  static_assert(sizeof fixed.sizes == kMostSizes * sizeof(std::uint16_t));
  const netdrv::TimedFrameBase base = netdrv::TimedFrameWriter(traffic.ends).base();
  static_assert(sizeof fixed.headers == sizeof base.headers);
  fixed.interface = interface;
  fixed.flows = traffic.flows;
  fixed.longest = *std::ranges::max_element(traffic.sizes);
  fixed.size_count = static_cast<std::uint32_t>(traffic.sizes.size());
  std::ranges::copy(traffic.sizes, std::begin(fixed.sizes));
  std::memcpy(fixed.headers, base.headers.data(), sizeof fixed.headers);
  fixed.ip_sum = base.ip_sum;
  fixed.udp_sum = base.udp_sum;
  fixed.macs = base.macs;
  load_programs(*skeleton_->skeleton, "the XDP program that writes frames");
}

void TimedFramePrograms::attach() {
  const int error = timed_frames_bpf::attach(skeleton_.get());
  if (error == 0) return;
  throw std::system_error(-error, std::generic_category(),
                          "attach to the tracepoints of XDP (needs CAP_PERFMON: run as root)");
}

int TimedFramePrograms::write_frame() const noexcept {
  return ::bpf_program__fd(skeleton_->progs.write_frame);
}

}  // namespace bellpull::tools::generate
