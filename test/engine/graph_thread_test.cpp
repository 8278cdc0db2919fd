// SPDX-License-Identifier: BSD-2-Clause
// On which thread what happens: engines run back-ends, the owner of a graph submits.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "graph_rig.hpp"
#include "sanitizers.hpp"

namespace bellpull::engine::test {
namespace {

/// A copy back-end that notes who starts transfers.
class NotingBackend final : public Backend {
 public:
  struct Notes {
    std::atomic<std::thread::id> thread{};
    std::atomic<std::uint64_t> started{0};
    std::atomic<std::uint64_t> foreign{0};  // calls from another thread than the first
  };
  explicit NotingBackend(Notes& notes) : notes_(notes) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return inner_->capabilities();
  }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override { return inner_->window(); }
  unsigned start(std::span<const Op> ops) noexcept override {
    const std::thread::id here = std::this_thread::get_id();
    if (notes_.started.fetch_add(ops.size()) == 0) notes_.thread.store(here);
    if (notes_.thread.load() != here) notes_.foreign.fetch_add(1);
    return inner_->start(ops);
  }
  Reaped reap(std::span<Done> done) noexcept override { return inner_->reap(done); }
  bool cancel(std::uint64_t id) noexcept override { return inner_->cancel(id); }
  void stop() noexcept override { inner_->stop(); }

 private:
  Notes& notes_;
  std::unique_ptr<Backend> inner_ = make_copy_backend();
};

TEST_CASE(
    "S3.6, S3.7, R10, check 15: with two engines every submission is made by advance(), on the "
    "owner's thread") {
  NotingBackend::Notes one, two;
  Station first(Placement::autonomous, std::make_unique<NotingBackend>(one));
  Station second(Placement::autonomous, std::make_unique<NotingBackend>(two));
  MappingTable table;
  Domain host(table, "host");
  TransferGraph graph({});
  Loop loop{graph, {&first, &second}};
  Nops nops{loop, host};
  const std::uint64_t rounds = scaled(500);
  std::uint64_t submitted_in_advance = 0;
  const auto submitted = [&] {
    return first.channel->stats().submitted + second.channel->stats().submitted;
  };
  for (std::uint64_t round = 0; round < rounds; ++round) {
    NodeId last{};
    for (std::size_t i = 0; i < 12; ++i) {  // from one channel to the other and back
      last = i == 0 ? nops.ready(0) : nops.ready(i % 2, {last});
    }
    while (!graph.over()) {
      const std::uint64_t before = submitted();
      const Advanced advanced = graph.advance();
      CHECK(submitted() - before == advanced.submitted);
      submitted_in_advance += advanced.submitted;
      loop.turn();
    }
    loop.turn();
    REQUIRE(graph.clear());
  }
  CHECK(submitted_in_advance == 12 * rounds);
  CHECK(submitted() == 12 * rounds);
  CHECK(one.started == 6 * rounds);
  CHECK(two.started == 6 * rounds);
  CHECK(one.foreign + two.foreign == 0);
  CHECK(one.thread.load() != two.thread.load());
  CHECK(one.thread.load() != std::this_thread::get_id());
  CHECK(two.thread.load() != std::this_thread::get_id());
}

TEST_CASE("S3.6: without advance() a child stays where it is, whatever completed") {
  Station first(Placement::autonomous), second(Placement::autonomous);
  MappingTable table;
  Domain host(table, "host");
  TransferGraph graph({});
  Loop loop{graph, {&first, &second}};
  Nops nops{loop, host};
  const NodeId parent = nops.ready(0);
  (void)nops.ready(1, {parent});
  CHECK(graph.advance().submitted == 1);
  CHECK(until(first.engine, [&] {
    loop.turn();
    return !loop.ends.empty();
  }));
  for (int i = 0; i < 100; ++i) {
    full_round(first.engine);
    full_round(second.engine);
    loop.turn();
  }
  CHECK(second.channel->stats().submitted == 0);
  CHECK(loop.run());
  CHECK(second.channel->stats().submitted == 1);
  CHECK(loop.status(1) == Status::ok);
}

TEST_CASE("S3.7: advance() on another thread than the owner's submits nothing and says so") {
  Station station(Placement::driven);
  MappingTable table;
  Domain host(table, "host");
  TransferGraph graph({});
  Loop loop{graph, {&station}};
  Nops nops{loop, host};
  (void)nops.ready(0);
  Advanced there;
  std::thread([&] { there = graph.advance(); }).join();
  CHECK(there.wrong_thread);
  CHECK(there.submitted == 0);
  CHECK(station.channel->stats().submitted == 0);
  const Advanced here = graph.advance();
  CHECK_FALSE(here.wrong_thread);
  CHECK(here.submitted == 1);
  CHECK(loop.run());
}

TEST_CASE("S3.6: a push sink may hand completions over, and starts nothing by that") {
  struct Context {
    TransferGraph* graph = nullptr;
    std::unique_ptr<OperationChannel>* channel = nullptr;
    std::uint64_t taken = 0;
  } context;
  const auto push = [](void* to, const OperationCompletion& completion) noexcept {
    auto& sink = *static_cast<Context*>(to);
    sink.taken += sink.graph->take(**sink.channel, completion);
  };
  Station first(Placement::driven, make_copy_backend(), {.sink = {push, &context}});
  Station second(Placement::driven);
  MappingTable table;
  Domain host(table, "host");
  TransferGraph graph({});
  Loop loop{graph, {&first, &second}};
  context = {&graph, &first.channel, 0};
  Nops nops{loop, host};
  const NodeId parent = nops.ready(0);
  (void)nops.ready(1, {parent});
  graph.advance();
  loop.turn();
  CHECK(context.taken == 1);
  CHECK(second.channel->stats().submitted == 0);
  CHECK(loop.run());
  CHECK(loop.ends.size() == 2);
}

}  // namespace
}  // namespace bellpull::engine::test
