// SPDX-License-Identifier: BSD-2-Clause
#include "trace_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>

#include "bellpull/netdrv/unique_fd.hpp"
#include "error.hpp"

namespace bellpull::tools {

namespace {

constexpr std::uint64_t kLatest = 1'000'000'000'000'000;  // 10^15 ns: SimOptions::trace_period_ns
constexpr std::size_t kShown = 40;

[[noreturn]] void fail(int error, const std::string& subject, const std::string& path) {
  throw std::system_error(
      error, std::generic_category(),
      fmt::format("{}: read {} (name a file of text that you may read)", subject, path));
}

std::string read_all(const std::string& subject, const std::string& path) {
  // Non-blocking: a FIFO that nobody writes to would hold us up.
  const netdrv::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) fail(errno, subject, path);
  std::string text;
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  for (std::size_t had = 0;; had = text.size()) {
    text.resize(had + kChunk);
    const ssize_t bytes = ::read(fd.get(), text.data() + had, kChunk);
    if (bytes < 0) fail(errno, subject, path);
    text.resize(had + static_cast<std::size_t>(bytes));
    if (bytes == 0) return text;
    if (text.size() > kMostTraceBytes) {
      throw UsageError(
          fmt::format("{}: {} has more than {} bytes: shorten it", subject, path, kMostTraceBytes));
    }
  }
}

}  // namespace

std::vector<std::uint64_t> read_trace(const std::string& subject, const std::string& path) {
  const std::string text = read_all(subject, path);
  std::vector<std::uint64_t> moments;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto refuse = [&](std::string_view why) {
      throw UsageError(fmt::format("{}: {}, line {}: '{}' {}", subject, path, moments.size() + 1,
                                   line.substr(0, kShown), why));
    };
    std::uint64_t moment = 0;
    const char* const end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data(), end, moment);
    if (error != std::errc{} || stop != end || moment >= kLatest) {
      refuse("is no whole number of ns below 10^15: write one on each line");
    }
    if (!moments.empty() && moment < moments.back()) {
      refuse("is before the line above it: put them in order");
    }
    moments.push_back(moment);
  }
  if (moments.empty()) {
    throw UsageError(
        fmt::format("{}: {} is empty: write one number of ns on each line", subject, path));
  }
  return moments;
}

}  // namespace bellpull::tools
