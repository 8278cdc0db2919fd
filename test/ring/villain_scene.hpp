// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hostile_bench.hpp"
#include "villain_table.hpp"

namespace bellpull::ring::test {

/// What a case of the table does to a queue, and what came of it.
template <class Layout>
class Scene {
 public:
  explicit Scene(std::uint32_t size) : bench(size) {}

  /// Makes a linked chain available that, if good, is to be given back.
  std::uint16_t post(const std::vector<RawDesc>& descs) {
    const std::uint16_t id = bench.driver->chain(descs);
    posted.push_back({id, static_cast<std::uint32_t>(descs.size())});
    return id;
  }
  /// The chain that this case is about was made by hand; it is `id`, of `descriptors`.
  void posted_as(std::uint16_t id, std::uint32_t descriptors = 1) {
    posted.push_back({id, descriptors});
  }
  /// A request as a block device knows it: header, data, status.
  [[nodiscard]] std::vector<RawDesc> request(std::uint16_t data_flags = kWrite) const {
    return {bench.buffer(16),
            {bench.queue.address(64), 512, data_flags, 0},
            {bench.queue.address(600), 1, kWrite, 0}};
  }

  /// Compares what happens with the verdict of the table.
  void judge(const std::string& verdict) {
    if (verdict == "accepted") return judge_accepted();
    if (verdict == "nothing_happens") return bench.expect_nothing();
    const std::size_t colon = verdict.find(':');
    const std::string reason = verdict.substr(colon + 1);
    if (verdict.substr(0, colon) == "chain_fault") {
      REQUIRE(posted.size() == 1);
      bench.expect_chain_fault(fault_named<ChainFault>(kChainFaultNames, reason), posted[0].id,
                               posted[0].descriptors);
    } else {
      REQUIRE(verdict.substr(0, colon) == "queue_broken");
      unsigned taken = 0;  // good chains before it stay in flight
      while (bench.queue.take() && taken < 100) ++taken;
      bench.expect_dead(fault_named<QueueFault>(kQueueFaultNames, reason));
    }
  }

  HostileBench<Layout> bench;
  bool judged = false;  // the case compared everything itself

 private:
  struct Posted {
    std::uint16_t id;
    std::uint32_t descriptors;
  };

  void judge_accepted() {
    REQUIRE_FALSE(posted.empty());
    for (const Posted& chain : posted) {
      const auto taken = bench.queue.take();
      CHECK(bench.queue.device.fault() == QueueFault::none);
      REQUIRE(taken);
      bench.finish(*taken, chain.id, chain.descriptors);
    }
    for (const std::uint64_t faults : bench.queue.device.counters().chain_faults)
      CHECK(faults == 0);
    bench.expect_nothing();
    bench.expect_good_chain();
  }

  std::vector<Posted> posted;
};

/// A case that this file plays itself.
template <class Layout>
struct Played {
  const char* name;
  void (*play)(Scene<Layout>&);
  std::uint32_t size = 8;
};

/// Plays all of them, each in a subcase of its own, and compares each with the table's verdict.
/// Exactly the cases that the table says `test` covers must be there.
template <class Layout>
void play_all(std::span<const Played<Layout>> cases, const std::string& test) {
  unsigned claimed = 0;
  for (const VillainCase& row : villain_cases()) {
    if (row.covered_by != test) continue;
    ++claimed;
    const auto played = std::ranges::find_if(
        cases, [&](const Played<Layout>& one) { return row.name == one.name; });
    REQUIRE_MESSAGE(played != cases.end(), row.name);
    SUBCASE(row.name.c_str()) {
      CAPTURE(row.name);
      CAPTURE(row.driver);
      Scene<Layout> scene(played->size);
      played->play(scene);
      if (!scene.judged) scene.judge(row.verdict);
    }
  }
  CHECK(claimed == cases.size());
}

}  // namespace bellpull::ring::test
