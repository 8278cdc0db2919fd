// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>

namespace bellpull::test {

/// How a process ended.
struct Ended {
  int status = -1;    ///< that it exited with; -1: it did not exit
  int signal = 0;     ///< that killed it; 0: none did
  std::string words;  ///< that it left on standard error
};

/// Does something in a process of its own, for what cannot be undone; it exits with what `body`
/// returns, or with 99 after an exception.
inline Ended in_child(const std::function<int()>& body) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);
    ::signal(SIGSEGV, SIG_DFL);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    int status = 99;
    try {
      status = body();
    } catch (const std::exception& error) {
      const std::string what = error.what();
      [[maybe_unused]] const auto told = ::write(STDERR_FILENO, what.data(), what.size());
    }
    ::_exit(status);
  }
  ::close(ends[1]);
  Ended ended;
  std::array<char, 512> piece{};
  for (ssize_t bytes = 0; (bytes = ::read(ends[0], piece.data(), piece.size())) > 0;) {
    ended.words.append(piece.data(), static_cast<std::size_t>(bytes));
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) ended.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
  return ended;
}

}  // namespace bellpull::test
