// SPDX-License-Identifier: BSD-2-Clause
// Bytes through a device that streams, message by message: what arrives is what was sent, whether
// the device keeps messages apart or not.
#include <algorithm>
#include <array>

#include "checks.hpp"

namespace bellpull::engine::conformance {

namespace {

// A report of a stream is taken as it is; how many bytes there are depends on the device.
void note(Lab& lab, Transfer& transfer, const Done& done) {
  if (done.error != 0) {
    lab.findings.fail(check::kNoFailure, lab.in("failed with " + std::to_string(done.error) + ": " +
                                                describe(transfer)));
  } else if (done.bytes > transfer.length) {
    lab.findings.fail(check::kBytes, lab.in("reported " + std::to_string(done.bytes) +
                                            " bytes: " + describe(transfer)));
  }
}

bool receive_all(Lab& lab, std::vector<std::byte>& into, std::size_t bytes) {
  std::array<std::byte, 65536> room;
  unsigned fruitless = 0;
  while (into.size() < bytes && fruitless <= lab.options.patience) {
    const std::size_t now = lab.subject.peer.receive(room);
    into.insert(into.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(now));
    fruitless = now == 0 ? fruitless + 1 : 0;
  }
  return into.size() == bytes;
}

void check_write(Lab& lab) {
  Transfers transfers;
  Driver driver(lab, lab.subject.make());
  driver.on_done = [&](Transfer& transfer, const Done& done) { note(lab, transfer, done); };
  for (unsigned i = 0; i < lab.options.rounds; ++i) {
    transfers = lab.make(Operation::write, 1 + below(lab.random, 8));
    std::vector<std::byte> sent, arrived;
    for (const auto& transfer : transfers) {
      const std::vector<std::byte> bytes = gather(transfer->source);
      sent.insert(sent.end(), bytes.begin(), bytes.end());
    }
    driver.go_on = [&] {
      std::array<std::byte, 65536> room;
      const std::size_t now = lab.subject.peer.receive(room);
      arrived.insert(arrived.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(now));
    };
    if (!driver.run(transfers, 8, 4)) return;
    for (const auto& transfer : transfers) {
      if (transfer->done_bytes == transfer->length || transfer->error != 0) continue;
      lab.findings.fail(check::kBytes, lab.in("reported " + std::to_string(transfer->done_bytes) +
                                              " bytes: " + describe(*transfer)));
    }
    const bool all = receive_all(lab, arrived, sent.size());
    if (!all || arrived != sent) {
      const auto at =
          std::mismatch(arrived.begin(), arrived.end(), sent.begin(), sent.end()).first -
          arrived.begin();
      lab.findings.fail(
          check::kStream,
          lab.in("of " + std::to_string(sent.size()) + " bytes " + std::to_string(arrived.size()) +
                 " arrived, and byte " + std::to_string(at) +
                 " is the first that is wrong or missing; the " + "first of " +
                 std::to_string(transfers.size()) + " transfers: " + describe(*transfers.front())));
    }
    driver.settle();
  }
}

// One message, read in as many transfers as it takes; false when it does not come.
bool read_message(Lab& lab, Driver& driver, Transfers& transfers) {
  transfers = lab.make(Operation::read, 1);
  std::vector<std::byte> message(1 + below(lab.random, transfers.front()->length));
  for (std::byte& byte : message) byte = static_cast<std::byte>(lab.random());
  if (!lab.subject.peer.send(message)) {
    lab.findings.leave_out(check::kStream, "the peer could not send to an idle device");
    return false;
  }
  std::size_t read = 0;
  driver.on_done = [&](Transfer& transfer, const Done& done) {
    note(lab, transfer, done);
    const std::uint64_t bytes = std::min<std::uint64_t>(done.bytes, message.size() - read);
    const std::vector<std::byte> rest(message.begin() + static_cast<std::ptrdiff_t>(read),
                                      message.end());
    const std::uint64_t at = first_wrong(transfer.destination, rest, 0, bytes);
    if (at != bytes || done.bytes > rest.size() || done.bytes == 0) {
      lab.findings.fail(check::kStream,
                        lab.in("reported " + std::to_string(done.bytes) + " of " +
                               std::to_string(rest.size()) + " bytes, byte " + std::to_string(at) +
                               " is the first that is not as it was sent: " + describe(transfer)));
    }
    read += bytes;
    lab.arena.accept(transfer.destination);
  };
  while (read < message.size()) {
    const std::size_t before = read;
    if (!driver.run(transfers, 1, 4) || read == before) return false;
    driver.settle();
    if (read < message.size()) {
      transfers = lab.make(Operation::read, 1, lab.maker.max_length());
    }
  }
  return true;
}

void check_read(Lab& lab) {
  Transfers transfers;
  Driver driver(lab, lab.subject.make());
  for (unsigned i = 0; i < lab.options.rounds * 4; ++i) {
    if (!read_message(lab, driver, transfers)) return;
  }
}

}  // namespace

void check_stream(Lab& lab) {
  const bool reads = lab.capabilities.operations.contains(Operation::read);
  if (reads ? !lab.subject.peer.send : !lab.subject.peer.receive) {
    for (const char* const name : {check::kCompletes, check::kOnce, check::kStream}) {
      lab.findings.leave_out(name, "the subject has no peer");
    }
    return;
  }
  if (lab.findings.hopeless()) return;
  reads ? check_read(lab) : check_write(lab);
  if (lab.findings.hopeless()) return;
  for (const char* const name : {check::kCompletes, check::kOnce, check::kNoFailure, check::kBytes,
                                 check::kElsewhere, check::kProgress, check::kStream}) {
    lab.findings.pass(name);
  }
}

}  // namespace bellpull::engine::conformance
