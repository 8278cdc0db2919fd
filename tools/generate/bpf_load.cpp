// SPDX-License-Identifier: BSD-2-Clause
#include "generate/bpf_load.hpp"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace bellpull::tools::generate {

namespace {

// Since Linux 6.4 the end of a longer log is kept; before, the kernel needs room for all of it.
constexpr std::size_t kLogBytes = 1 << 20;
constexpr unsigned kLines = 4;

const char* remedy(int error) noexcept {
  switch (error) {
    case EPERM:
      return "needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN outside of user namespaces: run as root";
    case ENOENT:
    case ESRCH:
      return "does the kernel have BTF, /sys/kernel/btf/vmlinux, and the tracepoints of XDP?";
    default:
      return "does the kernel allow XDP programs?";
  }
}

}  // namespace

std::string last_lines(std::string_view log, unsigned count) {
  std::vector<std::string_view> lines;
  while (!log.empty()) {
    const auto end = log.find('\n');
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(end == std::string_view::npos ? log.size() : end + 1);
    if (!line.empty() && !line.starts_with("processed ")) lines.push_back(line);
  }
  const std::size_t first = lines.size() > count ? lines.size() - count : 0;
  std::string text;
  for (std::size_t i = first; i < lines.size(); ++i) {
    if (!text.empty()) text += " | ";
    text += lines[i];
  }
  return text;
}

void load_programs(bpf_object_skeleton& skeleton, std::string_view what) {
  ::libbpf_set_print(nullptr);
  // A log for each: the one that is refused is the last that has one.
  std::vector<std::vector<char>> logs;
  bpf_program* program = nullptr;
  while ((program = ::bpf_object__next_program(*skeleton.obj, program)) != nullptr) {
    std::vector<char>& log = logs.emplace_back(kLogBytes);
    ::bpf_program__set_log_buf(program, log.data(), log.size());
  }
  const int error = ::bpf_object__load_skeleton(&skeleton);
  if (error == 0) return;
  std::string said;
  for (const std::vector<char>& log : logs) {
    if (log[0] != '\0') said = last_lines(log.data(), kLines);
  }
  const std::string reason =
      said.empty() ? remedy(-error) : fmt::format("the verifier says: {}", said);
  throw std::system_error(-error, std::generic_category(),
                          fmt::format("load {} ({})", what, reason));
}

}  // namespace bellpull::tools::generate
