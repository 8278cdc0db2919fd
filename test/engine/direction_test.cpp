// SPDX-License-Identifier: BSD-2-Clause
// From memory to a device, from a device to memory, from memory to memory: equals, on one engine
// and on one device.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

constexpr std::size_t kLength = 600;

/// How a transfer ended, of whichever kind of channel.
struct End {
  std::uint64_t token = 0;
  Cookie cookie = 0;
  std::uint64_t bytes = 0;
  Status status = Status::ok;
};

/// A channel that moves bytes between memory in pieces, given per transfer, and its other side.
class Way {
 public:
  virtual ~Way() = default;
  [[nodiscard]] virtual Channel& channel() = 0;
  virtual PrepareResult prepare(std::span<const Segment> list, std::uint64_t token) = 0;
  virtual unsigned poll(std::span<End> ends) = 0;
  /// Issues, for either kind.
  virtual void issue() = 0;
  /// The other side's memory: what is sent there, or comes from there.
  [[nodiscard]] std::array<std::byte, kLength>& beyond() { return beyond_; }
  /// The other side is ready for another transfer, or has had it.
  virtual void get_ready() {}
  virtual void settle(Engine&) {}

 private:
  std::array<std::byte, kLength> beyond_{};
};

/// Memory to memory: the list is the source, or the destination.
class MemoryWay final : public Way {
 public:
  MemoryWay(Engine& engine, QueueLayout layout, bool to_list)
      : to_list_(to_list),
        channel_(engine.open_operations({.size = 64, .layout = layout}, make_copy_backend())) {}
  Channel& channel() override { return *channel_; }
  PrepareResult prepare(std::span<const Segment> list, std::uint64_t token) override {
    const Segment plain{beyond().data(), kLength};
    OperationRequest copy{.operation = Operation::copy, .token = token};
    copy.source = to_list_ ? std::span(&plain, 1) : list;
    copy.destination = to_list_ ? list : std::span(&plain, 1);
    return channel_->prepare({&copy, 1});
  }
  unsigned poll(std::span<End> ends) override {
    std::array<OperationCompletion, 8> done;
    const unsigned count =
        channel_->poll(std::span(done).first(std::min<std::size_t>(8, ends.size())));
    for (unsigned i = 0; i < count; ++i) {
      ends[i] = {done[i].token, done[i].cookie, done[i].bytes, done[i].status};
    }
    return count;
  }
  void issue() override { channel_->issue(); }

 private:
  const bool to_list_;
  std::unique_ptr<OperationChannel> channel_;
};

/// To a device, or from it: a channel of its own stands for the device's other side.
class DeviceWay final : public Way {
 public:
  DeviceWay(Engine& engine, QueueLayout layout, bool to_list, Medium medium) {
    StreamOptions options{.size = 64};
    options.layout = layout;
    std::unique_ptr<Backend> sender, receiver;
    if (medium == Medium::loopback) {
      LoopbackPair ends = make_loopback({});
      sender = std::move(ends.sender);
      receiver = std::move(ends.receiver);
    } else {
      sockets_ = std::make_unique<SocketPair>(SOCK_SEQPACKET);
      sender = writer(sockets_->left(), counters_[0]);
      receiver = reader(sockets_->right(), counters_[1]);
    }
    channel_ = engine.open_stream(options, std::move(to_list ? receiver : sender));
    device_ = engine.open_stream(options, std::move(to_list ? sender : receiver));
  }
  Channel& channel() override { return *channel_; }
  PrepareResult prepare(std::span<const Segment> list, std::uint64_t token) override {
    const Request request{list, token};
    return channel_->prepare({&request, 1});
  }
  unsigned poll(std::span<End> ends) override {
    std::array<Completion, 8> done;
    const unsigned count =
        channel_->poll(std::span(done).first(std::min<std::size_t>(8, ends.size())));
    for (unsigned i = 0; i < count; ++i) {
      ends[i] = {done[i].token, done[i].cookie, done[i].bytes, done[i].status};
    }
    return count;
  }
  void issue() override { channel_->issue(); }
  void get_ready() override {
    REQUIRE(post(*device_, beyond(), 0).kind == PrepareError::Kind::none);
    device_->issue();
  }
  void settle(Engine& engine) override { REQUIRE(collect(engine, *device_, 1).size() == 1); }

 private:
  std::array<FdCounters, 2> counters_;
  std::unique_ptr<SocketPair> sockets_;
  std::unique_ptr<StreamChannel> channel_, device_;
};

// Cuts memory at random places.
std::vector<Segment> cut(std::mt19937_64& random, std::span<std::byte> memory) {
  std::vector<Segment> list;
  while (!memory.empty()) {
    const std::size_t size =
        list.size() == 7 ? memory.size() : 1 + random() % std::min<std::size_t>(memory.size(), 200);
    list.push_back({memory.data(), size});
    memory = memory.subspan(size);
  }
  return list;
}

// What every channel has to do, whichever way its bytes go.
void exercise(Engine& engine, Way& way, bool to_list, std::mt19937_64& random) {
  std::array<std::byte, kLength> memory;
  Channel& channel = way.channel();
  std::array<End, 8> ends;
  for (std::uint64_t round = 1; round <= scaled(100); ++round) {
    for (std::byte& byte : to_list ? way.beyond() : memory) byte = static_cast<std::byte>(random());
    std::array<std::byte, kLength>& target = to_list ? memory : way.beyond();
    target.fill(std::byte{});
    const std::vector<Segment> list = cut(random, memory);
    { const PrepareResult dropped = way.prepare(list, 0); }
    CHECK(channel.free_slots() == channel.size());
    PrepareResult prepared = way.prepare(list, 100 + round);
    REQUIRE(prepared);
    way.get_ready();
    CHECK(channel.submit(std::move(prepared.prepared)) == round);
    full_round(engine);
    CHECK(target == std::array<std::byte, kLength>{});  // before issue nothing moves
    CHECK(way.poll(ends) == 0);
    way.issue();
    REQUIRE(until(engine, [&] { return way.channel().stats().completed == round; }));
    full_round(engine);  // it is counted before it is shown
    CHECK(way.poll({}) == 0);
    REQUIRE(way.poll(ends) == 1);
    CHECK(ends[0].token == 100 + round);
    CHECK(ends[0].cookie == round);
    CHECK(ends[0].bytes == kLength);
    CHECK(ends[0].status == Status::ok);
    way.settle(engine);
    CHECK(memory == way.beyond());
  }
  // Ended by stop, never having been begun.
  const std::vector<Segment> list = cut(random, memory);
  PrepareResult last = way.prepare(list, 7);
  channel.submit(std::move(last.prepared));
  channel.stop();
  REQUIRE(way.poll(ends) == 1);
  CHECK(ends[0].token == 7);
  CHECK(ends[0].status == Status::not_attempted);
  CHECK(channel.free_slots() == channel.size());
}

TEST_CASE("S0.2: channels to devices, from devices and within memory pass one exerciser") {
  const std::uint64_t seed = ring::test::announce_seed("directions", 2);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    Engine engine({.placement = setting.placement});
    for (const bool to_list : {false, true}) {
      CAPTURE(to_list);
      MemoryWay memory(engine, setting.layout, to_list);
      exercise(engine, memory, to_list, random);
      for (const Medium medium : {Medium::loopback, Medium::seqpacket}) {
        DeviceWay device(engine, setting.layout, to_list, medium);
        exercise(engine, device, to_list, random);
      }
    }
  }
}

TEST_CASE("S0.2: from device to device is a value of its own that no back-end takes yet") {
  static_assert(static_cast<unsigned>(Direction::device_to_device) == 2);
  FdCounters counters;
  SocketPair pair(SOCK_DGRAM);
  CHECK_THROWS_AS((void)make_fd_backend(
                      {.fd = pair.left(), .direction = Direction::device_to_device}, counters),
                  std::invalid_argument);
}

}  // namespace
}  // namespace bellpull::engine::test
