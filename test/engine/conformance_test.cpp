// SPDX-License-Identifier: BSD-2-Clause
// Check 35: every back-end of the library passes the conformance kit.
#include "bellpull/engine/conformance.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/fault_backend.hpp"
#include "bellpull/engine/fd_backend.hpp"
#include "bellpull/engine/loopback_backend.hpp"
#include "conformance_rig.hpp"

namespace bellpull::engine::test {
namespace {

using conformance::Report;
using conformance::Subject;
using conformance::Verdict;

void check_passed(const Report& report, std::initializer_list<const char*> left_out) {
  CHECK_MESSAGE(report.passed(), report.text());
  for (const conformance::Check& check : report.checks) {
    if (check.verdict != Verdict::left_out) continue;
    CAPTURE(check.name);
    CAPTURE(check.message);
    CHECK(std::find(left_out.begin(), left_out.end(), check.name) != left_out.end());
  }
}

void check_stream_passed(const Report& report) {
  check_passed(report, {"outcome of nop", "outcome of copy", "outcome of fill", "outcome of crc32c",
                        "outcome of copy_crc32c", "outcome of compare",
                        "segments without bytes are stepped over",
                        "transfers can be started after stop", "nothing moves from pause to resume",
                        "failures say where and how far", "a failure ends the call"});
}

TEST_CASE("check 35: the copy back-end passes, with any window and slice") {
  FaultCounters counters;
  const auto plan = parse_fault("write-error:every=3;read-error:every=2").plan;
  for (const CopyOptions& how :
       {CopyOptions{}, CopyOptions{.window = 1, .slice = 100'000},
        CopyOptions{.window = 7, .slice = 4096}, CopyOptions{.window = 1024, .slice = 777}}) {
    CAPTURE(how.window);
    CAPTURE(how.slice);
    const Subject subject{
        .make = [&] { return make_copy_backend(how); },
        .make_failing = [&] { return make_fault_backend(make_copy_backend(how), plan, counters); }};
    const bool small = how.slice < 10'000;
    check_passed(run(subject, some_rounds(small ? 3 : 6, small ? 1u << 17 : 1u << 20)),
                 {"stream bytes arrive"});
  }
}

// The other end of a loopback pair, run by hand.
class FarEnd {
 public:
  void take(std::unique_ptr<Backend> backend) { backend_ = std::move(backend); }

  bool send(std::span<const std::byte> message) {
    std::vector<std::byte> copy(message.begin(), message.end());
    return move(Operation::write, copy) == message.size();
  }
  std::size_t receive(std::span<std::byte> into) { return move(Operation::read, into); }

 private:
  std::size_t move(Operation operation, std::span<std::byte> bytes) {
    const Segment segment{bytes.data(), bytes.size()};
    Op op;
    op.id = ++id_;
    op.operation = operation;
    (operation == Operation::read ? op.destination : op.source) = {&segment, 1};
    if (backend_->start({&op, 1}) != 1) return 0;
    Done done;
    if (backend_->reap({&done, 1}).count == 1) return done.bytes;
    backend_->stop();
    return 0;
  }

  std::unique_ptr<Backend> backend_;
  std::uint64_t id_ = 0;
};

TEST_CASE("check 35: both ends of the loopback pair pass") {
  for (const bool reads : {false, true}) {
    for (const LoopbackOptions& how :
         {LoopbackOptions{}, LoopbackOptions{.messages = 2, .window = 3}}) {
      CAPTURE(reads);
      CAPTURE(how.messages);
      FarEnd far;
      Subject subject{.make = [&] {
        LoopbackPair pair = make_loopback(how);
        far.take(std::move(reads ? pair.sender : pair.receiver));
        return std::move(reads ? pair.receiver : pair.sender);
      }};
      subject.peer.send = [&](std::span<const std::byte> message) { return far.send(message); };
      subject.peer.receive = [&](std::span<std::byte> into) { return far.receive(into); };
      const Report report = run(subject, some_rounds(24, 1u << 16));
      CHECK(report.streams);
      check_stream_passed(report);
    }
  }
}

// The other end of a socket pair or a pipe.
class FarFd {
 public:
  ~FarFd() { close_both(); }

  int open(int type, bool reads) {
    close_both();
    std::array<int, 2> ends{-1, -1};
    if (type == 0) {
      REQUIRE(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
    } else {
      REQUIRE(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    }
    near_ = ends[reads ? 0 : 1];
    far_ = ends[reads ? 1 : 0];
    return near_;
  }
  [[nodiscard]] int far() const { return far_; }

 private:
  void close_both() {
    if (near_ >= 0) ::close(near_);
    if (far_ >= 0) ::close(far_);
  }
  int near_ = -1, far_ = -1;
};

TEST_CASE("check 35: the file-descriptor back-end passes, on messages and on byte streams") {
  for (const bool reads : {false, true}) {
    for (const int type : {int{SOCK_DGRAM}, int{SOCK_STREAM}, 0}) {
      CAPTURE(reads);
      CAPTURE(type);
      FarFd pair;
      FdCounters counters;
      Subject subject{.make = [&] {
        return make_fd_backend(
            {.fd = pair.open(type, reads),
             .direction = reads ? Direction::device_to_memory : Direction::memory_to_device,
             .framing = type == SOCK_DGRAM ? Framing::message : Framing::bytes,
             .window = 5},
            counters);
      }};
      subject.peer.send = [&](std::span<const std::byte> message) {
        return ::write(pair.far(), message.data(), message.size()) ==
               static_cast<ssize_t>(message.size());
      };
      subject.peer.receive = [&](std::span<std::byte> into) {
        return static_cast<std::size_t>(
            std::max<ssize_t>(0, ::read(pair.far(), into.data(), into.size())));
      };
      check_stream_passed(run(subject, some_rounds(24, 1u << 16)));
    }
  }
}

TEST_CASE(
    "a back-end that streams is reported as such, and without a peer its bytes are left out") {
  const Subject subject{.make = [] { return make_loopback({}).sender; }};
  const Report report = run(subject, some_rounds(8, 1u << 16));
  CHECK(report.passed());
  CHECK(report.streams);
  CHECK(report.find("stream bytes arrive")->verdict == Verdict::left_out);
  CHECK(report.find("stream bytes arrive")->message == "the subject has no peer");
  CHECK(report.find("after stop no memory is touched")->verdict == Verdict::passed);
}

TEST_CASE("the kit refuses a subject that makes nothing and options of nothing") {
  CHECK_THROWS_AS((void)run(Subject{}), std::invalid_argument);
  const Subject subject{.make = [] { return make_copy_backend(); }};
  CHECK_THROWS_AS((void)run(subject, {.max_length = 0}), std::invalid_argument);
  CHECK_THROWS_AS((void)run(subject, {.rounds = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace bellpull::engine::test
