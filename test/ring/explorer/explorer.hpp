// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/fiber.hpp"
#include "explorer/model.hpp"

namespace bellpull::ring::explorer {

/// What an execution can do wrong.
enum class Failure : std::uint8_t {
  none,
  data_race,  ///< two plain accesses that nothing orders
  stall,      ///< every thread that is left sleeps: a lost wake-up
  wrong,      ///< a check of the scenario
  unmodelled  ///< the scenario does what the model cannot express, or does not end
};

/// A bell, as an eventfd is one: rings add up, waiting takes them all. Ringing happens before the
/// waking up that it causes, unless the bell is told to order nothing.
struct Bell {
  bool orders = true;
  unsigned rung = 0;  ///< in total
  unsigned pending = 0;
  View view;
};

/// A small concurrent program. One object is made per execution.
class Scenario {
 public:
  virtual ~Scenario() = default;
  /// How many threads run() is called for: numbers 1 to threads().
  [[nodiscard]] virtual unsigned threads() const = 0;
  /// Before the threads; they see all of it.
  virtual void set_up() {}
  /// The code of one thread. Returns in every execution, at once when World::wait() says false.
  virtual void run(unsigned thread) = 0;
  /// After the threads, which all ended; sees all of what they did.
  virtual void check() {}
  /// When every thread that is left sleeps and no bell was rung. True: so it should end; the
  /// threads are woken to return. False: a lost wake-up. Makes no access of its own, and may
  /// fail().
  [[nodiscard]] virtual bool at_rest() { return false; }
};

/// What became of all executions.
struct Result {
  Failure failure = Failure::none;  ///< of the first execution that failed; nothing was tried after
  std::string message;
  std::string trace;             ///< the accesses of that execution, one per line
  std::uint64_t executions = 0;  ///< complete ones
  std::uint64_t pruned = 0;      ///< begun, and seen to repeat a complete one
  bool exhausted = false;        ///< there is no execution that was not tried
};

/// Runs a scenario in every way that the model of memory allows: each order of the accesses of its
/// threads and, for each load, each message that it may read.
///
/// Stateless and depth first: an execution is a list of choices; the next one repeats the list up
/// to its last choice that has an alternative left and takes that. Threads are switched before
/// accesses of atomic words and bells only, which is enough, because plain accesses that race are
/// reported in whatever order they are made. Sleep sets (Godefroid) leave out orders that differ
/// only in independent accesses: different words, or two loads of one word.
class World {
 public:
  World();

  /// Tries every execution of the scenario that `make` makes, up to the first that fails or
  /// `limit` of them.
  Result explore(const std::function<std::unique_ptr<Scenario>()>& make,
                 std::uint64_t limit = UINT64_MAX);

  /// Without sleep sets every order is tried: to check that they leave no outcome out.
  void use_sleep_sets(bool use) { sleep_sets_ = use; }

  // For the code of a scenario, while explore() runs.

  std::uint64_t load(const void* word, std::uint64_t initial, std::memory_order order,
                     std::string_view name);
  void store(const void* word, std::uint64_t initial, std::uint64_t value, std::memory_order order,
             std::string_view name);
  bool exchange(const void* word, std::uint64_t initial, std::uint64_t expected,
                std::uint64_t desired, std::memory_order order, std::string_view name);
  /// Any other read-modify-write operation: stores what `change` makes of the newest value, or
  /// nothing, and returns the value before.
  std::uint64_t update(const void* word, std::uint64_t initial,
                       const std::function<std::optional<std::uint64_t>(std::uint64_t)>& change,
                       std::memory_order order, std::string_view name);
  void read(const void* object);
  void write(const void* object);
  void ring(Bell& bell);
  /// Sleeps until the bell was rung. False when the execution is over and the thread must return.
  [[nodiscard]] bool wait(Bell& bell);
  void fail(Failure failure, std::string message);
  /// The thread whose code runs; 0 outside of run().
  [[nodiscard]] unsigned running() const { return running_; }
  /// Whether the execution has failed or come to rest: what happens from now on does not count, and
  /// every thread should return.
  [[nodiscard]] bool over() const { return over_; }

 private:
  enum class Kind : std::uint8_t { load, sc_load, store, ring, wait };
  enum class State : std::uint8_t { fresh, ready, finished };
  struct Access {
    Kind kind = Kind::load;
    const void* object = nullptr;
    const Bell* bell = nullptr;
  };
  struct Thread {
    std::unique_ptr<Fiber> fiber;
    State state = State::finished;
    Access next;
  };
  struct Choice {
    unsigned taken = 0;
    unsigned count = 0;
  };
  struct Event {
    unsigned thread = 0;
    std::string_view what;
    std::string_view name;
    std::uint64_t value = 0;
    unsigned age = 0;
  };
  static constexpr unsigned kNobody = kMaxThreads;
  static constexpr std::size_t kMaxEvents = 2000;

  static bool independent(const Access& a, const Access& b);
  [[noreturn]] void thread_main(unsigned thread);
  void execute();
  bool next_trail();
  unsigned choose(unsigned count);
  unsigned pick();
  [[nodiscard]] bool enabled(const Thread& thread) const;
  void hand_over(unsigned from);
  void await_turn(const Access& access);
  void note(std::string_view what, std::string_view name, std::uint64_t value, unsigned age);
  [[nodiscard]] std::string describe_trace() const;

  Fiber main_;
  std::array<Thread, kMaxThreads> threads_;
  unsigned thread_count_ = 0;
  unsigned running_ = 0;
  std::unique_ptr<Scenario> scenario_;
  Memory memory_;
  std::vector<Choice> trail_;
  std::size_t depth_ = 0;
  bool sleep_sets_ = true;
  unsigned sleeping_ = 0;  // one bit per thread
  bool pruned_ = false;    // goes on without choices, so that every fiber ends by returning
  bool over_ = false;      // failed or at rest; wait() says so
  std::vector<Event> events_;
  Result result_;
};

}  // namespace bellpull::ring::explorer
