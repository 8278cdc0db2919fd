// SPDX-License-Identifier: BSD-2-Clause
#include "restorer.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>

#include <system_error>

#include "in_child.hpp"

using bellpull::test::Ended;
using bellpull::test::in_child;
using bellpull::tools::Restorer;
using Lines = std::vector<std::string>;

namespace {

// A pipe by which the other process is heard of.
struct Marks {
  Marks() { REQUIRE(::pipe(ends.data()) == 0); }
  ~Marks() {
    ::close(ends[0]);
    if (ends[1] >= 0) ::close(ends[1]);
  }
  void make(char mark) const { [[maybe_unused]] const auto made = ::write(ends[1], &mark, 1); }
  // All until every other writer has gone.
  std::string all() {
    ::close(std::exchange(ends[1], -1));
    std::string text;
    for (char mark = 0; ::read(ends[0], &mark, 1) == 1;) text += mark;
    return text;
  }

  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("it changes back once, confined, and tells what could not be") {
  Marks marks;
  const std::array kept = {marks.ends[1]};
  Restorer restorer(
      kept, [&] { marks.make('c'); },
      [&] {
        marks.make('u');
        return Lines{"first", "second"};
      });
  CHECK(restorer.restore() == Lines{"first", "second"});
  CHECK(restorer.restore().empty());
  CHECK(marks.all() == "cu");
}

TEST_CASE("it changes back when the object goes") {
  Marks marks;
  const std::array kept = {marks.ends[1]};
  {
    const Restorer restorer(
        kept, [] {}, [&] { return marks.make('u'), Lines(); });
  }
  CHECK(marks.all() == "u");
}

TEST_CASE("it changes back when the process is killed that it belongs to") {
  Marks marks;
  const std::array kept = {marks.ends[1]};
  const Ended ended = in_child([&] {
    const Restorer restorer(
        kept, [] {}, [&] { return marks.make('u'), Lines(); });
    ::raise(SIGKILL);
    return 0;
  });
  CHECK(ended.signal == SIGKILL);
  CHECK(marks.all() == "u");
}

TEST_CASE("it changes back although it could not be confined") {
  Marks marks;
  const std::array kept = {marks.ends[1]};
  Restorer restorer(
      kept, [] { throw std::system_error(EPERM, std::generic_category(), "confine"); },
      [&] { return marks.make('u'), Lines(); });
  CHECK(restorer.restore().empty());
  CHECK(marks.all() == "u");
}

TEST_CASE("who cannot do its work is told of") {
  Restorer killed(
      {}, [] { ::raise(SIGKILL); }, [] { return Lines(); });
  const Lines lines = killed.restore();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("bellpull-undo, was to do it and was killed by signal 9") !=
        std::string::npos);
}

TEST_CASE("it holds no descriptor but those it needs, and hears no signal") {
  Marks marks;
  Marks other;
  const std::array kept = {marks.ends[1]};
  Restorer restorer(
      kept,
      [&] {
        ::raise(SIGTERM);
        const bool closed = ::fcntl(other.ends[0], F_GETFD) < 0 &&
                            ::fcntl(other.ends[1], F_GETFD) < 0 && ::fcntl(0, F_GETFD) < 0 &&
                            ::fcntl(1, F_GETFD) < 0;
        marks.make(closed ? 'y' : 'n');
      },
      [] { return Lines(); });
  CHECK(restorer.restore().empty());
  CHECK(marks.all() == "y");
}
