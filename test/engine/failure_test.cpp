// SPDX-License-Identifier: BSD-2-Clause
// Failures on every back-end: told in the same way, the memory given back and used again.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "fault_rig.hpp"
#include "operation_rig.hpp"
#include "region_rig.hpp"
#include "sanitizers.hpp"

namespace bellpull::engine::test {
namespace {

constexpr std::size_t kBytes = 256;

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
  std::array<std::byte, kBytes> room_{};
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
      if (done.bytes == kBytes) return;
      REQUIRE(post(*rx_, room_, 0).kind == PrepareError::Kind::none);
      rx_->issue();
    }
  }
  std::array<std::byte, kBytes> room_{};
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
  std::array<std::byte, kBytes> memory{};
  MappingTable table;
  Domain domain(table, "any");
  AnyRegion region = AnyRegion::map(domain, memory, DeviceAccess::read).region;
  unsigned failed = 0, sent = 0;
  for (std::uint64_t token = 1; sent < 50; ++token) {
    if (region.bytes()) std::memset(memory.data(), static_cast<int>(sent), kBytes);
    REQUIRE(region.lend(token) == MappingError::none);
    const Segment piece = region.piece(domain, DeviceAccess::read).value;
    const OperationCompletion end = sender.send(piece, token);
    CHECK(end.token == token);
    CHECK(end.cookie == token);
    if (end.status == Status::ok) {
      CHECK(end.bytes == kBytes);
      CHECK(end.error == 0);
      CHECK(sender.arrived() == std::vector(memory.begin(), memory.end()));
      ++sent;
    } else {
      CHECK(end.status == Status::failed);
      CHECK(end.error == EIO);
      CHECK(end.bytes < kBytes);
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

}  // namespace
}  // namespace bellpull::engine::test
