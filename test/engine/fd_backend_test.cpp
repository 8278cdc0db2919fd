// SPDX-License-Identifier: BSD-2-Clause
// When reads from a descriptor are reported: by the call, not by the clock.
#include "bellpull/engine/fd_backend.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "rig.hpp"

namespace bellpull::engine::test {
namespace {

/// Reads messages that the test sends; always has a transfer for another one.
class Reader {
 public:
  Reader()
      : backend_(make_fd_backend(
            {.fd = pair_.left(), .direction = Direction::device_to_memory, .window = kWindow},
            counters_)) {}

  void send(unsigned messages) {
    for (unsigned i = 0; i < messages; ++i) {
      const std::byte message{};
      REQUIRE(::send(pair_.right(), &message, 1, 0) == 1);
    }
  }

  Reaped reap() {
    while (backend_->window() != 0) {
      Op op;
      op.id = ++started_;
      op.operation = Operation::read;
      op.destination = std::span(&segment_, 1);
      REQUIRE(backend_->start({&op, 1}) == 1);
    }
    std::array<Done, kWindow> done;
    const Reaped reaped = backend_->reap(done);
    for (const Done& one : std::span(done).first(reaped.count)) {
      CHECK(one.id == ++ended_);
      CHECK(one.bytes == 1);
    }
    return reaped;
  }

  [[nodiscard]] std::uint64_t calls() const { return counters_.calls.value(); }

 private:
  static constexpr unsigned kWindow = 8;

  SocketPair pair_{SOCK_DGRAM};
  FdCounters counters_;
  std::unique_ptr<Backend> backend_;
  std::byte memory_{};
  const Segment segment_{&memory_, 1};
  std::uint64_t started_ = 0;
  std::uint64_t ended_ = 0;
};

TEST_CASE("a message that comes alone is reported before the call that finds no other") {
  Reader reader;
  reader.send(1);
  CHECK(reader.reap().would_block);  // nothing is expected yet
  for (unsigned i = 0; i < 3; ++i) {
    reader.send(1);
    const std::uint64_t before = reader.calls();
    Reaped reaped = reader.reap();
    CHECK(reaped.count == 1);
    CHECK_FALSE(reaped.would_block);
    CHECK(reader.calls() == before + 1);
    reaped = reader.reap();
    CHECK(reaped.count == 0);
    CHECK(reaped.would_block);
    CHECK(reader.calls() == before + 2);
  }
}

TEST_CASE("where several came together, those that follow are reported together") {
  Reader reader;
  reader.send(1);
  CHECK(reader.reap().would_block);
  reader.send(4);
  CHECK(reader.reap().count == 1);  // nothing tells it that more have come
  Reaped rest = reader.reap();
  CHECK(rest.count == 3);
  CHECK(rest.would_block);
  for (unsigned i = 0; i < 3; ++i) {
    CHECK(reader.reap().would_block);  // a look in vain changes nothing
    reader.send(4);
    const std::uint64_t before = reader.calls();
    rest = reader.reap();
    CHECK(rest.count == 4);
    CHECK(rest.would_block);
    CHECK(reader.calls() == before + 5);
  }
}

TEST_CASE("what follows a burst is read to its end, one message too") {
  Reader reader;
  reader.send(2);
  CHECK(reader.reap().count == 2);
  reader.send(1);
  Reaped reaped = reader.reap();
  CHECK(reaped.count == 1);
  CHECK(reaped.would_block);  // two were expected
  reader.send(2);
  CHECK(reader.reap().count == 1);
  CHECK(reader.reap().count == 1);
}

}  // namespace
}  // namespace bellpull::engine::test
