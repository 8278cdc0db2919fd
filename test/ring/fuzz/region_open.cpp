// SPDX-License-Identifier: BSD-2-Clause
// A memfd from a peer nobody trusts: its seals, its size, its header, and what its parts hold. What
// was opened is used a little, as each kind of ring and queue, by the untrusting halves.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "bellpull/ring/mpsc_consumer.hpp"
#include "bellpull/ring/mpsc_producer.hpp"
#include "bellpull/ring/overwrite_ring.hpp"
#include "bellpull/ring/shared_region.hpp"
#include "bellpull/ring/spsc_consumer.hpp"
#include "bellpull/ring/spsc_producer.hpp"
#include "bellpull/ring/virtqueue.hpp"
#include "entry.hpp"
#include "value_memory.hpp"

namespace bellpull::ring::fuzz {
namespace {

constexpr std::size_t kMostBytes = 16384;
constexpr std::uint32_t kQueue = 4;

struct Wide {
  std::array<std::uint64_t, 3> words;
};

// Spoils a word of `bytes` at most `times` times.
void spoil(std::span<std::byte> bytes, unsigned times, Input& in) {
  for (unsigned i = 0; i < times; ++i) {
    const std::uint64_t word = in.wild(bytes.size());
    const std::size_t width = std::size_t{1} << in.byte() % 4;
    const std::size_t at = in.below(bytes.size() / width) * width;
    std::memcpy(bytes.data() + at, &word, width);
  }
}

// What a peer may have written: a region that is right, and then spoilt.
class Forgery {
 public:
  explicit Forgery(Input& in) {
    header_.magic = kRegionMagic;
    header_.version = kRegionVersion;
    std::uint64_t at = detail::line_up(sizeof(RegionHeader));
    const unsigned parts = 1 + in.below(3);
    for (unsigned i = 0; i < parts; ++i) at = add(in, at);
    header_.bytes = at;
    bytes_.resize(at);
    for (unsigned i = 0; i < header_.parts; ++i) format(in, header_.part[i]);
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    const unsigned how = in.byte();
    // The fields before the parts and the first parts, rather than the empty rest.
    if (how % 2 == 1) {
      spoil(std::span(bytes_).first(16 + sizeof(RegionPart) * (parts + 1)), 1 + how / 2 % 3, in);
    }
    if (how / 8 % 4 == 1) spoil(bytes_, 1 + how / 32, in);
    if (in.once_in(6))
      bytes_.resize(std::max<std::uint64_t>(in.wild(bytes_.size()) % kMostBytes, 1));
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::uint64_t add(Input& in, std::uint64_t at) {
    RegionPart& part = header_.part[header_.parts++];
    part.offset = at;
    part.kind = 1 + in.byte() % 4U;
    shapes_[header_.parts - 1] = {.capacity = 1 + in.byte() % 20U,
                                  .element_bytes = in.once_in(2) ? 24U : 4U,
                                  .element_align = 4,
                                  .producers = 1,
                                  .start = start_of(in)};
    ValueShape& shape = shapes_[header_.parts - 1];
    if (shape.element_bytes == 24) shape.element_align = 8;
    kinds_[header_.parts - 1] = static_cast<ValueRing>(1 + in.byte() % 3);
    if (kinds_[header_.parts - 1] == ValueRing::mpsc) shape.producers = 2;
    switch (static_cast<PartKind>(part.kind)) {
      case PartKind::split:
      case PartKind::packed:
        part.size = kQueue;
        part.bytes = part.kind == static_cast<std::uint32_t>(PartKind::split)
                         ? Split::bytes(kQueue)
                         : Packed::bytes(kQueue);
        break;
      case PartKind::value_ring:
        part.bytes = value_ring_bytes(kinds_[header_.parts - 1], shape);
        break;
      default:
        part.bytes = 1 + in.byte();
    }
    return detail::line_up(at + part.bytes);
  }
  // Rings are made in memory of their own, for that of the vector need not be aligned.
  void format(Input& in, const RegionPart& part) {
    const auto number = static_cast<std::size_t>(&part - header_.part.data());
    ExactMemory room(part.bytes);
    ValueMemory memory;
    if (part.kind == static_cast<std::uint32_t>(PartKind::value_ring)) {
      check(format_value_ring(room.bytes(), kinds_[number], shapes_[number], memory) ==
                SetupError::none,
            "a ring of a good shape is made");
      if (in.once_in(2)) spoil(room.bytes().first(sizeof(ValueHeader)), 1 + in.byte() % 2, in);
    } else if (in.once_in(2)) {
      for (std::byte& byte : room.bytes()) byte = static_cast<std::byte>(in.byte());
    }
    std::memcpy(bytes_.data() + part.offset, room.bytes().data(), part.bytes);
  }

  RegionHeader header_;
  std::array<ValueShape, 4> shapes_{};
  std::array<ValueRing, 4> kinds_{};
  std::vector<std::byte> bytes_;
};

void check_inside(const void* data, std::uint64_t length, std::span<const std::byte> bytes) {
  const auto offset = static_cast<const std::byte*>(data) - bytes.data();
  check(offset >= 0 && static_cast<std::uint64_t>(offset) <= bytes.size() &&
            length <= bytes.size() - static_cast<std::uint64_t>(offset),
        "what is touched lies in what was opened");
}

template <class T>
void use_spsc(const ValueMemory& memory, Input& in) {
  SpscProducer<T, Untrusted> producer;
  SpscConsumer<T, Untrusted> consumer;
  const bool produces = producer.attach(memory) == SetupError::none;
  const bool consumes = consumer.attach(memory) == SetupError::none;
  std::uint32_t number = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint32_t most = in.byte() % 40;
    if (produces) {
      auto batch = producer.reserve(most);
      check_runs(batch.slots(), memory, most, number);
      (void)batch.commit_and_test();
    }
    if (consumes) {
      check_runs(consumer.peek(most), memory, most, number);
      (void)consumer.release_and_test(most);
      (void)consumer.arm();
    }
  }
}

template <class T>
void use_mpsc(const ValueMemory& memory, Input& in) {
  MpscProducer<T, Untrusted> producer;
  MpscConsumer<T, Untrusted> consumer;
  const bool consumes = consumer.attach(memory) == SetupError::none;
  std::uint32_t number = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint32_t most = in.byte() % 40;
    if (consumes) (void)consumer.recover(i);
    if (producer.attach(memory, i) == SetupError::none) {
      auto batch = producer.reserve(most);
      check_runs(batch.slots(), memory, most, number);
      (void)batch.commit_and_test(most / 2);
    }
    if (consumes) {
      check_runs(consumer.peek(most), memory, most, number);
      consumer.release(most);
      (void)consumer.arm();
    }
  }
}

template <class T>
void use_overwrite(const ValueMemory& memory, Input& in) {
  OverwriteProducer<T> producer;
  OverwriteConsumer<T> consumer;
  const bool produces = producer.attach(memory) == SetupError::none;
  const bool consumes = consumer.attach(memory) == SetupError::none;
  std::array<T, 40> values{};
  for (unsigned i = 0; i < 4; ++i) {
    const std::span<T> some = std::span(values).first(in.byte() % 40);
    if (produces) {
      (void)producer.push(some, in.once_in(2) ? Overflow::fail : Overflow::overwrite_oldest);
    }
    if (consumes) check(consumer.pop(some) <= some.size(), "no more comes out than was asked for");
    if (consumes) (void)consumer.arm();
  }
}

template <class T>
void use_value_ring(std::span<std::byte> bytes, ValueRing kind, const ValueMemory& memory,
                    Input& in) {
  check_inside(memory.control, sizeof(ValueControl), bytes);
  check_inside(memory.elements, std::uint64_t{memory.slots} * sizeof(T), bytes);
  check(memory.capacity != 0 && memory.capacity <= memory.slots, "the sizes fit");
  if (kind == ValueRing::spsc) use_spsc<T>(memory, in);
  if (kind == ValueRing::mpsc) use_mpsc<T>(memory, in);
  if (kind == ValueRing::overwrite) use_overwrite<T>(memory, in);
}

template <class Layout>
void use_queue(const typename Layout::Memory& memory, const Region& region, Input& in) {
  std::array<Region, 1> regions{region};
  RegionTable table;
  if (RegionTable::make(regions, table) != SetupError::none) return;
  RegionMap<> map(table);
  std::vector<DeviceSlot> slots(memory.size);
  std::vector<typename Layout::TableEntry> indirect(memory.size);
  Device<Layout, Untrusted, RegionMap<>> device;
  if (device.attach(memory, {.features = {.event_idx = in.once_in(2), .indirect = true},
                             .slots = slots,
                             .indirect = indirect,
                             .map = &map}) == SetupError::none) {
    std::array<Piece, 8> pieces;
    Chain chain;
    Budget budget{.chains = 8, .descriptors = 64};
    while (device.take(budget, pieces, chain) == Pull::chain) {
      for (const Piece& piece : chain.readable_of(pieces)) {
        check_inside(piece.data, piece.length, {region.data, region.length});
      }
      device.complete(chain, 1);
    }
    (void)device.publish_and_test();
    (void)device.arm();
  }
  std::vector<DriverSlot> driver_slots(memory.size);
  Driver<Layout, Untrusted> driver;
  if (driver.attach(memory, {.slots = driver_slots}) != SetupError::none) return;
  const Segment segment{0, 8};
  for (unsigned i = 0; i < 3; ++i) {
    (void)driver.post({&segment, 1}, {}, i);
    (void)driver.publish_and_test();
    (void)driver.poll(4, [](const Used&) {});
    (void)driver.arm();
  }
}

// The value ring at `bytes` as each kind, with values of each size.
void use_as_rings(std::span<std::byte> bytes, Input& in) {
  const auto use = [&]<class T>(T) {
    for (const ValueRing kind : {ValueRing::spsc, ValueRing::mpsc, ValueRing::overwrite}) {
      ValueMemory memory;
      if (open_value_ring(bytes, kind, sizeof(T), alignof(T), memory) != SetupError::none) continue;
      use_value_ring<T>(bytes, kind, memory, in);
    }
  };
  use(std::uint32_t{});
  use(Wide{});
}

// One part, where it is mapped and in a copy whose every byte outside AddressSanitizer sees.
void use_part(const SharedRegion& region, std::uint32_t number, Input& in) {
  const std::span<std::byte> part = region.part(number);
  if (part.empty()) return;
  check_inside(part.data(), part.size(), region.bytes());
  const std::vector<std::byte> before(region.bytes().begin(), region.bytes().end());
  ExactMemory copy(part.size());
  std::copy(part.begin(), part.end(), copy.bytes().begin());
  use_as_rings(copy.bytes(), in);
  for (const ValueRing kind : {ValueRing::spsc, ValueRing::mpsc, ValueRing::overwrite}) {
    ValueMemory memory;
    if (region.value_ring<std::uint32_t>(number, kind, memory) == SetupError::none) {
      use_value_ring<std::uint32_t>(part, kind, memory, in);
    }
  }
  const auto queue = [&]<class Layout>(Layout) {
    typename Layout::Memory memory;
    if (region.queue<Layout>(number, memory) != SetupError::none) return;
    check_inside(memory.desc, 16 * std::size_t{memory.size}, part);
    use_queue<Layout>(memory, region.as_region(), in);
    std::copy_n(before.data() + (part.data() - region.bytes().data()), part.size(),
                copy.bytes().data());
    check(Layout::place(copy.bytes().data(), part.size(), memory.size, memory) == SetupError::none,
          "what fits the part fits its copy");
    use_queue<Layout>(memory, {0, part.size(), copy.bytes().data()}, in);
  };
  queue(Split{});
  queue(Packed{});
  const auto from = static_cast<std::size_t>(part.data() - region.bytes().data());
  const std::span<std::byte> now = region.bytes();
  check(std::equal(now.begin(), now.begin() + static_cast<std::ptrdiff_t>(from), before.begin()) &&
            std::equal(now.begin() + static_cast<std::ptrdiff_t>(from + part.size()), now.end(),
                       before.begin() + static_cast<std::ptrdiff_t>(from + part.size())),
        "the halves of one part touch no other");
}

int forge(Input& in) {
  const int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  check(fd >= 0, "there are memfds");
  const Forgery forgery(in);
  const std::span<const std::byte> bytes = forgery.bytes();
  check(ftruncate(fd, static_cast<off_t>(bytes.size())) == 0 &&
            pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "a memfd can be written");
  constexpr std::array<int, 8> kSeals{F_SEAL_SHRINK | F_SEAL_GROW,
                                      F_SEAL_SHRINK | F_SEAL_GROW,
                                      F_SEAL_SHRINK | F_SEAL_GROW,
                                      F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
                                      0,
                                      F_SEAL_SHRINK,
                                      F_SEAL_GROW,
                                      F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE};
  check(fcntl(fd, F_ADD_SEALS, kSeals[in.byte() % kSeals.size()]) == 0, "it can be sealed");
  return fd;
}

void run(Input in) {
  const int fd = forge(in);
  SharedRegion region;
  const SetupStatus status = region.open(fd);
  const int seals = fcntl(fd, F_GET_SEALS);
  const bool sized = (seals & F_SEAL_SHRINK) != 0 && (seals & F_SEAL_GROW) != 0;
  check(sized || status.error == SetupError::not_sealed, "a file that may shrink is refused");
  close(fd);
  check(static_cast<bool>(status) == (region.fd() >= 0), "either an error or a region");
  check(describe(status.error) != describe(static_cast<SetupError>(0xff)), "errors have words");
  if (!status) check(region.bytes().empty() && region.parts() == 0, "nothing is left of an error");
  for (std::uint32_t i = 0; i <= region.parts(); ++i) use_part(region, i, in);
}

}  // namespace
}  // namespace bellpull::ring::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  bellpull::ring::fuzz::run(bellpull::ring::fuzz::Input({data, bytes}));
  return 0;
}
