// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/ring/virtqueue.hpp"
#include "rig.hpp"

namespace bellpull::engine::test {

/// A chain that came back.
struct Ended {
  ring::Used used;
  StreamResult result;
};

/// A stream queue and the driver half that its client attached. It takes the directions of the
/// back-end, and kicks when it is asked to.
template <class Layout>
struct BareQueue {
  BareQueue(Engine& its_engine, std::uint32_t size, std::unique_ptr<Backend> backend,
            const Notify& bell = {})
      : engine(its_engine),
        writes(backend->capabilities().operations.contains(Operation::read)),
        slots(size) {
    constexpr bool kSplit = std::is_same_v<Layout, ring::Split>;
    const StreamOptions options{.size = size,
                                .notify = bell,
                                .sink = {},
                                .layout = kSplit ? QueueLayout::split : QueueLayout::packed};
    queue = engine.open_queue(options, std::move(backend));
    ring::DriverOptions<Layout> attaching;
    attaching.slots = slots;
    if constexpr (kSplit) {
      REQUIRE(driver.attach(queue->split_memory(), attaching) == ring::SetupError::none);
    } else {
      REQUIRE(driver.attach(queue->packed_memory(), attaching) == ring::SetupError::none);
    }
  }

  void post(std::span<const std::span<std::byte>> pieces, std::uint64_t token) {
    std::array<ring::Segment, 8> segments;
    std::size_t count = 0;
    for (const std::span<std::byte> piece : pieces) {
      segments[count++] = {reinterpret_cast<std::uintptr_t>(piece.data()),
                           static_cast<std::uint32_t>(piece.size())};
    }
    const std::span<const ring::Segment> all(segments.data(), count);
    const std::span<const ring::Segment> none;
    if (driver.post(writes ? none : all, writes ? all : none, token) == ring::kNoHead) {
      FAIL("no free descriptor");
    }
  }
  void post(std::initializer_list<std::span<std::byte>> pieces, std::uint64_t token) {
    post(std::span<const std::span<std::byte>>(pieces.begin(), pieces.size()), token);
  }

  void publish() {
    if (!driver.publish_and_test()) return;
    ++kicks;
    queue->kick();
  }

  /// Takes all that is there.
  [[nodiscard]] std::vector<Ended> poll() {
    std::vector<Ended> all;
    driver.poll(static_cast<unsigned>(slots.size()), [&](const ring::Used& used) noexcept {
      all.push_back({used, queue->result(used.head)});
    });
    return all;
  }

  /// Takes `count`, or as many as come before it is stuck.
  [[nodiscard]] std::vector<Ended> collect(std::size_t count) {
    std::vector<Ended> all;
    const auto take = [&] {
      const std::vector<Ended> some = poll();
      all.insert(all.end(), some.begin(), some.end());
      return all.size() >= count;
    };
    CHECK(until(engine, take, [&] { return all.size(); }));
    return all;
  }

  Engine& engine;
  const bool writes;  // the client's memory
  std::vector<ring::DriverSlot> slots;
  std::unique_ptr<StreamQueue> queue;
  ring::Driver<Layout> driver;
  std::uint64_t kicks = 0;
};

}  // namespace bellpull::engine::test
