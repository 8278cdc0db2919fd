// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "queue_memory.hpp"

namespace bellpull::ring::test {

inline constexpr unsigned kAll = std::numeric_limits<unsigned>::max();

/// Everything that one poll reports.
inline std::vector<Used> poll_all(Pair& pair, unsigned limit = kAll) {
  std::vector<Used> back;
  const unsigned count = pair.driver.poll(limit, [&](const Used& used) { back.push_back(used); });
  CHECK(count == back.size());
  return back;
}

/// Takes and completes everything that is available.
inline unsigned drain(Pair& pair) {
  const unsigned ready = pair.device.refresh();
  for (unsigned i = 0; i < ready; ++i) pair.device.complete(pair.take_one().head, i);
  pair.device.publish();
  return ready;
}

/// Sends one chain of exactly the queue size and checks every descriptor of it on the way.
inline void send_full_chain(Pair& pair, std::uint64_t token) {
  const std::uint32_t size = pair.driver.size();
  std::vector<Segment> segments(size);
  for (std::uint32_t i = 0; i < size; ++i) segments[i] = {token * 1000 + i, i + 1};
  const std::size_t readable = token % (size + 1);
  const std::uint16_t head = pair.driver.reserve(std::span(segments).first(readable),
                                                 std::span(segments).subspan(readable), token);
  REQUIRE(head != kNoHead);
  REQUIRE(pair.driver.free_descriptors() == 0);
  pair.driver.offer(head);
  pair.driver.publish();

  REQUIRE(pair.device.refresh() == 1);
  std::uint32_t at = 0;
  bool same = true;
  const Chain chain = pair.device.take(size, [&](const Segment& segment, bool writable) {
    same = same && segment.address == segments[at].address &&
           segment.length == segments[at].length && writable == (at >= readable);
    ++at;
  });
  REQUIRE(same);
  REQUIRE(at == size);
  REQUIRE(chain.segments == size);
  REQUIRE(chain.well_formed);
  pair.device.complete(chain.head, size);
  pair.device.publish();
  const std::vector<Used> back = poll_all(pair);
  REQUIRE(back.size() == 1);
  REQUIRE(back[0].token == token);
  REQUIRE(back[0].head == head);
  REQUIRE(pair.driver.free_descriptors() == size);
}

}  // namespace bellpull::ring::test
