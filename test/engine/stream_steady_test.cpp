// SPDX-License-Identifier: BSD-2-Clause
// S0.19 of all the ways in which completions of a stream reach a client: once it is open nothing is
// allocated and no lock taken. Over sockets, for a loopback has a lock of its own. Part of the
// program that counts allocations.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "counted_allocation.hpp"
#include "counted_lock.hpp"
#include "rig.hpp"
#include "sanitizers.hpp"
#include "stream_queue_rig.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

TEST_CASE_TEMPLATE("S0.19: a bare ring allocates nothing and takes no lock", Layout, ring::Split,
                   ring::Packed) {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    FdCounters counters;
    SocketPair pair(SOCK_SEQPACKET);
    BellCounter bell;
    Engine engine({.placement = placement});
    BareQueue<Layout> tx(engine, 64, writer(pair.left(), counters));
    BareQueue<Layout> rx(engine, 64, reader(pair.right(), counters), bell.notify());
    std::string text = "some text", room(16, '.');
    std::uint64_t received = 0, wrong = 0;
    const std::uint64_t wanted = scaled(100'000);
    const std::uint64_t allocated = allocations(), locked = locks();
    const auto turn = [&] {
      while (rx.driver.free_descriptors() >= 2) {
        rx.post({bytes_of(room).first(4), bytes_of(room).subspan(4)}, 0);
      }
      rx.publish();
      while (tx.driver.free_descriptors() >= 2) {
        tx.post({bytes_of(text).first(4), bytes_of(text).subspan(4)}, 0);
      }
      tx.publish();
      tx.driver.poll(64, [&](const ring::Used& used) noexcept {
        wrong += tx.queue->result(used.head).status != Status::ok;
      });
      received += rx.driver.poll(64, [&](const ring::Used& used) noexcept {
        wrong += rx.queue->result(used.head).bytes != text.size();
      });
      rx.driver.disarm();
      (void)rx.queue->stats();
      return received >= wanted;
    };
    const bool done = until(engine, turn, [&] { return received; });
    const std::uint64_t allocated_after = allocations(), locked_after = locks();
    tx.queue->stop();
    rx.queue->stop();
    CHECK(done);
    CHECK(wrong == 0);
    CHECK(allocated_after == allocated);
    CHECK(locked_after == locked);
  }
}

// Pauses its channel now and then.
struct Throttle {
  StreamChannel* channel = nullptr;
  std::atomic<std::uint64_t> heard{0};
  std::atomic<std::uint64_t> pauses{0};
  CompletionSink sink() {
    return {[](void* context, const Completion&) noexcept {
              auto& self = *static_cast<Throttle*>(context);
              if (self.heard.fetch_add(1) % 50 != 0) return;
              self.channel->pause();
              self.pauses.fetch_add(1);
            },
            this};
  }
};

TEST_CASE("S0.19: deliver, pause and resume allocate nothing and take no lock") {
  for (const QueueLayout layout : kLayouts) {
    for (const Placement placement : kPlacements) {
      CAPTURE(describe(layout));
      CAPTURE(describe(placement));
      Throttle throttle;
      Rig rig({Medium::seqpacket, placement, layout}, {.rx_sink = throttle.sink()});
      throttle.channel = rig.rx.get();
      std::string text = "some text", room(16, '.');
      std::uint64_t delivered = 0;
      const CompletionSink count{[](void* context, const Completion&) noexcept {
                                   ++*static_cast<std::uint64_t*>(context);
                                 },
                                 &delivered};
      const std::uint64_t wanted = scaled(100'000);
      const std::uint64_t allocated = allocations(), locked = locks();
      std::uint64_t undone = 0;
      const auto turn = [&] {
        while (post(*rig.rx, bytes_of(room), 0).kind == Kind::none) {
        }
        rig.rx->issue();
        while (post(*rig.tx, bytes_of(text), 0).kind == Kind::none) {
        }
        rig.tx->issue();
        rig.tx->deliver(32, count);
        if (const std::uint64_t pauses = throttle.pauses.load(); pauses != undone) {
          undone = pauses;
          rig.rx->resume();
        }
        return throttle.heard.load() >= wanted;
      };
      const bool done = until(rig.engine, turn, [&] { return throttle.heard.load(); });
      const std::uint64_t allocated_after = allocations(), locked_after = locks();
      rig.rx->stop();
      rig.tx->stop();
      CHECK(done);
      CHECK(delivered + rig.tx->size() >= wanted);  // the last ones may still be in its ring
      CHECK(undone > wanted / 100);
      CHECK(allocated_after == allocated);
      CHECK(locked_after == locked);
    }
  }
}

}  // namespace
}  // namespace bellpull::engine::test
