// SPDX-License-Identifier: BSD-2-Clause
#include "restorer.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

namespace bellpull::tools {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Interfaces would outlive their owner, and sockets seem to be listened at.
void close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  int from = 0;
  for (const int fd : kept) {
    if (fd > from) {
      ::close_range(static_cast<unsigned>(from), static_cast<unsigned>(fd) - 1, 0);
    }
    from = fd + 1;
  }
  ::close_range(static_cast<unsigned>(from), ~0u, 0);
}

void wait_for_end(int link) noexcept {
  char byte = 0;
  ssize_t bytes = 0;
  do {
    bytes = ::read(link, &byte, 1);
  } while (bytes > 0 || (bytes < 0 && errno == EINTR));
}

// All that the other process ever does.
void serve(int link, const std::function<void()>& confine, const Restorer::Undo& undo) {
  ::prctl(PR_SET_NAME, "bellpull-undo");
  try {
    confine();
  } catch (const std::system_error&) {
    // Nor can the one that waits for us, who says so and ends.
  }
  wait_for_end(link);
  std::string text;
  for (const std::string& complaint : undo()) text += complaint + '\n';
  // Whoever has gone does not read it.
  static_cast<void>(::send(link, text.data(), text.size(), MSG_NOSIGNAL));
}

}  // namespace

Restorer::Restorer(std::span<const int> descriptors, const std::function<void()>& confine,
                   const Undo& undo) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) {
    fail("socketpair to change interfaces back by (raise `ulimit -n`?)");
  }
  link_ = netdrv::UniqueFd(ends[0]);
  const netdrv::UniqueFd other(ends[1]);
  process_ = ::fork();
  if (process_ < 0) {
    fail(
        "fork the process that changes interfaces back (raise `ulimit -u`, or run with "
        "--privileges keep)");
  }
  if (process_ != 0) return;
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  int status = EXIT_FAILURE;
  try {
    std::vector<int> kept(descriptors.begin(), descriptors.end());
    kept.push_back(STDERR_FILENO);
    kept.push_back(other.get());
    close_all_but(std::move(kept));
    serve(other.get(), confine, undo);
    status = EXIT_SUCCESS;
  } catch (...) {
    // Out of memory; the status says so.
  }
  ::_exit(status);
}

Restorer::~Restorer() {
  try {
    restore();
  } catch (...) {
    // Out of memory for a line that nobody would read.
  }
}

std::vector<std::string> Restorer::restore() {
  if (process_ < 0) return {};
  ::shutdown(link_.get(), SHUT_WR);
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t bytes = ::read(link_.get(), piece.data(), piece.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(bytes));
  }
  std::vector<std::string> complaints = reap();
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    complaints.emplace_back(line);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return complaints;
}

std::vector<std::string> Restorer::reap() {
  const pid_t process = std::exchange(process_, -1);
  int status = 0;
  pid_t ended = 0;
  do {
    ended = ::waitpid(process, &status, 0);
  } while (ended < 0 && errno == EINTR);
  if (ended == process && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) return {};
  return {
      fmt::format("interfaces were not changed back: process {}, bellpull-undo, was to do it "
                  "and {} (compare them with `ip addr`)",
                  process,
                  WIFSIGNALED(status) ? fmt::format("was killed by signal {}", WTERMSIG(status))
                                      : std::string("ran out of memory"))};
}

}  // namespace bellpull::tools
