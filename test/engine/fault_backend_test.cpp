// SPDX-License-Identifier: BSD-2-Clause
// Faults over the copy back-end, kind by kind: what is reported, and what moved.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "fault_rig.hpp"

namespace bellpull::engine::test {
namespace {

using Rig = FaultRig;

TEST_CASE("without faults a fault back-end is the back-end inside of it") {
  Rig rig("");
  const auto plain = make_copy_backend();
  CHECK(rig.backend->capabilities().operations == plain->capabilities().operations);
  CHECK(rig.backend->window() == plain->window());
  CHECK(rig.backend->wait_source().fd == -1);
  Transfer transfer(5);
  const auto done = rig.run(transfer.op);
  REQUIRE(done.size() == 1);
  CHECK(done[0].bytes == kLength);
  CHECK(transfer.differing() == 0);
  CHECK(rig.counters.transfers.value() == 1);
}

TEST_CASE("S0.13: an injected error names segment and side, and no byte behind its place moved") {
  for (const char* const kind : {"read-error", "write-error"}) {
    for (const unsigned segment : {0u, 1u, 2u}) {
      CAPTURE(kind);
      CAPTURE(segment);
      Rig rig(std::string(kind) + ":segment=" + std::to_string(segment));
      Transfer transfer(6);
      const auto done = rig.run(transfer.op);
      REQUIRE(done.size() == 1);
      CHECK(done[0].id == 6);
      CHECK(done[0].error == EIO);
      CHECK(done[0].segment == segment);
      CHECK(done[0].side == (kind[0] == 'r' ? Side::source : Side::destination));
      CHECK(done[0].bytes >= segment * kPart);
      CHECK(done[0].bytes < (segment + 1) * kPart);
      const auto end = transfer.to.begin() + static_cast<std::ptrdiff_t>(done[0].bytes);
      CHECK(std::equal(transfer.to.begin(), end, transfer.from.begin()));
      CHECK(std::all_of(end, transfer.to.end(), [](std::byte b) { return b == std::byte{}; }));
      CHECK(rig.backend->window() == 64);
    }
  }
}

TEST_CASE("a side, an errno and the last segment can be asked for") {
  Rig rig("read-error:side=destination:segment=60:errno=7");
  Transfer transfer(1);
  const auto done = rig.run(transfer.op);
  REQUIRE(done.size() == 1);
  CHECK(done[0].side == Side::destination);
  CHECK(done[0].segment == 2);
  CHECK(done[0].error == 7);
}

TEST_CASE("a failing transfer ends in its turn, and ends the call") {
  // The place is the first byte of the first segment: the inner back-end never sees it.
  Rig rig("write-error:segment=0:every=2", make_copy_backend({.slice = kLength}));
  std::vector<std::unique_ptr<Transfer>> transfers;
  for (std::uint64_t id = 1; id <= 20; ++id) {
    transfers.push_back(std::make_unique<Transfer>(id));
    for (auto* const list : {&transfers.back()->source, &transfers.back()->destination}) {
      (*list)[0].length = 1;
    }
    REQUIRE(rig.backend->start({&transfers.back()->op, 1}) == 1);
  }
  std::uint64_t next = 1;
  for (int i = 0; i < 100 && next <= 20; ++i) {
    std::array<Done, 16> done;
    const Reaped reaped = rig.backend->reap(done);
    for (unsigned j = 0; j < reaped.count; ++j) {
      CHECK(done[j].id == next);
      CHECK((done[j].error != 0) == (next % 2 == 0));
      CHECK((done[j].error == 0 || j + 1 == reaped.count));
      ++next;
    }
  }
  CHECK(next == 21);
  CHECK(rig.counters.of(FaultKind::write_error) == 10);
}

TEST_CASE("a timeout never moves and fails after so many reaps, and others go on meanwhile") {
  Rig rig("timeout:limit=1:reaps=3");
  Transfer first(1), second(2);
  const std::array<Op, 2> ops{first.op, second.op};
  REQUIRE(rig.backend->start(ops) == 2);
  CHECK(rig.reap(2).at(0).id == 2);
  CHECK(rig.backend->progress(1) == 0);
  const auto done = rig.reap(1);
  REQUIRE(done.size() == 1);
  CHECK(done[0].id == 1);
  CHECK(done[0].error == ETIMEDOUT);
  CHECK(done[0].bytes == 0);
  CHECK(first.to == std::array<std::byte, kLength>{});
}

TEST_CASE("corruption changes one byte, a checksum or the outcome of a compare") {
  Rig rig("corrupt");
  Transfer copy(1), crc(2, Operation::crc32c), equal(3, Operation::compare);
  CHECK(rig.run(copy.op).at(0).error == 0);
  CHECK(copy.differing() == 1);
  Rig honest("");
  CHECK(rig.run(crc.op).at(0).value != honest.run(crc.op).at(0).value);
  const auto done = rig.run(equal.op);
  CHECK(done.at(0).value != 0);
  CHECK(done.at(0).bytes < kLength);
  CHECK(rig.counters.of(FaultKind::corrupt) == 3);
  Transfer nop(4, Operation::nop);
  CHECK(rig.run(nop.op).size() == 1);
  CHECK(rig.counters.of(FaultKind::corrupt) == 3);
}

TEST_CASE("a stuck transfer stays until it is cancelled or all is stopped") {
  Rig rig("stuck:limit=2");
  Transfer first(1), second(2), third(3);
  CHECK(rig.run(first.op, 1000).empty());
  CHECK(rig.backend->window() == 63);
  CHECK(rig.backend->cancel(1));
  CHECK_FALSE(rig.backend->cancel(1));
  CHECK(rig.backend->window() == 64);
  CHECK(rig.run(second.op, 1000).empty());
  rig.backend->stop();
  CHECK(rig.backend->window() == 64);
  CHECK(rig.run(third.op).at(0).id == 3);
  CHECK(rig.counters.of(FaultKind::stuck) == 2);
}

TEST_CASE(
    "a late transfer is reported so many reaps after it ended, and cannot be cancelled then") {
  Rig rig("late:reaps=5");
  Transfer transfer(1);
  CHECK(rig.run(transfer.op, 5).empty());
  CHECK(transfer.differing() == 0);
  CHECK_FALSE(rig.backend->cancel(1));
  CHECK(rig.backend->progress(1) == kLength);
  CHECK(rig.reap(1).at(0).id == 1);
  CHECK(rig.counters.of(FaultKind::late) == 1);
}

TEST_CASE("a duplicate is reported twice, and a garbage id is nobody's") {
  Rig rig("duplicate");
  Transfer transfer(9);
  REQUIRE(rig.backend->start({&transfer.op, 1}) == 1);
  const auto done = rig.reap(10, 1);
  REQUIRE(done.size() == 2);
  CHECK(done[0].id == 9);
  CHECK(done[1].id == 9);
  Rig inventive("garbage-id");
  const auto invented = inventive.run(transfer.op);
  REQUIRE(invented.size() == 2);
  CHECK(invented[0].id != 9);
  CHECK(invented[1].id == 9);
}

TEST_CASE("false success reports all bytes of a transfer that ended half-way") {
  Rig rig("false-success:segment=1");
  Transfer transfer(9);
  const auto done = rig.run(transfer.op);
  REQUIRE(done.size() == 1);
  CHECK(done[0].error == 0);
  CHECK(done[0].bytes == kLength);
  CHECK(transfer.differing() > kPart);
}

}  // namespace
}  // namespace bellpull::engine::test
