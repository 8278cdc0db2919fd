// SPDX-License-Identifier: BSD-2-Clause
// The explorer judged by litmus tests whose outcomes are known from the literature and from the
// text of the C++ standard: what it allows must be allowed, what it forbids must be forbidden.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "explorer/explorer.hpp"
#include "seeds.hpp"

namespace bellpull::ring::explorer {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

/// What the threads of one execution share and what they found out.
struct Shared {
  std::array<std::uint16_t, 4> words{};  // the first messages; only their addresses matter later
  std::uint64_t plain = 0;
  Bell bell;
  std::vector<unsigned> found = std::vector<unsigned>(6);
};

using Code = std::function<void(World&, Shared&)>;
using Outcomes = std::set<std::vector<unsigned>>;

class Litmus final : public Scenario {
 public:
  Litmus(World& world, const std::vector<Code>& code, Outcomes& outcomes)
      : world_(world), code_(code), outcomes_(outcomes) {}

  [[nodiscard]] unsigned threads() const override { return static_cast<unsigned>(code_.size()); }
  void run(unsigned thread) override { code_[thread - 1](world_, shared_); }
  void check() override { outcomes_.insert(shared_.found); }

 private:
  World& world_;
  const std::vector<Code>& code_;
  Outcomes& outcomes_;
  Shared shared_;
};

struct Explored {
  Result result;
  Outcomes outcomes;

  /// Whether some execution found exactly these values, in this order, in its first places.
  [[nodiscard]] bool reaches(std::vector<unsigned> found) const {
    found.resize(6);
    return outcomes.contains(found);
  }
};

Explored explore(const std::vector<Code>& code, bool sleep_sets = true) {
  World world;
  world.use_sleep_sets(sleep_sets);
  Explored explored;
  explored.result =
      world.explore([&] { return std::make_unique<Litmus>(world, code, explored.outcomes); });
  return explored;
}

Code store(unsigned word, std::uint16_t value, std::memory_order order) {
  return [=](World& world, Shared& s) { world.store(&s.words[word], 0, value, order, "word"); };
}

Code load(unsigned word, unsigned into, std::memory_order order) {
  return [=](World& world, Shared& s) {
    s.found[into] = static_cast<unsigned>(world.load(&s.words[word], 0, order, "word"));
  };
}

Code exchange(unsigned word, std::uint16_t expected, std::uint16_t desired, unsigned into,
              std::memory_order order) {
  return [=](World& world, Shared& s) {
    s.found[into] = world.exchange(&s.words[word], 0, expected, desired, order, "word") ? 1U : 0U;
  };
}

Code write_plain() {
  return [](World& world, Shared& s) {
    world.write(&s.plain);
    s.plain = 42;
  };
}

/// Reads the plain object if `found[flag]` is not 0.
Code read_plain_if(unsigned flag, unsigned into) {
  return [=](World& world, Shared& s) {
    if (s.found[flag] == 0) return;
    world.read(&s.plain);
    s.found[into] = static_cast<unsigned>(s.plain);
  };
}

Code in_order(std::vector<Code> steps) {
  return [steps = std::move(steps)](World& world, Shared& s) {
    for (const Code& step : steps) step(world, s);
  };
}

Explored store_buffering(std::array<std::memory_order, 4> orders) {
  return explore({in_order({store(0, 1, orders[0]), load(1, 0, orders[1])}),
                  in_order({store(1, 1, orders[2]), load(0, 1, orders[3])})});
}

TEST_CASE("store buffering (Dekker) is impossible when all four accesses are seq_cst") {
  const Explored explored = store_buffering({kSeqCst, kSeqCst, kSeqCst, kSeqCst});
  CHECK(explored.result.exhausted);
  CHECK_FALSE(explored.reaches({0, 0}));
  CHECK(explored.reaches({0, 1}));
  CHECK(explored.reaches({1, 0}));
  CHECK(explored.reaches({1, 1}));
}

TEST_CASE(
    "store buffering happens with release and acquire, and when one access of four is weaker") {
  CHECK(store_buffering({kRelease, kAcquire, kRelease, kAcquire}).reaches({0, 0}));
  CHECK(store_buffering({kRelease, kSeqCst, kSeqCst, kSeqCst}).reaches({0, 0}));
  CHECK(store_buffering({kSeqCst, kAcquire, kSeqCst, kSeqCst}).reaches({0, 0}));
  CHECK(store_buffering({kSeqCst, kSeqCst, kRelease, kSeqCst}).reaches({0, 0}));
  CHECK(store_buffering({kSeqCst, kSeqCst, kSeqCst, kAcquire}).reaches({0, 0}));
}

Explored message_passing(std::memory_order publish, std::memory_order consume) {
  return explore({in_order({write_plain(), store(0, 1, publish)}),
                  in_order({load(0, 0, consume), read_plain_if(0, 1)})});
}

TEST_CASE("a release store that an acquire load reads hands plain data over") {
  const Explored explored = message_passing(kRelease, kAcquire);
  CHECK(explored.result.failure == Failure::none);
  CHECK(explored.outcomes == Outcomes{{0, 0, 0, 0, 0, 0}, {1, 42, 0, 0, 0, 0}});
  CHECK(message_passing(kSeqCst, kSeqCst).result.failure == Failure::none);
  CHECK(message_passing(kSeqCst, kAcquire).result.failure == Failure::none);
}

TEST_CASE("without the release or without the acquire the hand-over is a data race") {
  CHECK(message_passing(kRelaxed, kAcquire).result.failure == Failure::data_race);
  CHECK(message_passing(kRelease, kRelaxed).result.failure == Failure::data_race);
  CHECK(message_passing(kRelaxed, kSeqCst).result.failure == Failure::data_race);
}

TEST_CASE("a relaxed store after a release store carries nothing over, as since C++20") {
  const Explored explored =
      explore({in_order({write_plain(), store(0, 1, kRelease), store(0, 2, kRelaxed)}),
               in_order({load(0, 0, kAcquire), read_plain_if(0, 1)})});
  CHECK(explored.result.failure == Failure::data_race);
}

TEST_CASE("what was written after the release is not handed over") {
  const Explored explored = explore({in_order({store(0, 1, kRelease), write_plain()}),
                                     in_order({load(0, 0, kAcquire), read_plain_if(0, 1)})});
  CHECK(explored.result.failure == Failure::data_race);
}

TEST_CASE("a read that nothing orders before a later write is a data race too") {
  // The reader says that it is done with a relaxed store, so the writer may not reuse the object.
  const auto run = [](std::memory_order done) {
    return explore(
        {in_order({load(0, 0, kAcquire),
                   [](World& world, Shared& s) {
                     if (s.found[0] == 0) return;
                     world.write(&s.plain);
                   }}),
         in_order({[](World& world, Shared& s) { world.read(&s.plain); }, store(0, 1, done)})});
  };
  CHECK(run(kRelaxed).result.failure == Failure::data_race);
  CHECK(run(kRelease).result.failure == Failure::none);
}

TEST_CASE("two loads of one word by one thread never go back in time") {
  const Explored explored = explore({in_order({store(0, 1, kRelaxed), store(0, 2, kRelaxed)}),
                                     in_order({load(0, 0, kRelaxed), load(0, 1, kRelaxed)})});
  CHECK(explored.outcomes == Outcomes{{0, 0, 0, 0, 0, 0},
                                      {0, 1, 0, 0, 0, 0},
                                      {0, 2, 0, 0, 0, 0},
                                      {1, 1, 0, 0, 0, 0},
                                      {1, 2, 0, 0, 0, 0},
                                      {2, 2, 0, 0, 0, 0}});
}

TEST_CASE("a relaxed message passing may see the flag and not the data") {
  const Explored explored = explore({in_order({store(0, 1, kRelaxed), store(1, 1, kRelaxed)}),
                                     in_order({load(1, 0, kRelaxed), load(0, 1, kRelaxed)})});
  CHECK(explored.reaches({1, 0}));
  const Explored ordered = explore({in_order({store(0, 1, kRelaxed), store(1, 1, kRelease)}),
                                    in_order({load(1, 0, kAcquire), load(0, 1, kRelaxed)})});
  CHECK_FALSE(ordered.reaches({1, 0}));
  CHECK(ordered.reaches({1, 1}));
}

TEST_CASE("happens-before reaches through a third thread") {
  const auto run = [](std::memory_order middle) {
    return explore({in_order({store(0, 1, kRelaxed), store(1, 1, kRelease)}),
                    in_order({load(1, 0, kAcquire),
                              [middle](World& world, Shared& s) {
                                if (s.found[0] != 0) store(2, 1, middle)(world, s);
                              }}),
                    in_order({load(2, 1, kAcquire), load(0, 2, kRelaxed)})});
  };
  CHECK_FALSE(run(kRelease).reaches({1, 1, 0}));
  CHECK(run(kRelease).reaches({1, 1, 1}));
  CHECK(run(kRelaxed).reaches({1, 1, 0}));
}

Explored independent_reads(std::memory_order publish, std::memory_order consume) {
  return explore({store(0, 1, publish), store(1, 1, publish),
                  in_order({load(0, 0, consume), load(1, 1, consume)}),
                  in_order({load(1, 2, consume), load(0, 3, consume)})});
}

TEST_CASE("two readers agree on the order of independent writes only under seq_cst") {
  CHECK(independent_reads(kRelease, kAcquire).reaches({1, 0, 1, 0}));
  const Explored explored = independent_reads(kSeqCst, kSeqCst);
  CHECK(explored.result.exhausted);
  CHECK_FALSE(explored.reaches({1, 0, 1, 0}));
  CHECK(explored.reaches({1, 0, 0, 0}));
  CHECK(explored.reaches({1, 1, 1, 1}));
}

TEST_CASE("a seq_cst load is not bound by a weaker store that ran before it") {
  const Explored explored = explore({in_order({store(0, 1, kRelease), load(1, 0, kSeqCst)}),
                                     in_order({store(1, 1, kSeqCst), load(0, 1, kSeqCst)})});
  CHECK(explored.reaches({0, 0}));
}

TEST_CASE("a seq_cst load sees at least what an earlier seq_cst load of the word saw") {
  // Thread 2 reads 1 and then says so; who hears of it over seq_cst accesses reads 1 as well.
  const Explored explored =
      explore({store(0, 1, kRelaxed), in_order({load(0, 0, kSeqCst), store(1, 1, kSeqCst)}),
               in_order({load(1, 1, kSeqCst), load(0, 2, kSeqCst)})});
  CHECK_FALSE(explored.reaches({1, 1, 0}));
  CHECK(explored.reaches({1, 1, 1}));
  CHECK(explored.reaches({0, 1, 0}));
}

TEST_CASE("a rung bell wakes, hands plain data over, and wakes only once") {
  const auto hear = [](World& world, Shared& s) {
    if (!world.wait(s.bell)) return;
    world.read(&s.plain);
    ++s.found[0];
  };
  const auto ring = [](World& world, Shared& s) { world.ring(s.bell); };
  const Explored once = explore({in_order({write_plain(), ring}), hear});
  CHECK(once.result.failure == Failure::none);
  CHECK(once.outcomes == Outcomes{{1, 0, 0, 0, 0, 0}});

  const Explored twice = explore({in_order({write_plain(), ring}), in_order({hear, hear})});
  CHECK(twice.result.failure == Failure::stall);
}

TEST_CASE("rings that nobody waited for add up to one waking") {
  const auto ring = [](World& world, Shared& s) { world.ring(s.bell); };
  const auto hear = [](World& world, Shared& s) { static_cast<void>(world.wait(s.bell)); };
  CHECK(explore({in_order({ring, ring}), hear}).result.failure == Failure::none);
  // Both rings may come before the first waking: then nothing is left for the second.
  CHECK(explore({in_order({ring, ring}), in_order({hear, hear})}).result.failure == Failure::stall);
}

TEST_CASE("orders that differ in independent accesses only are tried once") {
  std::vector<Code> apart;
  for (unsigned thread = 0; thread < 3; ++thread) {
    apart.push_back(in_order({store(thread, 1, kRelaxed), store(thread, 2, kRelaxed)}));
  }
  const Explored explored = explore(apart);
  CHECK(explored.result.exhausted);
  CHECK(explored.result.executions == 1);
  // Three loads of a word that nobody stores to: one execution as well.
  CHECK(explore({load(0, 0, kAcquire), load(0, 1, kAcquire), load(0, 2, kAcquire)})
            .result.executions == 1);
}

TEST_CASE("every message is read by some execution, and every order of dependent accesses runs") {
  // Against a list by hand: thread 1 stores 1, 2, 3; thread 2 loads once.
  const Explored one =
      explore({in_order({store(0, 1, kSeqCst), store(0, 2, kSeqCst), store(0, 3, kSeqCst)}),
               load(0, 0, kSeqCst)});
  CHECK(one.outcomes.size() == 4);
  CHECK(one.result.executions == 4);
  const Explored two = explore({in_order({store(0, 1, kSeqCst), load(1, 0, kSeqCst)}),
                                in_order({store(1, 1, kSeqCst), load(0, 1, kSeqCst)})});
  CHECK(two.outcomes.size() == 3);
}

/// A random program: each thread stores to its own word and loads from any.
std::vector<Code> random_program(std::mt19937& random) {
  constexpr std::array kStores{kRelaxed, kRelease, kSeqCst};
  constexpr std::array kLoads{kRelaxed, kAcquire, kSeqCst};
  std::vector<Code> threads;
  unsigned found = 0;
  for (unsigned thread = 0; thread < 3; ++thread) {
    std::vector<Code> steps;
    std::uint16_t value = 0;
    for (unsigned step = 0; step < 3 - thread / 2; ++step) {
      if (random() % 2 == 0 || found == 6) {
        steps.push_back(store(thread, ++value, kStores[random() % 3]));
      } else {
        steps.push_back(load(static_cast<unsigned>(random() % 3), found++, kLoads[random() % 3]));
      }
    }
    threads.push_back(in_order(std::move(steps)));
  }
  return threads;
}

TEST_CASE("leaving orders out by sleep sets leaves no outcome out") {
  std::mt19937 random(static_cast<std::mt19937::result_type>(test::announce_seed("programs", 3)));
  std::uint64_t with = 0;
  std::uint64_t without = 0;
  for (unsigned program = 0; program < 100; ++program) {
    const std::vector<Code> code = random_program(random);
    const Explored reduced = explore(code, true);
    const Explored full = explore(code, false);
    REQUIRE(reduced.result.exhausted);
    REQUIRE(full.result.exhausted);
    REQUIRE(reduced.outcomes == full.outcomes);
    with += reduced.result.executions;
    without += full.result.executions;
  }
  CHECK(with * 10 < without);
}

TEST_CASE(
    "a scenario with two writers of one word that nothing orders, or without an end, is refused") {
  CHECK(explore({store(0, 1, kRelease), store(0, 2, kRelease)}).result.failure ==
        Failure::unmodelled);
  const auto spin = [](World& world, Shared& s) {
    for (unsigned i = 0; i < 3000; ++i) load(0, 0, kRelaxed)(world, s);
  };
  CHECK(explore({spin}).result.failure == Failure::unmodelled);
}

TEST_CASE("of two exchanges of one message exactly one succeeds") {
  const Explored explored =
      explore({exchange(0, 0, 1, 0, kRelaxed), exchange(0, 0, 2, 1, kRelaxed)});
  CHECK(explored.result.exhausted);
  CHECK(explored.outcomes == Outcomes{{0, 1, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0}});
}

TEST_CASE("an exchange, even a relaxed one, carries on what a release store carries") {
  const auto hand_over = [](const Code& between) {
    return explore({in_order({write_plain(), store(0, 1, kRelease)}), between,
                    in_order({load(0, 0, kAcquire), read_plain_if(0, 1)})});
  };
  const Explored carried = hand_over(exchange(0, 1, 2, 2, kRelaxed));
  CHECK(carried.result.failure == Failure::none);
  CHECK(carried.reaches({2, 42, 1}));
  // What was not released before it, it does not release either.
  CHECK(explore({in_order({write_plain(), exchange(0, 0, 1, 2, kRelaxed)}),
                 in_order({load(0, 0, kAcquire), read_plain_if(0, 1)})})
            .result.failure == Failure::data_race);
}

TEST_CASE("an update reads the newest value: of two that add one both count, even relaxed ones") {
  const auto add = [](unsigned into) -> Code {
    return [=](World& world, Shared& s) {
      const auto one_more = [](std::uint64_t old) { return std::optional(old + 1); };
      s.found[into] =
          static_cast<unsigned>(world.update(&s.words[0], 0, one_more, kRelaxed, "word"));
    };
  };
  const Explored explored = explore({add(0), add(1)});
  CHECK(explored.result.exhausted);
  CHECK(explored.outcomes == Outcomes{{0, 1, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0}});
}

TEST_CASE("an update that stores nothing is a relaxed load of the newest value") {
  const auto look = [](World& world, Shared& s) {
    const auto nothing = [](std::uint64_t) { return std::optional<std::uint64_t>(); };
    s.found[0] = static_cast<unsigned>(world.update(&s.words[0], 0, nothing, kAcquire, "word"));
  };
  // Its thread reads nothing older afterwards, but knows nothing else.
  const Explored coherent =
      explore({store(0, 1, kRelaxed), in_order({look, load(0, 1, kRelaxed)})});
  CHECK_FALSE(coherent.reaches({1, 0}));
  CHECK(coherent.reaches({0, 1}));
  CHECK(explore({in_order({write_plain(), store(0, 1, kRelease)}),
                 in_order({look, read_plain_if(0, 1)})})
            .result.failure == Failure::data_race);
}

TEST_CASE("threads that sleep for ever are a stall unless the scenario rests so") {
  class Sleeper final : public Scenario {
   public:
    Sleeper(World& world, bool rests, unsigned& returned)
        : world_(world), rests_(rests), returned_(returned) {}
    [[nodiscard]] unsigned threads() const override { return 2; }
    void run(unsigned thread) override {
      if (thread == 1) return world_.ring(bell_);
      while (world_.wait(bell_)) {
      }
      ++returned_;
    }
    [[nodiscard]] bool at_rest() override { return rests_; }

   private:
    World& world_;
    const bool rests_;
    unsigned& returned_;
    Bell bell_;
  };
  for (const bool rests : {true, false}) {
    World world;
    unsigned returned = 0;
    const Result result =
        world.explore([&] { return std::make_unique<Sleeper>(world, rests, returned); });
    CHECK(result.failure == (rests ? Failure::none : Failure::stall));
    CHECK(result.exhausted == rests);
    CHECK(returned == result.executions + result.pruned);
  }
}

TEST_CASE("a failure comes with the accesses that led to it") {
  const Explored explored = message_passing(kRelaxed, kAcquire);
  CHECK(explored.result.message == "thread 2 reads what thread 1 writes");
  CHECK(explored.result.trace ==
        "  thread 1: store word 1\n  thread 2: load word 1\n  thread 2: fails here  0\n");
}

}  // namespace
}  // namespace bellpull::ring::explorer
