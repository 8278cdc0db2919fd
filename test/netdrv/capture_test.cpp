// SPDX-License-Identifier: BSD-2-Clause
// What a capture writes, read back by a parser of its own; and what it does when it cannot write.
#include "bellpull/netdrv/capture.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "capture_rig.hpp"
#include "socket_tap.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;
using test::Bytes;
using test::count;
using test::drop_comment;
using test::MemoryFile;
using test::pattern_frame;
using test::PcapngFile;
using test::SocketTap;

namespace {

// Sends on to the next port, but what begins with a number of these is dropped or left lying.
constexpr std::byte kDrop{0xd0};
constexpr std::byte kLeave{0xd1};
constexpr std::byte kNowhere{0xd2};

class FatefulApp final : public App {
 public:
  void receive(unsigned port, std::span<Packet> burst, Egress& egress) noexcept override {
    for (Packet& packet : burst) {
      const std::byte fate = packet.head()[0];
      if (fate == kLeave) continue;
      if (fate == kDrop) {
        egress.drop(std::move(packet), DropReason::bad_checksum);
      } else {
        egress.send(fate == kNowhere ? 99 : 1 - port, std::move(packet));
      }
    }
  }
};

Bytes frame_of(std::size_t size, unsigned seed, std::byte first = std::byte{2}) {
  Bytes frame = pattern_frame(size, seed);
  frame[0] = first;
  return frame;
}

// Two ports that send each other what they get; the first takes longer frames than the second.
class Rig {
 public:
  Rig(int fd, const CaptureOptions& options, Style style = Style::poll)
      : capture_(std::make_unique<Capture>(fd, options)) {
    nic.add_port(links_[0], style);
    nic.add_port(links_[1], style);
    for (const unsigned port : {0U, 1U}) {
      nic.capture(port, capture_->add_port(links_[port].name()));
    }
    capture_->start();
    nic.start();
  }
  ~Rig() { nic.drain(0ms); }

  // Goes in by a port and through the NIC.
  void push(unsigned port, const Bytes& frame) { push_raw(port, frame, Bytes(kVnetHeader)); }
  void push_raw(unsigned port, const Bytes& frame, Bytes header) {
    header.insert(header.end(), frame.begin(), frame.end());
    const std::uint64_t before = nic.stats().ports[port].queues[0].rx_packets;
    REQUIRE(taps[port].push_raw(header));
    while (nic.stats().ports[port].queues[0].rx_packets == before) nic.run_once(-1);
    nic.run_once(0);
    while (!taps[1 - port].pull_raw().empty()) {
    }
  }

  Capture& capture() { return *capture_; }
  void finish(std::chrono::milliseconds limit = 20s) {
    nic.drain(1000ms);
    capture_->finish(limit);
  }
  [[nodiscard]] CaptureCounters all() const {
    const CaptureCounters a = capture_->counters(0);
    const CaptureCounters b = capture_->counters(1);
    return {a.captured + b.captured, a.missed + b.missed, a.filtered + b.filtered};
  }

  std::array<SocketTap, 2> taps;

 private:
  std::unique_ptr<Capture> capture_;
  std::array<TapLink, 2> links_{TapLink(taps[0].device("left", 9000)),
                                TapLink(taps[1].device("right"))};
  FatefulApp app_;
  engine::Engine engine_{engine::EngineOptions{}};

 public:
  Nic nic{engine_, app_, {}};
};

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    reading_ = UniqueFd(ends[0]);
    writing_ = UniqueFd(ends[1]);
    REQUIRE(::fcntl(writing_.get(), F_SETFL, O_NONBLOCK) == 0);
  }
  [[nodiscard]] int writing() const { return writing_.get(); }
  void close_reading() { reading_ = UniqueFd(); }
  void close_writing() { writing_ = UniqueFd(); }

  // Until its other end is closed.
  [[nodiscard]] Bytes read_all() const {
    Bytes all;
    Bytes some(1U << 16U);
    ssize_t got = 0;
    while ((got = ::read(reading_.get(), some.data(), some.size())) > 0) {
      all.insert(all.end(), some.begin(), some.begin() + got);
    }
    return all;
  }

 private:
  UniqueFd reading_;
  UniqueFd writing_;
};

constexpr CaptureOptions kSmallRing{.ring_bytes = 1U << 19U};
constexpr unsigned kFlood = 1500;  // frames of 1400 bytes: more than ring and pipe hold

}  // namespace

TEST_CASE("check 26: each frame in and out is a record with its bytes, nanoseconds and direction") {
  for (const Style style : test::kEveryStyle) {
    CAPTURE(name_of(style).data());
    MemoryFile file;
    std::atomic<std::uint64_t> time{0};
    Rig rig(file.fd(), {.clock = {test::next_ns, &time}}, style);
    rig.push(0, frame_of(60, 1));
    rig.push(1, frame_of(1514, 2));
    rig.finish();
    const PcapngFile read = file.read();
    test::check_file(read, rig.nic.stats());
    REQUIRE(read.interfaces.size() == 2);
    CHECK(read.interfaces[0].name == "left");
    CHECK(read.interfaces[1].name == "right");
    CHECK(read.interfaces[0].resolution == 9);
    REQUIRE(read.packets.size() == 4);
    for (const unsigned i : {0U, 1U, 2U, 3U}) {
      CAPTURE(i);
      const PcapngFile::Packet& packet = read.packets[i];
      CHECK(packet.interface == (i == 0 || i == 3 ? 0 : 1));
      CHECK(packet.direction == i % 2 + 1);
      CHECK(packet.bytes == (i < 2 ? frame_of(60, 1) : frame_of(1514, 2)));
      CHECK(packet.size == packet.bytes.size());
      CHECK(packet.comments.empty());
      CHECK((packet.time >> 40U) == 1);
      if (i != 0) CHECK(packet.time > read.packets[i - 1].time);
    }
    CHECK(rig.all().captured == 4);
    CHECK(rig.all().missed == 0);
    CHECK(rig.capture().written_bytes() == file.bytes().size());
    CHECK(rig.capture().error() == 0);
  }
}

TEST_CASE(
    "check 26: a dropped frame is a record with its reason, and with what its header claims") {
  MemoryFile file;
  Rig rig(file.fd(), {});
  rig.push(0, frame_of(60, 1, kDrop));
  rig.push(0, frame_of(61, 2, kLeave));
  rig.push(0, frame_of(62, 3, kNowhere));
  rig.push(0, pattern_frame(13, 4));
  rig.push(0, Bytes());
  rig.push(0, frame_of(2000, 5));  // the other port takes 1514 and two tags
  Bytes header(kVnetHeader);
  header[0] = std::byte{1};   // VIRTIO_NET_HDR_F_NEEDS_CSUM
  header[6] = std::byte{34};  // csum_start
  header[8] = std::byte{6};   // csum_offset
  rig.push_raw(0, frame_of(70, 6), header);
  rig.finish();
  const PcapngFile read = file.read();
  test::check_file(read, rig.nic.stats());
  CHECK(count(read, 0, 1) == 7);
  CHECK(count(read, 0, 1, drop_comment(DropReason::bad_checksum)) == 1);
  CHECK(count(read, 0, 1, drop_comment(DropReason::unhandled)) == 1);
  CHECK(count(read, 0, 1, drop_comment(DropReason::no_egress)) == 1);
  CHECK(count(read, 0, 1, drop_comment(DropReason::runt)) == 2);
  CHECK(count(read, 0, 1, drop_comment(DropReason::unnegotiated_offload)) == 1);
  CHECK(count(read, 1, 2, drop_comment(DropReason::oversize)) == 1);
  CHECK(count(read, 1, 2) == 0);
  for (const PcapngFile::Packet& packet : read.packets) {
    if (packet.size == 2000) CHECK(packet.bytes == frame_of(2000, 5));
    if (packet.size != 70) continue;
    REQUIRE(!packet.comments.empty());
    CHECK(packet.comments.back() ==
          "virtio-net header: flags 1, gso_type 0, hdr_len 0, gso_size 0, csum_start 34, "
          "csum_offset 6");
  }
}

TEST_CASE(
    "a frame that the device refuses was handed to it and is dropped, for the device's reason") {
  MemoryFile file;
  Rig rig(file.fd(), {});
  rig.taps[1].close();
  rig.push(0, frame_of(60, 1));
  rig.finish();
  const PcapngFile read = file.read();
  const QueueStats right = rig.nic.stats().ports[1].queues[0];
  test::check_file(read, rig.nic.stats());
  CHECK(right.tx_packets == 0);
  CHECK(test::sum(right.tx_dropped) == 1);
  CHECK(count(read, 1, 2) == 1);
}

TEST_CASE("long frames are whole wherever the ring ends") {
  MemoryFile file;
  Rig rig(file.fd(), kSmallRing);
  constexpr unsigned kFrames = 150;  // of 9000 bytes: two and a half times the ring
  for (unsigned i = 0; i < kFrames; ++i) {
    rig.push(0, frame_of(9000 - i, i, kDrop));
    while (rig.all().captured != 2 * (i + 1)) std::this_thread::yield();
  }
  rig.finish();
  const PcapngFile read = file.read();
  REQUIRE(read.packets.size() == std::size_t{2} * kFrames);
  for (unsigned i = 0; i < read.packets.size(); ++i) {
    const bool same = read.packets[i].bytes == frame_of(9000 - i / 2, i / 2, kDrop);
    REQUIRE(same);
  }
}

TEST_CASE("of each frame so many bytes are captured, and only of the events that are wanted") {
  MemoryFile file;
  Rig rig(file.fd(), {.snap = 20, .events = bit_of(CaptureEvent::sent)});
  rig.push(0, frame_of(60, 1));
  rig.push(0, frame_of(61, 1, kDrop));
  rig.finish();
  const PcapngFile read = file.read();
  REQUIRE(read.packets.size() == 1);
  CHECK(read.packets[0].interface == 1);
  CHECK(read.packets[0].direction == 2);
  CHECK(read.packets[0].size == 60);
  Bytes start = frame_of(60, 1);
  start.resize(20);
  CHECK(read.packets[0].bytes == start);
  CHECK(read.interfaces[0].snap == 20);
}

TEST_CASE("the filter sees each frame whole, and what it leaves out is counted") {
  MemoryFile file;
  std::uint64_t shown = 0;
  const CaptureFilter filter{
      [](void* bytes, std::span<const std::byte> frame, std::uint32_t size) noexcept {
        *static_cast<std::uint64_t*>(bytes) += frame.size();
        return size == 61 && frame[0] == std::byte{2};
      },
      &shown};
  Rig rig(file.fd(), {.filter = filter});
  for (const unsigned size : {60U, 61U, 1500U}) rig.push(0, frame_of(size, size));
  rig.finish();
  CHECK(file.read().packets.size() == 2);
  CHECK(rig.all().captured == 2);
  CHECK(rig.all().filtered == 4);
  CHECK(rig.all().missed == 0);
  CHECK(shown == 2 * (60 + 61 + 1500));
}

TEST_CASE(
    "check 26: a file that takes nothing makes frames missed and counted, and no port waits") {
  Pipe pipe;
  Rig rig(pipe.writing(), kSmallRing);
  for (unsigned i = 0; i < kFlood; ++i) rig.push(0, frame_of(1400, i, kDrop));
  CHECK(rig.nic.stats().ports[0].queues[0].rx_packets == kFlood);
  CHECK(rig.all().missed > 0);
  rig.finish(1ms);
  CHECK(rig.all().captured + rig.all().missed == 2 * kFlood);
  CHECK(rig.capture().error() == ETIMEDOUT);
}

TEST_CASE("check 26: a slow file says how many frames are missing, and where") {
  Pipe pipe;
  Rig rig(pipe.writing(), kSmallRing);
  for (unsigned i = 0; i < kFlood; ++i) rig.push(0, frame_of(1400, i, kDrop));
  const std::uint64_t missed = rig.all().missed;
  REQUIRE(missed > 0);
  Bytes read;
  std::thread reader([&] { read = pipe.read_all(); });
  // One more, as soon as there is room for it.
  std::uint64_t last = missed;
  unsigned more = 0;
  for (bool in = false; !in; ++more) {
    rig.push(0, frame_of(60, more, kDrop));
    in = rig.all().missed == last;
    last = rig.all().missed;
  }
  rig.finish();
  pipe.close_writing();
  reader.join();
  const PcapngFile file(read);
  std::uint64_t told = 0;
  for (const PcapngFile::Packet& packet : file.packets) told += packet.missed;
  CHECK(rig.capture().error() == 0);
  CHECK(told == last);
  CHECK(file.statistics.at(0).dropped == last);
  CHECK(file.statistics.at(0).received == 2 * (std::uint64_t{kFlood} + more));
  CHECK(file.statistics.at(0).delivered == file.packets.size());
  CHECK(file.packets.size() + last == 2 * (std::uint64_t{kFlood} + more));
}

TEST_CASE("a disk that is full, or a reader that is gone, ends the capture and nothing else") {
  Pipe pipe;
  pipe.close_reading();
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  for (const int fd : {pipe.writing(), full.get()}) {
    Rig rig(fd, {});
    for (unsigned i = 0; i < 10; ++i) rig.push(0, frame_of(60, i));
    rig.finish();
    CHECK(rig.nic.stats().ports[1].queues[0].tx_packets == 10);
    CHECK(rig.capture().error() == (fd == full.get() ? ENOSPC : EPIPE));
    CHECK(rig.capture().written_bytes() == 0);
    CHECK(rig.all().captured == 0);
    CHECK(rig.all().missed == 20);
  }
}

TEST_CASE("a file that grew too long ends behind its last whole block") {
  MemoryFile file;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 10'000;
  Rig rig(file.fd(), {});
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &low) == 0);
  for (unsigned i = 0; i < 100; ++i) rig.push(0, frame_of(1001, i, kDrop));
  rig.finish();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(rig.capture().error() == EFBIG);
  CHECK(file.bytes().size() == rig.capture().written_bytes());
  CHECK(file.read().packets.size() == rig.all().captured);
  CHECK(rig.all().captured + rig.all().missed == 200);
}

TEST_CASE("options out of range are refused") {
  MemoryFile file;
  const auto refused = [&](const CaptureOptions& options) {
    CHECK_THROWS_AS(Capture(file.fd(), options), std::invalid_argument);
  };
  refused({.snap = 0});
  refused({.snap = kMostSnap + 1});
  refused({.ring_bytes = (1U << 19U) - 1});
  refused({.ring_bytes = (1U << 30U) + 1});
}
