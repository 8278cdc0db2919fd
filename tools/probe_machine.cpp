// SPDX-License-Identifier: BSD-2-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>

#include "bellpull/engine/uring_backend.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "probe.hpp"

namespace bellpull::tools {

namespace {

// The value behind `key` at the beginning of a line of a file of /proc; empty if there is none.
std::string line_value(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const auto start = line.find_first_not_of(" \t", key.size());
    return start == std::string::npos ? std::string() : line.substr(start);
  }
  return {};
}

Finding look_at_kernel() {
  utsname name{};
  ::uname(&name);
  int major = 0;
  int minor = 0;
  char dot = 0;
  std::istringstream(name.release) >> major >> dot >> minor;
  // TUNSETVNETLE, which tells the byte order of the virtio-net header, is the newest thing needed.
  const bool ok = major > 3 || (major == 3 && minor >= 19);
  return {"kernel", ok, "run", fmt::format("Linux {} on {}", name.release, name.machine),
          ok ? "" : "boot Linux 3.19 or newer"};
}

Finding look_at_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int cores = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return {"cores", cores >= 2, "--engine thread beside traffic",
          fmt::format("{} for this process", cores),
          cores >= 2 ? "" : "allow the process a second one, or stay with --engine driven"};
}

Finding look_at_clock() {
  timespec tick{};
  ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
  const std::string source =
      line_value("/sys/devices/system/clocksource/clocksource0/current_clocksource", "");
  // These are read through the bus: microseconds instead of nanoseconds.
  const bool ok = source != "hpet" && source != "acpi_pm" && source != "jiffies";
  return {"clock", ok, "cheap time stamps",
          fmt::format("source {}, HZ {}", source.empty() ? "unknown" : source,
                      tick.tv_nsec == 0 ? 0 : 1'000'000'000 / tick.tv_nsec),
          ok ? "" : "boot with clocksource=tsc if the processor's is stable"};
}

Finding look_at_capability(const char* name, unsigned bit, const char* needed_for,
                           const char* remedy) {
  const std::string mask = line_value("/proc/self/status", "CapEff:");
  const bool ok = !mask.empty() && (std::stoull(mask, nullptr, 16) >> bit & 1) != 0;
  return {name, ok, needed_for, ok ? "effective" : "not effective", ok ? "" : remedy};
}

Finding look_at_io_uring() {
  const engine::UringRefusal refusal = engine::uring_refusal();
  const bool ok = refusal.reason.empty();
  return {"io_uring", ok, "run --io uring", ok ? "available" : refusal.reason, refusal.remedy};
}

Finding look_at_ebpf() {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = sizeof(std::uint32_t);
  attributes.value_size = sizeof(std::uint32_t);
  attributes.max_entries = 1;
  const netdrv::UniqueFd map(
      static_cast<int>(::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes)));
  Finding finding{"ebpf", map.get() >= 0, "steering, filters and generate, later",
                  "maps can be made", ""};
  if (finding.ok) return finding;
  const int error = errno;
  finding.detail = fmt::format("BPF_MAP_CREATE: {}", std::strerror(error));
  finding.remedy = error == ENOSYS ? "boot a kernel with CONFIG_BPF_SYSCALL"
                                   : "run as root, or with CAP_BPF and CAP_NET_ADMIN";
  return finding;
}

Finding look_at_btf() {
  const bool ok = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  return {"btf", ok, "eBPF programs that fit any kernel, later",
          ok ? "/sys/kernel/btf/vmlinux is there" : "/sys/kernel/btf/vmlinux is not readable",
          ok ? "" : "mount sysfs, or boot a kernel with CONFIG_DEBUG_INFO_BTF"};
}

Finding look_at_huge_pages() {
  const std::string total = line_value("/proc/meminfo", "HugePages_Total:");
  const std::string size = line_value("/proc/meminfo", "Hugepagesize:");
  const bool ok = !total.empty() && total != "0";
  return {"huge_pages", ok, "rings and pools in huge pages, later",
          total.empty() ? "this kernel has none" : fmt::format("{} reserved of {}", total, size),
          ok              ? ""
          : total.empty() ? "boot a kernel with CONFIG_HUGETLBFS"
                          : "`sysctl -w vm.nr_hugepages=64`"};
}

}  // namespace

std::vector<Finding> look_at_machine() {
  return {look_at_kernel(),
          look_at_cores(),
          look_at_clock(),
          look_at_capability("cap_net_admin", CAP_NET_ADMIN, "run without `unshare -Urn`",
                             "run as root, or inside `unshare -Urn`"),
          look_at_capability("cap_sys_admin", CAP_SYS_ADMIN, "the key netns= of a port",
                             "run as root, or start the program with `ip netns exec`"),
          look_at_io_uring(),
          look_at_ebpf(),
          look_at_btf(),
          look_at_huge_pages()};
}

}  // namespace bellpull::tools
