// SPDX-License-Identifier: BSD-2-Clause
// What operations do to memory: each equals a byte-wise oracle, whatever the shapes of the lists
// and the limits of the back-end.
#include <doctest/doctest.h>

#include <random>

#include "operation_rig.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

constexpr std::byte kGuard{0xa5};
constexpr std::size_t kGuardBytes = 64;

// Memory cut into segments in random places, each between guards.
class Scattered {
 public:
  Scattered(std::mt19937_64& random, std::size_t length, std::size_t most) {
    const auto below = [&](std::size_t limit) { return random() % limit; };
    std::vector<std::size_t> cuts{0, length};
    for (std::size_t i = below(most); i != 0; --i) cuts.push_back(below(length + 1));
    std::sort(cuts.begin(), cuts.end());
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      const std::size_t size = cuts[i + 1] - cuts[i];
      auto& memory = memory_.emplace_back(size + 2 * kGuardBytes + 64, kGuard);
      const std::size_t at = kGuardBytes + below(64);
      for (std::size_t k = 0; k < size; ++k) memory[at + k] = static_cast<std::byte>(random());
      list_.push_back({memory.data() + at, size});
    }
    // Empty segments are allowed, wherever they point.
    if (below(3) == 0) list_.insert(list_.begin() + static_cast<long>(below(list_.size() + 1)), {});
  }

  [[nodiscard]] std::span<const Segment> list() const { return list_; }
  [[nodiscard]] std::vector<std::byte> joined() const {
    std::vector<std::byte> all;
    for (const Segment& segment : list_) {
      all.insert(all.end(), segment.data, segment.data + segment.length);
    }
    return all;
  }
  void assign(std::span<const std::byte> bytes) {
    for (const Segment& segment : list_) {
      std::copy_n(bytes.begin(), segment.length, segment.data);
      bytes = bytes.subspan(segment.length);
    }
  }
  [[nodiscard]] bool guards_stand() const {
    std::size_t at = 0;
    for (const auto& memory : memory_) {
      while (list_[at].data == nullptr) ++at;
      const Segment& segment = list_[at++];
      for (const std::byte& byte : memory) {
        const bool inside = &byte >= segment.data && &byte < segment.data + segment.length;
        if (!inside && byte != kGuard) return false;
      }
    }
    return true;
  }

 private:
  std::deque<std::vector<std::byte>> memory_;
  std::vector<Segment> list_;
};

constexpr std::array kAll{Operation::nop,    Operation::copy,        Operation::fill,
                          Operation::crc32c, Operation::copy_crc32c, Operation::compare};

// One transfer, and what it has to come to.
struct Case {
  Case(std::mt19937_64& random, std::size_t longest, std::size_t segments, Operation what)
      : operation(what),
        length(what == Operation::nop ? 0 : 1 + random() % longest),
        source(random, reads_source(what) ? length : 0, reads_source(what) ? segments : 1),
        destination(random, has_destination(what) ? length : 0,
                    has_destination(what) ? segments : 1),
        pattern(random()),
        pattern_bytes(static_cast<std::uint8_t>(1 + random() % 8)),
        seed(static_cast<std::uint32_t>(random())) {
    before = source.joined();
    expected = destination.joined();
    if (what == Operation::copy || what == Operation::copy_crc32c) expected = before;
    if (what == Operation::fill) {
      for (std::size_t i = 0; i < length; ++i) {
        expected[i] = static_cast<std::byte>(pattern >> (8 * (i % pattern_bytes)));
      }
    }
    if (what == Operation::crc32c || what == Operation::copy_crc32c) {
      value = slow_crc32c(seed, before);
    }
    bytes = length;
    if (what == Operation::compare) {
      expected = before;
      if (random() % 2 == 0) {
        bytes = random() % length;
        expected[bytes] ^= std::byte{1};
        value = 1;
      }
      destination.assign(expected);
    }
  }

  [[nodiscard]] OperationRequest request(std::uint64_t token) const {
    OperationRequest request{.operation = operation, .token = token};
    request.pattern = pattern;
    request.pattern_bytes = pattern_bytes;
    request.seed = seed;
    if (reads_source(operation)) request.source = source.list();
    if (has_destination(operation)) request.destination = destination.list();
    return request;
  }

  Operation operation;
  std::size_t length;
  Scattered source;
  Scattered destination;
  std::uint64_t pattern;
  std::uint8_t pattern_bytes;
  std::uint32_t seed;
  std::vector<std::byte> before;
  std::vector<std::byte> expected;
  std::uint32_t value = 0;
  std::uint64_t bytes = 0;
};

void check_done(const Case& wanted, const OperationCompletion& done) {
  const std::string operation = name_of(wanted.operation);
  CAPTURE(operation);
  CAPTURE(wanted.length);
  CHECK(done.status == Status::ok);
  CHECK(done.error == 0);
  CHECK(done.bytes == wanted.bytes);
  CHECK(done.value == wanted.value);
  CHECK(wanted.source.joined() == wanted.before);
  CHECK(wanted.destination.joined() == wanted.expected);
  CHECK(wanted.source.guards_stand());
  CHECK(wanted.destination.guards_stand());
}

// Random transfers, many in flight, over a back-end of those limits.
void run_cases(const OperationSetting& setting, const Capabilities& limits, std::size_t longest,
               std::size_t segments, int rounds, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto backend = std::make_unique<LimitedBackend>(limits, CopyOptions{.window = 8, .slice = 997});
  const LimitedBackend& watched = *backend;
  OperationRig rig(setting, std::move(backend), {.size = 512});
  for (int round = 0; round < rounds; ++round) {
    std::deque<Case> cases;
    for (int i = 0; i < 12; ++i) {
      const Operation what = kAll[random() % kAll.size()];
      const Case& next = cases.emplace_back(random, longest, segments, what);
      const OperationRequest request = next.request(cases.size());
      const PrepareError error = rig.channel->post({&request, 1});
      if (error.kind == PrepareError::Kind::would_block) {
        cases.pop_back();
        break;
      }
      REQUIRE(describe(error.reason) == describe(PrepareReason::none));
    }
    rig.channel->issue();
    const auto done = rig.collect(cases.size());
    REQUIRE(done.size() == cases.size());
    for (std::size_t i = 0; i < done.size(); ++i) {
      CHECK(done[i].token == i + 1);  // in the order of their submission
      check_done(cases[i], done[i]);
    }
  }
  CHECK(rig.channel->free_slots() == 512);
  rig.channel->stop();
  CHECK(watched.broken == 0);
}

TEST_CASE(
    "S1.1, S2.11, S2.17: every operation equals a byte-wise oracle, for lists of any two shapes "
    "(check 1)") {
  const std::uint64_t seed = ring::test::announce_seed("operation results", 0x5eed);
  CAPTURE(seed);
  const Capabilities limits{.operations = kMemoryOperations,
                            .max_segments = kMaxSegments,
                            .max_length = ~0U,
                            .residue = Granularity::burst};
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    run_cases(setting, limits, 300, 5, 100, seed);
    run_cases(setting, limits, 70'000, 60, 12, seed + 1);
  }
}

// Cuts `bytes` into so many segments, some of no byte, by a random order of lengths.
void cut(std::vector<std::byte>& bytes, std::size_t count, std::mt19937_64& random,
         std::vector<Segment>& list) {
  std::vector<std::size_t> at{0, bytes.size()};
  for (std::size_t i = 1; i < count; ++i) at.push_back(random() % (bytes.size() + 1));
  std::sort(at.begin(), at.end());
  list.clear();
  for (std::size_t i = 0; i < count; ++i) list.push_back({bytes.data() + at[i], at[i + 1] - at[i]});
}

TEST_CASE("check 3: lists of 1 to 64 segments go to lists of 1 to 64 segments, byte for byte") {
  std::mt19937_64 random(ring::test::announce_seed("matrix of lists", 1));
  OperationRig rig({}, make_copy_backend());
  std::vector<std::byte> from(300), to(300);
  std::vector<Segment> source, destination;
  unsigned wrong = 0;
  for (std::size_t sources = 1; sources <= kMaxSegments; ++sources) {
    for (std::size_t destinations = 1; destinations <= kMaxSegments; ++destinations) {
      for (std::byte& each : from) each = static_cast<std::byte>(random());
      cut(from, sources, random, source);
      cut(to, destinations, random, destination);
      rig.submit({.operation = Operation::copy, .source = source, .destination = destination});
      rig.channel->issue();
      const auto done = rig.collect(1);
      wrong += done.size() != 1 || done[0].bytes != from.size() || to != from;
      if (!destination.back().length) continue;
      --destination.back().length;  // one byte less than the source
      const OperationRequest less{
          .operation = Operation::copy, .source = source, .destination = destination};
      wrong += rig.channel->post({&less, 1}).reason != PrepareReason::totals_differ;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("S2.6: the core cuts up what is too large for a back-end of few segments or bytes") {
  const std::uint64_t seed = ring::test::announce_seed("operation results", 0x5eed);
  CAPTURE(seed);
  for (const unsigned segments : {1u, 2u, 3u, 64u}) {
    for (const std::uint32_t length : {1u, 7u, 100u, ~0u}) {
      CAPTURE(segments);
      CAPTURE(length);
      const Capabilities limits{
          .operations = kMemoryOperations, .max_segments = segments, .max_length = length};
      for (const OperationSetting& setting : kOperationSettings) {
        run_cases(setting, limits, 400, 20, 4, seed);
      }
    }
  }
}

TEST_CASE("a transfer may have the most segments on both sides, and no more") {
  for (const OperationSetting& setting : kOperationSettings) {
    OperationRig rig(setting, make_copy_backend());
    std::vector<std::byte> from(kMaxSegments + 1, std::byte{7});
    std::vector<std::byte> to(kMaxSegments + 1);
    std::vector<Segment> source;
    std::vector<Segment> destination;
    for (unsigned i = 0; i < kMaxSegments + 1; ++i) {
      source.push_back({&from[i], 1});
      destination.push_back({&to[i], 1});
    }
    OperationRequest request{.operation = Operation::copy};
    request.source = source;
    request.destination = destination;
    const PrepareError error = rig.channel->post({&request, 1});
    CHECK(error.kind == PrepareError::Kind::too_large);
    CHECK(error.max == kMaxSegments);
    CHECK(error.segment == kMaxSegments);
    CHECK(error.reason == PrepareReason::too_many_segments);
    request.source = std::span(source).first(kMaxSegments);
    request.destination = std::span(destination).first(kMaxSegments);
    REQUIRE(rig.submit(request) == 1);
    rig.channel->issue();
    REQUIRE(rig.collect(1).size() == 1);
    CHECK(std::equal(to.begin(), to.end() - 1, from.begin()));
    CHECK(to.back() == std::byte{});
  }
}

TEST_CASE("checksums go on from the seed") {
  OperationRig rig({}, make_copy_backend());
  std::string text = "123456789";
  const std::span<std::byte> all = bytes_of(text);
  const Segment head{all.data(), 4};
  const Segment tail{all.data() + 4, 5};
  OperationRequest request{.operation = Operation::crc32c};
  request.source = {&head, 1};
  rig.submit(request);
  rig.channel->issue();
  const auto first = rig.collect(1);
  REQUIRE(first.size() == 1);
  request.source = {&tail, 1};
  request.seed = first[0].value;
  rig.submit(request);
  rig.channel->issue();
  const auto second = rig.collect(1);
  REQUIRE(second.size() == 1);
  CHECK(second[0].value == 0xE3069283);
}

}  // namespace
}  // namespace bellpull::engine::test
