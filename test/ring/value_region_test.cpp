// SPDX-License-Identifier: BSD-2-Clause
// Which file descriptors and which headers a shared region is opened from.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "bellpull/ring/shared_region.hpp"
#include "bellpull/ring/virtqueue.hpp"
#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

/// A file descriptor of the test's own.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { ::close(fd_); }
  operator int() const { return fd_; }  // NOLINT(google-explicit-constructor)

 private:
  int fd_;
};

RegionPlan plan() {
  RegionPlan plan;
  REQUIRE(plan.add_value_ring(ValueRing::spsc, shape_of<std::uint64_t>(5)) == SetupError::none);
  REQUIRE(plan.add_value_ring(ValueRing::mpsc, shape_of<std::uint32_t>(7, 3)) == SetupError::none);
  REQUIRE(plan.add_bytes(1000) == SetupError::none);
  REQUIRE(plan.add_queue<Split>(8) == SetupError::none);
  REQUIRE(plan.add_queue<Packed>(5) == SetupError::none);
  return plan;
}

/// A region's memory in a memfd with other seals, and with changes to its header.
int copy_of(const SharedRegion& region, int seals, const std::function<void(RegionHeader&)>& change,
            std::int64_t bytes = -1) {
  const int fd = memfd_create("copy", MFD_ALLOW_SEALING);
  REQUIRE(fd >= 0);
  std::string content(reinterpret_cast<const char*>(region.bytes().data()), region.bytes().size());
  RegionHeader header;
  std::memcpy(&header, content.data(), sizeof header);
  change(header);
  std::memcpy(content.data(), &header, sizeof header);
  if (bytes >= 0) content.resize(static_cast<std::size_t>(bytes));
  REQUIRE(write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  REQUIRE(fcntl(fd, F_ADD_SEALS, seals) == 0);
  return fd;
}

constexpr int kSealed = F_SEAL_SHRINK | F_SEAL_GROW;

SetupStatus open_copy(const SharedRegion& region, const std::function<void(RegionHeader&)>& change,
                      std::int64_t bytes = -1) {
  const Fd fd(copy_of(region, kSealed, change, bytes));
  SharedRegion other;
  const SetupStatus status = other.open(fd);
  CHECK((other.fd() >= 0) == static_cast<bool>(status));
  CHECK((other.parts() != 0) == static_cast<bool>(status));
  CHECK(other.bytes().empty() != static_cast<bool>(status));
  return status;
}

TEST_CASE("check 18: a region that was made is sealed against every change of its size") {
  SharedRegion region;
  REQUIRE(region.create("test", plan()));
  const int seals = fcntl(region.fd(), F_GET_SEALS);
  CHECK((seals & F_SEAL_SHRINK) != 0);
  CHECK((seals & F_SEAL_GROW) != 0);
  CHECK((seals & F_SEAL_SEAL) != 0);
  const auto bytes = static_cast<off_t>(region.bytes().size());
  CHECK(ftruncate(region.fd(), bytes - 4096) != 0);
  CHECK(errno == EPERM);
  CHECK(ftruncate(region.fd(), bytes + 4096) != 0);
  CHECK(errno == EPERM);
  CHECK((fcntl(region.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("check 18, D35: a memfd that may shrink or grow is refused at open") {
  SharedRegion region;
  REQUIRE(region.create("test", plan()));
  for (const int seals : {0, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_GROW | F_SEAL_SEAL}) {
    CAPTURE(seals);
    const Fd fd(copy_of(region, seals, [](RegionHeader&) {}));
    SharedRegion other;
    CHECK(other.open(fd).error == SetupError::not_sealed);
    CHECK(other.fd() == -1);
    CHECK(fcntl(fd, F_GETFD) >= 0);  // it stays the caller's
  }
  const Fd fd(copy_of(region, kSealed, [](RegionHeader&) {}));
  SharedRegion other;
  CHECK(other.open(fd));
  CHECK(other.fd() != fd);
  CHECK(other.parts() == 5);
}

TEST_CASE("check 18: what is no memfd is refused at open, with the call where one failed") {
  SharedRegion region;
  const SetupStatus closed = region.open(-1);
  CHECK(closed.error == SetupError::system_call);
  CHECK(closed.call == std::string("fcntl F_GET_SEALS"));
  CHECK(closed.number == EBADF);
  std::array<int, 2> pipes{};
  REQUIRE(pipe(pipes.data()) == 0);
  {
    const Fd in(pipes[0]), out(pipes[1]);
    CHECK(region.open(in).error == SetupError::not_a_memfd);
  }
  CHECK(region.open(pipes[0]).error == SetupError::system_call);  // closed by now
  const Fd zero(::open("/dev/zero", O_RDWR));
  CHECK(region.open(zero).error == SetupError::not_a_memfd);
  const Fd folder(::open("/proc", O_RDONLY | O_DIRECTORY));
  CHECK(region.open(folder).error == SetupError::not_a_memfd);
  // A file of a tmpfs has seals, and none of them; one of another file system has none at all.
  for (const char* const where : {"/tmp", "/dev/shm", "."}) {
    const int fd = ::open(where, O_TMPFILE | O_RDWR, 0600);
    if (fd < 0) {
      MESSAGE("left out: no unnamed file in ", where);
      continue;
    }
    const Fd file(fd);
    REQUIRE(ftruncate(file, 65536) == 0);
    const SetupError error = region.open(file).error;
    CHECK((error == SetupError::not_a_memfd || error == SetupError::not_sealed));
  }
  CHECK(region.fd() == -1);
}

TEST_CASE("check 18: a region that may only be read is refused, not written to") {
  SharedRegion region;
  REQUIRE(region.create("test", plan()));
  const std::string path = "/proc/self/fd/" + std::to_string(region.fd());
  const Fd fd(::open(path.c_str(), O_RDONLY));
  SharedRegion other;
  const SetupStatus status = other.open(fd);
  CHECK(status.error == SetupError::system_call);
  CHECK(status.call == std::string("mmap"));
}

TEST_CASE(
    "check 18: a header that does not fit its memory is refused before a part of it is used") {
  SharedRegion region;
  REQUIRE(region.create("test", plan()));
  const auto with = [&](const std::function<void(RegionHeader&)>& change) {
    return open_copy(region, change).error;
  };
  CHECK(with([](RegionHeader&) {}) == SetupError::none);
  CHECK(with([](RegionHeader& h) { ++h.magic; }) == SetupError::not_a_region);
  CHECK(with([](RegionHeader& h) { ++h.version; }) == SetupError::other_version);
  CHECK(with([](RegionHeader& h) { h.parts = 0; }) == SetupError::not_a_region);
  CHECK(with([](RegionHeader& h) { h.parts = 33; }) == SetupError::not_a_region);
  CHECK(with([](RegionHeader& h) { h.parts = 0xffff; }) == SetupError::not_a_region);
  CHECK(with([](RegionHeader& h) { h.parts = 6; }) == SetupError::not_a_region);  // of 0 bytes
  CHECK(with([](RegionHeader& h) { ++h.bytes; }) == SetupError::not_a_region);
  CHECK(with([](RegionHeader& h) { h.bytes = ~std::uint64_t{0}; }) == SetupError::not_a_region);
  CHECK(with([](RegionHeader& h) { h.bytes = 0; }) == SetupError::not_a_region);
  CHECK(with([](RegionHeader& h) { h.bytes = sizeof h; }) == SetupError::not_a_region);
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(i);
    CHECK(with([&](RegionHeader& h) { h.part[i].bytes = 0; }) == SetupError::not_a_region);
    CHECK(with([&](RegionHeader& h) { h.part[i].bytes = ~std::uint64_t{0}; }) ==
          SetupError::not_a_region);
    CHECK(with([&](RegionHeader& h) { h.part[i].bytes = h.bytes; }) == SetupError::not_a_region);
    CHECK(with([&](RegionHeader& h) { h.part[i].offset = 0; }) == SetupError::not_a_region);
    CHECK(with([&](RegionHeader& h) { h.part[i].offset += 64; }) == SetupError::not_a_region);
    CHECK(with([&](RegionHeader& h) { h.part[i].offset = h.bytes; }) == SetupError::not_a_region);
    CHECK(with([&](RegionHeader& h) { h.part[i].offset = ~std::uint64_t{127}; }) ==
          SetupError::not_a_region);
    if (i == 0) continue;
    // Not sorted; overlapping.
    CHECK(with([&](RegionHeader& h) { std::swap(h.part[i], h.part[i - 1]); }) ==
          SetupError::not_a_region);
    CHECK(with([&](RegionHeader& h) { h.part[i].offset = h.part[i - 1].offset; }) ==
          SetupError::not_a_region);
    CHECK(with([&](RegionHeader& h) { h.part[i - 1].bytes += 4096; }) == SetupError::not_a_region);
  }
  for (const std::int64_t bytes : {0, 1, 100, static_cast<int>(sizeof(RegionHeader)) - 1,
                                   static_cast<int>(sizeof(RegionHeader)), 2000}) {
    CHECK(open_copy(
              region, [](RegionHeader&) {}, bytes)
              .error == SetupError::not_a_region);
  }
}

TEST_CASE("check 18: a part is only what its kind says, and a ring in it is checked for itself") {
  SharedRegion region;
  REQUIRE(region.create("test", plan()));
  ValueMemory ring;
  CHECK(region.value_ring<std::uint64_t>(0, ValueRing::spsc, ring) == SetupError::none);
  CHECK(region.value_ring<std::uint64_t>(0, ValueRing::mpsc, ring) == SetupError::other_kind);
  CHECK(region.value_ring<std::uint32_t>(0, ValueRing::spsc, ring) == SetupError::other_element);
  CHECK(region.value_ring<std::uint32_t>(1, ValueRing::mpsc, ring) == SetupError::none);
  CHECK(ring.producers == 3);
  CHECK(region.value_ring<std::uint64_t>(2, ValueRing::spsc, ring) == SetupError::part_missing);
  CHECK(region.value_ring<std::uint64_t>(5, ValueRing::spsc, ring) == SetupError::part_missing);
  CHECK(region.value_ring<std::uint64_t>(~0U, ValueRing::spsc, ring) == SetupError::part_missing);
  CHECK(region.part(2).size() == 1000);
  CHECK(region.part(5).empty());
  SplitMemory split;
  PackedMemory packed;
  CHECK(region.queue<Split>(3, split) == SetupError::none);
  CHECK(region.queue<Packed>(4, packed) == SetupError::none);
  CHECK(region.queue<Split>(4, split) == SetupError::part_missing);
  CHECK(region.queue<Packed>(0, packed) == SetupError::part_missing);
  // A peer that puts another size into the header of a virtqueue's part.
  for (const std::uint32_t size : {0U, 16U, 32768U, 65536U, ~0U}) {
    const Fd fd(copy_of(region, kSealed, [&](RegionHeader& h) { h.part[3].size = size; }));
    SharedRegion other;
    REQUIRE(other.open(fd));
    CHECK(other.queue<Split>(3, split) != SetupError::none);
  }
  // A later change of the header in memory changes nothing for who has opened it.
  SharedRegion other;
  REQUIRE(other.open(region.fd()));
  std::memset(region.bytes().data(), 0xff, sizeof(RegionHeader));
  CHECK(other.parts() == 5);
  CHECK(other.part(2).size() == 1000);
  CHECK(other.value_ring<std::uint64_t>(0, ValueRing::spsc, ring) == SetupError::none);
}

TEST_CASE("a plan refuses what no region can hold") {
  RegionPlan none;
  SharedRegion region;
  CHECK(region.create("test", none).error == SetupError::parts_too_many);
  CHECK(none.add_bytes(0) == SetupError::region_empty);
  CHECK(none.add_bytes(~std::uint64_t{0}) == SetupError::region_too_large);
  CHECK(none.add_value_ring(ValueRing::spsc, shape_of<int>(0)) == SetupError::capacity_zero);
  CHECK(none.add_queue<Split>(3) == SetupError::size_not_power_of_two);
  CHECK(region.create("test", none).error == SetupError::parts_too_many);
  for (std::size_t i = 0; i < kMaxParts; ++i) REQUIRE(none.add_bytes(1) == SetupError::none);
  CHECK(none.add_bytes(1) == SetupError::parts_too_many);
  CHECK(region.create("test", none));
  CHECK(region.parts() == 32);
  const std::string too_long(300, 'x');
  const SetupStatus status = region.create(too_long.c_str(), none);
  CHECK(status.error == SetupError::system_call);
  CHECK(status.number == EINVAL);
  CHECK(region.fd() == -1);  // what was there is gone
}

TEST_CASE("a region moves with its mapping and closes once") {
  SharedRegion region;
  REQUIRE(region.create("test", plan()));
  const int fd = region.fd();
  const std::byte* const data = region.bytes().data();
  SharedRegion other(std::move(region));
  CHECK(region.fd() == -1);  // NOLINT(bugprone-use-after-move): is what is tested
  CHECK(region.bytes().empty());
  CHECK(other.fd() == fd);
  CHECK(other.bytes().data() == data);
  other = SharedRegion();
  CHECK(fcntl(fd, F_GETFD) == -1);
  other.close();
}

}  // namespace
}  // namespace bellpull::ring::test
