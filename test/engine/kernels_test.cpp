// SPDX-License-Identifier: BSD-2-Clause
// The byte-moving kernels: every set that this processor offers against loops over single bytes.
#include "kernels/kernels.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::kernels {
namespace {

using ring::test::announce_seed;
using test::scaled;

using Random = std::mt19937_64;
using Bytes = std::vector<std::byte>;

// No source holds it, so a byte written where none belongs always shows.
constexpr std::byte kUntouched{0xFF};

std::vector<const Kernels*> offered() {
  std::vector<const Kernels*> sets{&portable()};
  if (avx2() != nullptr) sets.push_back(avx2());
  if (avx512() != nullptr) sets.push_back(avx512());
  return sets;
}

std::size_t below(Random& random, std::size_t end) {
  return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
}

void randomize(std::byte* to, std::size_t bytes, Random& random) {
  for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<std::byte>(random() % 255);
}

Bytes random_bytes(std::size_t bytes, Random& random) {
  Bytes made(bytes);
  randomize(made.data(), bytes, random);
  return made;
}

bool all_untouched(const std::byte* from, const std::byte* end) {
  return std::all_of(from, end, [](std::byte b) { return b == kUntouched; });
}

bool same(const std::byte* a, const std::byte* b, std::size_t bytes) {
  return bytes == 0 || std::memcmp(a, b, bytes) == 0;
}

std::uint32_t crc_by_bytes(std::uint32_t seed, const std::byte* from, std::size_t bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      made[i] = i;
      for (int bit = 0; bit < 8; ++bit) {
        made[i] = (made[i] >> 1) ^ ((made[i] & 1) != 0 ? 0x82F63B78u : 0);
      }
    }
    return made;
  }();
  std::uint32_t crc = ~seed;
  for (std::size_t i = 0; i < bytes; ++i) {
    crc = (crc >> 8) ^ table[(crc ^ std::to_integer<std::uint32_t>(from[i])) & 0xFF];
  }
  return ~crc;
}

void fill_by_bytes(std::byte* to, std::size_t bytes, const Pattern& pattern, std::size_t phase) {
  for (std::size_t i = 0; i < bytes; ++i) to[i] = pattern.bytes[(phase + i) % pattern.size];
}

// Memory with nothing mapped right before and right behind it: who leaves it is killed.
class Fenced {
 public:
  explicit Fenced(std::size_t at_least)
      : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
        bytes_((at_least + page_ - 1) / page_ * page_) {
    void* const all =
        ::mmap(nullptr, bytes_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(all != MAP_FAILED);
    data_ = static_cast<std::byte*>(all) + page_;
    REQUIRE(::mprotect(data_, bytes_, PROT_READ | PROT_WRITE) == 0);
  }
  ~Fenced() { ::munmap(data_ - page_, bytes_ + 2 * page_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }

  /// Where `bytes` begin that end (or begin) at the fence.
  [[nodiscard]] std::byte* beside_fence(std::size_t bytes, bool at_end) const {
    return at_end ? data_ + bytes_ - bytes : data_;
  }

 private:
  std::size_t page_;
  std::size_t bytes_;
  std::byte* data_ = nullptr;
};

/// The three functions that copy, as one kind; the checksum is compared on the way.
struct Copier {
  const char* name;
  void (*run)(const Kernels&, std::byte*, const std::byte*, std::size_t);
};

constexpr std::array<Copier, 3> kCopiers = {{
    {"copy", [](const Kernels& set, std::byte* to, const std::byte* from,
                std::size_t bytes) { set.copy(to, from, bytes); }},
    {"copy_streaming", [](const Kernels& set, std::byte* to, const std::byte* from,
                          std::size_t bytes) { set.copy_streaming(to, from, bytes); }},
    {"copy_crc32c",
     [](const Kernels& set, std::byte* to, const std::byte* from, std::size_t bytes) {
       const auto seed = static_cast<std::uint32_t>(bytes * 2654435761u);
       const std::uint32_t crc = set.copy_crc32c(seed, to, from, bytes);
       if (crc != crc_by_bytes(seed, from, bytes)) FAIL_CHECK("wrong checksum of " << bytes);
     }},
}};

TEST_CASE("a copy is exact and touches nothing beside, at every misalignment of both ends") {
  Random random(announce_seed("misaligned copies", 1));
  constexpr std::size_t kLongest = 300;
  constexpr std::size_t kGuard = 128;
  const std::uint64_t lengths = std::max<std::uint64_t>(1, scaled(40));
  const Bytes source = random_bytes(64 + 64 + kLongest, random);
  Bytes target(64 + 2 * kGuard + 64 + kLongest, kUntouched);
  const auto aligned = [](auto* at) {
    return at + (64 - reinterpret_cast<std::uintptr_t>(at) % 64) % 64;
  };
  for (const Kernels* const set : offered()) {
    for (const Copier& copier : kCopiers) {
      CAPTURE(std::string(set->name));
      CAPTURE(std::string(copier.name));
      for (std::size_t pair = 0; pair < std::size_t{64} * 64; ++pair) {
        for (std::uint64_t i = 0; i < lengths; ++i) {
          const std::size_t bytes = below(random, kLongest + 1);
          const std::byte* const from = aligned(source.data()) + pair % 64;
          std::byte* const to = aligned(target.data()) + kGuard + pair / 64;
          copier.run(*set, to, from, bytes);
          const bool ok = same(to, from, bytes) && all_untouched(to - kGuard, to) &&
                          all_untouched(to + bytes, to + bytes + kGuard);
          if (!ok) FAIL("source +" << pair % 64 << ", target +" << pair / 64 << ": " << bytes);
          std::fill(to, to + bytes, kUntouched);
        }
      }
    }
  }
}

TEST_CASE("a copy of up to a mebibyte is exact, whatever its length and place") {
  Random random(announce_seed("large copies", 2));
  constexpr std::size_t kLongest = std::size_t{1} << 20;
  const std::uint64_t rounds = std::max<std::uint64_t>(4, scaled(60));
  const Bytes source = random_bytes(kLongest + 128, random);
  Bytes target(kLongest + 512, kUntouched);
  for (const Kernels* const set : offered()) {
    for (const Copier& copier : kCopiers) {
      CAPTURE(std::string(set->name));
      CAPTURE(std::string(copier.name));
      for (std::uint64_t i = 0; i < rounds; ++i) {
        // Half of them short enough for the first cache, whose way is another one.
        const std::size_t bytes = below(random, i % 2 == 0 ? kLongest : 60000) + 1;
        const std::byte* const from = source.data() + below(random, 128);
        std::byte* const to = target.data() + 128 + below(random, 128);
        copier.run(*set, to, from, bytes);
        CAPTURE(bytes);
        CHECK(same(to, from, bytes));
        CHECK(all_untouched(to - 128, to));
        CHECK(all_untouched(to + bytes, to + bytes + 128));
        std::fill(to, to + bytes, kUntouched);
      }
    }
  }
}

TEST_CASE("a copy and a fill of more than the caches hold are exact") {
  Random random(announce_seed("huge copies", 3));
  // Past the share of a cache of 64 MiB from which these go past it.
  constexpr std::size_t kBytes = (std::size_t{25} << 20) + 77;
  const Bytes source = random_bytes(kBytes + 64, random);
  Bytes target(kBytes + 256, kUntouched);
  std::byte* const to = target.data() + 3;
  const std::byte* const from = source.data() + 17;
  const std::uint32_t crc = crc_by_bytes(5, from, kBytes);
  const auto only_there = [&] {
    return all_untouched(target.data(), to) &&
           all_untouched(to + kBytes, target.data() + target.size());
  };
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    set->copy(to, from, kBytes);
    CHECK(same(to, from, kBytes));
    CHECK(only_there());
    std::fill(to, to + kBytes, kUntouched);
    CHECK(set->copy_crc32c(5, to, from, kBytes) == crc);
    CHECK(same(to, from, kBytes));
    CHECK(only_there());
    Pattern pattern{{}, 7};
    randomize(pattern.bytes, 7, random);
    set->fill(to, kBytes, pattern, 4);
    // Each byte is the one a period before it, and the first period is right: so all are.
    Bytes first(7);
    fill_by_bytes(first.data(), 7, pattern, 4);
    CHECK(same(to, first.data(), 7));
    CHECK(same(to, to + 7, kBytes - 7));
    CHECK(only_there());
    std::fill(to, to + kBytes, kUntouched);
  }
}

TEST_CASE("no function reads or writes beyond its ranges, where the pages beside are not mapped") {
  Random random(announce_seed("fences", 4));
  const Fenced a(300000);
  const Fenced b(a.size());
  randomize(a.data(), a.size(), random);
  std::vector<std::size_t> lengths;
  for (std::size_t bytes = 0; bytes <= 300; ++bytes) lengths.push_back(bytes);
  for (const std::size_t bytes :
       {511u, 1000u, 2047u, 2048u, 2049u, 4096u, 6145u, 24576u, 24577u, 70001u}) {
    lengths.push_back(bytes);
  }
  lengths.push_back(a.size());
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    for (const std::size_t bytes : lengths) {
      CAPTURE(bytes);
      for (unsigned ends = 0; ends < 4; ++ends) {
        std::byte* const from = a.beside_fence(bytes, (ends & 1) != 0);
        std::byte* const to = b.beside_fence(bytes, (ends & 2) != 0);
        for (const Copier& copier : kCopiers) {
          std::fill(to, to + bytes, kUntouched);
          copier.run(*set, to, from, bytes);
          CHECK(same(to, from, bytes));
        }
        CHECK(set->mismatch(from, to, bytes) == bytes);
        CHECK(set->crc32c(0, from, bytes) == crc_by_bytes(0, to, bytes));
        for (std::size_t size = 1; size <= 8; ++size) {
          Pattern pattern{{}, size};
          randomize(pattern.bytes, size, random);
          set->fill(to, bytes, pattern, 1);
          if (bytes > 0) CHECK(to[bytes - 1] == pattern.bytes[bytes % size]);
        }
      }
    }
  }
}

TEST_CASE("a fill repeats patterns of 1 to 8 bytes from any phase and touches nothing beside") {
  Random random(announce_seed("fills", 5));
  constexpr std::size_t kGuard = 128;
  const std::uint64_t places = std::max<std::uint64_t>(1, scaled(10));
  Bytes target(kGuard * 2 + 64 + 1200, kUntouched);
  Bytes expected(1200);
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    for (std::size_t size = 1; size <= 8; ++size) {
      Pattern pattern{{}, size};
      randomize(pattern.bytes, 8, random);
      for (std::size_t phase = 0; phase < size + 2; ++phase) {
        fill_by_bytes(expected.data(), expected.size(), pattern, phase);
        for (std::size_t bytes = 0; bytes <= 1200; bytes += bytes < 300 ? 1 : 37) {
          for (std::uint64_t i = 0; i < places; ++i) {
            std::byte* const to = target.data() + kGuard + below(random, 64);
            set->fill(to, bytes, pattern, phase);
            const bool ok = same(to, expected.data(), bytes) && all_untouched(to - kGuard, to) &&
                            all_untouched(to + bytes, to + bytes + kGuard);
            if (!ok) FAIL("size " << size << ", phase " << phase << ", bytes " << bytes);
            std::fill(to, to + bytes, kUntouched);
          }
        }
      }
    }
  }
}

TEST_CASE("a fill in slices with the right phases is the same as one fill") {
  Random random(announce_seed("sliced fills", 6));
  const std::uint64_t rounds = std::max<std::uint64_t>(2, scaled(20));
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    for (std::size_t size = 1; size <= 8; ++size) {
      for (std::uint64_t i = 0; i < rounds; ++i) {
        Pattern pattern{{}, size};
        randomize(pattern.bytes, size, random);
        const std::size_t bytes = below(random, i % 2 == 0 ? 2000 : 100000) + 1;
        CAPTURE(bytes);
        Bytes whole(bytes);
        fill_by_bytes(whole.data(), bytes, pattern, 0);
        Bytes sliced(bytes, kUntouched);
        for (std::size_t at = 0; at < bytes;) {
          const std::size_t slice = std::min(bytes - at, below(random, bytes / 3 + 2));
          set->fill(sliced.data() + at, slice, pattern, at);
          at += slice;
        }
        CHECK(sliced == whole);
      }
    }
  }
}

TEST_CASE("the checksum is CRC-32C as the published examples have it") {
  std::array<std::byte, 32> bytes;
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    const std::string digits = "123456789";
    CHECK(set->crc32c(0, reinterpret_cast<const std::byte*>(digits.data()), digits.size()) ==
          0xE3069283);
    CHECK(set->crc32c(0, bytes.data(), 0) == 0);
    // RFC 3720, appendix B.4.
    bytes.fill(std::byte{0});
    CHECK(set->crc32c(0, bytes.data(), bytes.size()) == 0x8A9136AA);
    bytes.fill(std::byte{0xFF});
    CHECK(set->crc32c(0, bytes.data(), bytes.size()) == 0x62A8AB43);
    for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
    CHECK(set->crc32c(0, bytes.data(), bytes.size()) == 0x46DD794E);
    std::reverse(bytes.begin(), bytes.end());
    CHECK(set->crc32c(0, bytes.data(), bytes.size()) == 0x113FDB5C);
  }
}

TEST_CASE("the checksum is right at every length and misalignment, and with any seed") {
  Random random(announce_seed("checksums", 7));
  const Bytes source = random_bytes(64 + 3000, random);
  const std::size_t step = std::max<std::uint64_t>(1, 7 / std::max<std::uint64_t>(1, scaled(7)));
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    for (std::size_t bytes = 0; bytes < 3000; bytes += bytes < 1200 ? 1 : step) {
      const std::byte* const from = source.data() + below(random, 64);
      const auto seed = static_cast<std::uint32_t>(random());
      if (set->crc32c(seed, from, bytes) != crc_by_bytes(seed, from, bytes)) FAIL(bytes);
    }
  }
}

TEST_CASE("a checksum taken in pieces is that of the whole, and copying makes no difference") {
  Random random(announce_seed("checksums in pieces", 8));
  constexpr std::size_t kLongest = std::size_t{1} << 20;
  const Bytes source = random_bytes(kLongest, random);
  Bytes target(kLongest);
  const std::uint64_t rounds = std::max<std::uint64_t>(4, scaled(60));
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const std::size_t bytes = below(random, i % 2 == 0 ? kLongest : 20000) + 1;
    const std::byte* const from = source.data() + below(random, kLongest - bytes + 1);
    const std::size_t cut = below(random, bytes + 1);
    const auto seed = static_cast<std::uint32_t>(random());
    const std::uint32_t whole = crc_by_bytes(seed, from, bytes);
    CAPTURE(bytes);
    CAPTURE(cut);
    for (const Kernels* const set : offered()) {
      CAPTURE(std::string(set->name));
      CHECK(set->crc32c(seed, from, bytes) == whole);
      CHECK(set->crc32c(set->crc32c(seed, from, cut), from + cut, bytes - cut) == whole);
      const std::uint32_t first = set->copy_crc32c(seed, target.data(), from, cut);
      CHECK(set->copy_crc32c(first, target.data() + cut, from + cut, bytes - cut) == whole);
      CHECK(same(target.data(), from, bytes));
    }
  }
}

TEST_CASE("the first difference is found at every place, and none behind the end") {
  Random random(announce_seed("differences", 9));
  constexpr std::size_t kLongest = 300;
  Bytes a = random_bytes(kLongest + 64 + 1, random);
  Bytes b(a.size() + 64);
  const std::size_t step = scaled(10) == 10 ? 1 : 7;
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    for (std::size_t bytes = 0; bytes <= kLongest; ++bytes) {
      const std::byte* const left = a.data() + below(random, 64);
      std::byte* const right = b.data() + below(random, 64);
      std::copy_n(left, bytes + 1, right);
      right[bytes] ^= std::byte{1};
      CHECK(set->mismatch(left, right, bytes) == bytes);
      for (std::size_t at = bytes % step; at < bytes; at += step) {
        // One bit is a difference; a second one further on does not hide it.
        const std::size_t later = at + below(random, bytes - at);
        right[later] ^= std::byte{0x10};
        right[at] ^= std::byte{0x80};
        if (set->mismatch(left, right, bytes) != at) FAIL(at << " of " << bytes);
        right[at] ^= std::byte{0x80};
        right[later] ^= std::byte{0x10};
      }
    }
  }
}

TEST_CASE("the first difference is found anywhere in up to a mebibyte") {
  Random random(announce_seed("far differences", 10));
  constexpr std::size_t kLongest = std::size_t{1} << 20;
  const Bytes a = random_bytes(kLongest, random);
  Bytes b = a;
  const std::uint64_t rounds = std::max<std::uint64_t>(8, scaled(400));
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    for (std::uint64_t i = 0; i < rounds; ++i) {
      const std::size_t first = below(random, 64);
      const std::size_t bytes = below(random, kLongest - first) + 1;
      const std::size_t at = below(random, bytes);
      b[first + at] ^= std::byte{4};
      CHECK(set->mismatch(a.data() + first, b.data() + first, bytes) == at);
      b[first + at] ^= std::byte{4};
    }
    CHECK(set->mismatch(a.data(), b.data(), kLongest) == kLongest);
  }
}

TEST_CASE("an empty range may be null") {
  Pattern pattern;
  for (const Kernels* const set : offered()) {
    CAPTURE(std::string(set->name));
    set->copy(nullptr, nullptr, 0);
    set->copy_streaming(nullptr, nullptr, 0);
    set->fill(nullptr, 0, pattern, 0);
    CHECK(set->crc32c(7, nullptr, 0) == 7);
    CHECK(set->copy_crc32c(7, nullptr, nullptr, 0) == 7);
    CHECK(set->mismatch(nullptr, nullptr, 0) == 0);
  }
}

TEST_CASE("the best set is the last one that the processor offers, and stays the same") {
  CHECK(&best() == offered().back());
  CHECK(&best() == &best());
  CHECK(std::string(portable().name) == "portable");
  if (avx2() != nullptr) CHECK(std::string(avx2()->name) == "avx2");
  if (avx512() != nullptr) CHECK(std::string(avx512()->name) == "avx512");
  for (const Kernels* const set : offered()) MESSAGE("tested: " << std::string(set->name));
}

}  // namespace
}  // namespace bellpull::engine::kernels
