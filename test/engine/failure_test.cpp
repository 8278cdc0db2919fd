// SPDX-License-Identifier: BSD-2-Clause
// Failures on every back-end: told in the same way, the memory given back and used again, and the
// program outlives all of them.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bellpull/engine/fault_backend.hpp"
#include "operation_rig.hpp"
#include "region_rig.hpp"
#include "sanitizers.hpp"

namespace bellpull::engine::test {
namespace {

constexpr std::size_t kLength = 256;

std::unique_ptr<Backend> faulty(const std::string& plan, std::unique_ptr<Backend> inner,
                                FaultCounters& counters) {
  const ParsedFault parsed = parse_fault(plan);
  REQUIRE_MESSAGE(parsed, parsed.error);
  return make_fault_backend(std::move(inner), parsed.plan, counters);
}

/// Sends pieces of memory somewhere, whatever back-end that takes: to memory or to a device.
class Sender {
 public:
  Sender(Placement placement, QueueLayout layout, const std::string& plan)
      : engine({.placement = placement}), layout_(layout), plan_(plan) {}
  virtual ~Sender() = default;
  /// One transfer of that memory; its end.
  virtual OperationCompletion send(Segment memory, std::uint64_t token) = 0;
  /// What arrived of transfers that ended well.
  virtual std::vector<std::byte> arrived() = 0;
  /// Channels that hold slots.
  [[nodiscard]] virtual const Channel& channel() const = 0;

  Engine engine;

 protected:
  const QueueLayout layout_;
  const std::string plan_;
  FaultCounters counters_;
};

class MemorySender final : public Sender {
 public:
  MemorySender(Placement placement, QueueLayout layout, const std::string& plan)
      : Sender(placement, layout, plan),
        channel_(engine.open_operations({.layout = layout},
                                        faulty(plan, make_copy_backend(), counters_))) {}
  OperationCompletion send(Segment memory, std::uint64_t token) override {
    OperationRequest copy{.operation = Operation::copy, .token = token};
    const Segment target{room_.data(), memory.length};
    copy.source = {&memory, 1};
    copy.destination = {&target, 1};
    REQUIRE(channel_->post({&copy, 1}).kind == PrepareError::Kind::none);
    channel_->issue();
    OperationCompletion done;
    REQUIRE(until(engine, [&] { return channel_->poll({&done, 1}) == 1; }));
    return done;
  }
  std::vector<std::byte> arrived() override { return {room_.begin(), room_.end()}; }
  [[nodiscard]] const Channel& channel() const override { return *channel_; }

 private:
  std::array<std::byte, kLength> room_{};
  std::unique_ptr<OperationChannel> channel_;
};

class DeviceSender final : public Sender {
 public:
  DeviceSender(Placement placement, QueueLayout layout, const std::string& plan, Medium medium)
      : Sender(placement, layout, plan) {
    StreamOptions options{.size = 64};
    options.layout = layout;
    if (medium == Medium::loopback) {
      LoopbackPair ends = make_loopback({});
      tx_ = engine.open_stream(options, faulty(plan, std::move(ends.sender), counters_));
      rx_ = engine.open_stream(options, std::move(ends.receiver));
      return;
    }
    sockets_ =
        std::make_unique<SocketPair>(medium == Medium::seqpacket ? SOCK_SEQPACKET : SOCK_DGRAM);
    tx_ = engine.open_stream(options, faulty(plan, writer(sockets_->left(), fds_[0]), counters_));
    rx_ = engine.open_stream(options, reader(sockets_->right(), fds_[1]));
  }
  OperationCompletion send(Segment memory, std::uint64_t token) override {
    if (rx_->in_flight() == 0) {
      REQUIRE(post(*rx_, room_, 0).kind == PrepareError::Kind::none);
      rx_->issue();
    }
    const Request request{{&memory, 1}, token};
    REQUIRE(tx_->post({&request, 1}).kind == PrepareError::Kind::none);
    tx_->issue();
    Completion done;
    REQUIRE(until(engine, [&] { return tx_->poll({&done, 1}) == 1; }));
    if (done.status == Status::ok) receive();
    return {.token = done.token,
            .cookie = done.cookie,
            .bytes = done.bytes,
            .error = done.error,
            .status = done.status};
  }
  std::vector<std::byte> arrived() override { return {room_.begin(), room_.end()}; }
  [[nodiscard]] const Channel& channel() const override { return *tx_; }

 private:
  // Until a whole one is there: a part of one that failed may come before it.
  void receive() {
    for (;;) {
      Completion done;
      REQUIRE(until(engine, [&] { return rx_->poll({&done, 1}) == 1; }));
      if (done.bytes == kLength) return;
      REQUIRE(post(*rx_, room_, 0).kind == PrepareError::Kind::none);
      rx_->issue();
    }
  }
  std::array<std::byte, kLength> room_{};
  std::array<FdCounters, 2> fds_;
  std::unique_ptr<SocketPair> sockets_;
  std::unique_ptr<StreamChannel> tx_, rx_;
};

using MakeSender = std::function<std::unique_ptr<Sender>(Placement, QueueLayout, std::string)>;

[[nodiscard]] std::vector<MakeSender> all_senders() {
  std::vector<MakeSender> all{[](Placement placement, QueueLayout layout, const std::string& plan) {
    return std::make_unique<MemorySender>(placement, layout, plan);
  }};
  for (const Medium medium : kMedia) {
    all.emplace_back([medium](Placement placement, QueueLayout layout, const std::string& plan) {
      return std::make_unique<DeviceSender>(placement, layout, plan, medium);
    });
  }
  return all;
}

// The one body for all of them: every other transfer fails, and is tried again with the memory that
// its completion gave back.
void fail_and_try_again(Sender& sender) {
  std::array<std::byte, kLength> memory{};
  MappingTable table;
  Domain domain(table, "any");
  AnyRegion region = AnyRegion::map(domain, memory, DeviceAccess::read).region;
  unsigned failed = 0, sent = 0;
  for (std::uint64_t token = 1; sent < 50; ++token) {
    if (region.bytes()) std::memset(memory.data(), static_cast<int>(sent), kLength);
    REQUIRE(region.lend(token) == MappingError::none);
    const Segment piece = region.piece(domain, DeviceAccess::read).value;
    const OperationCompletion end = sender.send(piece, token);
    CHECK(end.token == token);
    CHECK(end.cookie == token);
    if (end.status == Status::ok) {
      CHECK(end.bytes == kLength);
      CHECK(end.error == 0);
      CHECK(sender.arrived() == std::vector(memory.begin(), memory.end()));
      ++sent;
    } else {
      CHECK(end.status == Status::failed);
      CHECK(end.error == EIO);
      CHECK(end.bytes < kLength);
      CHECK(end.segment == 0);
      ++failed;
    }
    CHECK(sender.channel().in_flight() == 0);
    CHECK(sender.channel().free_slots() == sender.channel().size());
    REQUIRE(region.returned(end) == MappingError::none);
  }
  CHECK(failed >= 40);
  CHECK(sender.channel().stats().failed == failed);
  CHECK(domain.stats().maps == 1);
  CHECK(domain.stats().unmaps == 0);
  CHECK(domain.stats().abandoned == 0);
}

TEST_CASE("S0.13, S0.14: all back-ends tell failures alike, and give memory back to be used anew") {
  unsigned which = 0;
  for (const MakeSender& make : all_senders()) {
    CAPTURE(which++);
    for (const Placement placement : kPlacements) {
      for (const QueueLayout layout : kLayouts) {
        CAPTURE(describe(placement));
        CAPTURE(describe(layout));
        fail_and_try_again(*make(placement, layout, "read-error:every=2"));
      }
    }
  }
}

constexpr std::array kFaults{"read-error",   "write-error",   "timeout:reaps=3",
                             "corrupt",      "false-success", "stuck",
                             "late:reaps=4", "duplicate",     "garbage-id"};

// All operations with that fault; each has to come back once, whatever is said of it.
void outlive(const OperationSetting& setting, ErrorPolicy policy, const char* fault) {
  FaultCounters counters;
  OperationRig rig(setting, faulty(std::string(fault) + ":every=3", make_copy_backend(), counters),
                   {.size = 64, .on_error = policy});
  Bytes from(100, std::byte{1}), to(100, std::byte{1});
  Cookie submitted = 0, polled = 0;
  std::array<OperationCompletion, 64> done;
  const auto poll = [&] {
    const unsigned count = rig.channel->poll(done);
    for (unsigned i = 0; i < count; ++i) REQUIRE(done[i].cookie == ++polled);
  };
  for (int round = 0; round < 15; ++round) {
    for (const Operation operation :
         {Operation::nop, Operation::copy, Operation::fill, Operation::crc32c,
          Operation::copy_crc32c, Operation::compare}) {
      OperationRequest request{.operation = operation, .fence = round % 4 == 3};
      if (reads_source(operation)) request.source = from.list();
      if (has_destination(operation)) request.destination = to.list();
      if (rig.submit(request) != 0) ++submitted;
    }
    rig.channel->issue();
    for (int i = 0; i < 3; ++i) step(rig.engine);
    poll();
    if (round % 5 == 4) rig.channel->terminate();
    if (round % 3 == 2) rig.channel->reset();
  }
  rig.channel->terminate();
  poll();
  CHECK(polled == submitted);
  CHECK(submitted >= 40);
  CHECK(rig.channel->free_slots() == 64);
}

TEST_CASE("S0.12: the program outlives every kind of injected fault, with all assertions on") {
#ifndef _GLIBCXX_ASSERTIONS
  MESSAGE("the assertions of the standard library are off in this build");
#endif
  for (const char* const fault : kFaults) {
    CAPTURE(fault);
    for (const OperationSetting& setting : kOperationSettings) {
      CAPTURE(describe(setting));
      for (const ErrorPolicy policy : {ErrorPolicy::go_on, ErrorPolicy::halt}) {
        outlive(setting, policy, fault);
      }
    }
  }
}

TEST_CASE("S0.12: streams outlive every kind of injected fault, too, on either end") {
  for (const char* const fault : kFaults) {
    CAPTURE(fault);
    for (const Placement placement : kPlacements) {
      CAPTURE(describe(placement));
      FaultCounters counters;
      Engine engine({.placement = placement});
      LoopbackPair ends = make_loopback({});
      const std::string plan = std::string(fault) + ":every=3";
      const auto tx =
          engine.open_stream({.size = 16}, faulty(plan, std::move(ends.sender), counters));
      const auto rx =
          engine.open_stream({.size = 16}, faulty(plan, std::move(ends.receiver), counters));
      std::array<std::byte, 32> from{}, to{};
      std::array<Completion, 16> done;
      std::array<Cookie, 2> polled{};
      for (int round = 0; round < 200; ++round) {
        (void)post(*tx, from, 0);
        (void)post(*rx, to, 0);
        tx->issue();
        rx->issue();
        step(engine);
        polled[0] += tx->poll(done);
        polled[1] += rx->poll(done);
      }
      tx->stop();
      rx->stop();
      polled[0] += tx->poll(done);
      polled[1] += rx->poll(done);
      CHECK(polled[0] == tx->stats().submitted);
      CHECK(polled[1] == rx->stats().submitted);
      CHECK(tx->free_slots() == 16);
      CHECK(rx->free_slots() == 16);
    }
  }
}

}  // namespace
}  // namespace bellpull::engine::test
