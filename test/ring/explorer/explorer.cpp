// SPDX-License-Identifier: BSD-2-Clause
#include "explorer/explorer.hpp"

#include <cstdlib>
#include <utility>

namespace bellpull::ring::explorer {

World::World() {
  for (unsigned thread = 1; thread < kMaxThreads; ++thread) {
    threads_[thread].fiber = std::make_unique<Fiber>([this, thread] { thread_main(thread); });
  }
}

void World::thread_main(unsigned thread) {
  for (;;) {
    scenario_->run(thread);
    threads_[thread].state = State::finished;
    hand_over(thread);  // comes back in the next execution
  }
}

Result World::explore(const std::function<std::unique_ptr<Scenario>()>& make, std::uint64_t limit) {
  result_ = Result{};
  trail_.clear();
  do {
    scenario_ = make();
    execute();
    ++(pruned_ ? result_.pruned : result_.executions);
    if (result_.failure != Failure::none) {
      result_.trace = describe_trace();
      return std::move(result_);
    }
    if (result_.executions >= limit) return std::move(result_);
  } while (next_trail());
  result_.exhausted = true;
  return std::move(result_);
}

void World::execute() {
  memory_.reset();
  events_.clear();
  depth_ = 0;
  sleeping_ = 0;
  pruned_ = over_ = false;
  running_ = 0;
  thread_count_ = scenario_->threads();
  if (thread_count_ >= kMaxThreads) std::abort();  // raise kMaxThreads
  scenario_->set_up();

  View start;
  memory_.release(0, start);
  for (unsigned thread = 1; thread <= thread_count_; ++thread) {
    memory_.acquire(thread, start);
    threads_[thread].state = State::fresh;
  }
  hand_over(0);

  for (unsigned thread = 1; thread <= thread_count_; ++thread) {
    memory_.acquire(0, memory_.view(thread));
  }
  if (!pruned_ && !over_) scenario_->check();
  over_ = true;  // what a scenario does when it goes is no part of the execution
  scenario_.reset();
}

bool World::next_trail() {
  while (!trail_.empty() && trail_.back().taken + 1 == trail_.back().count) trail_.pop_back();
  if (trail_.empty()) return false;
  ++trail_.back().taken;
  return true;
}

unsigned World::choose(unsigned count) {
  if (count == 1 || pruned_ || over_) return 0;
  if (depth_ == trail_.size()) trail_.push_back({.taken = 0, .count = count});
  if (trail_[depth_].count != count) std::abort();  // the scenario is not deterministic
  return trail_[depth_++].taken;
}

bool World::independent(const Access& a, const Access& b) {
  if (a.object != b.object) return true;
  // Two seq_cst loads of a word are ordered by S: the second must not read what is older.
  const bool loads = (a.kind == Kind::load || a.kind == Kind::sc_load) &&
                     (b.kind == Kind::load || b.kind == Kind::sc_load);
  return loads && (a.kind == Kind::load || b.kind == Kind::load);
}

bool World::enabled(const Thread& thread) const {
  if (thread.state != State::ready) return false;
  return thread.next.kind != Kind::wait || thread.next.bell->pending != 0 || over_;
}

/// The thread that makes the next access, or kNobody when all ended.
unsigned World::pick() {
  std::array<unsigned, kMaxThreads> able{};
  unsigned count = 0;
  bool left = false;
  // Who runs already comes first, which saves switches of stacks.
  for (unsigned i = 0; i <= thread_count_; ++i) {
    const unsigned thread = i == 0 ? running_ : i;
    if (thread == 0 || (i != 0 && thread == running_)) continue;
    // Up to its first access a thread does nothing that others could see.
    if (threads_[thread].state == State::fresh) return thread;
    left = left || threads_[thread].state == State::ready;
    if (enabled(threads_[thread])) able[count++] = thread;
  }
  if (count == 0) {
    if (!left) return kNobody;
    if (!pruned_ && !scenario_->at_rest()) {
      fail(Failure::stall, "every thread that is left sleeps and no bell was rung");
    }
    over_ = true;
    return pick();
  }
  if (pruned_ || over_) return able[0];

  std::array<unsigned, kMaxThreads> awake{};
  unsigned awake_count = 0;
  for (unsigned i = 0; i < count; ++i) {
    if ((sleeping_ >> able[i] & 1U) == 0) awake[awake_count++] = able[i];
  }
  if (awake_count == 0) {
    pruned_ = true;
    return able[0];
  }
  const unsigned taken = choose(awake_count);
  if (sleep_sets_) {
    // What was tried from here before needs no second try until something it depends on happens.
    for (unsigned i = 0; i < taken; ++i) sleeping_ |= 1U << awake[i];
  }
  const unsigned chosen = awake[taken];
  for (unsigned thread = 1; thread <= thread_count_; ++thread) {
    if (!independent(threads_[thread].next, threads_[chosen].next)) sleeping_ &= ~(1U << thread);
  }
  return chosen;
}

void World::hand_over(unsigned from) {
  const unsigned to = pick();
  if (to == from) return;
  running_ = to == kNobody ? 0 : to;
  if (to != kNobody && threads_[to].state == State::fresh) threads_[to].state = State::ready;
  Fiber& here = from == 0 ? main_ : *threads_[from].fiber;
  Fiber& there = to == kNobody ? main_ : *threads_[to].fiber;
  Fiber::transfer(here, there);
}

void World::await_turn(const Access& access) {
  if (running_ == 0) return;
  if (events_.size() > kMaxEvents && !over_) fail(Failure::unmodelled, "the scenario does not end");
  if (events_.size() > 2 * kMaxEvents) std::abort();  // not even when it is told to
  threads_[running_].next = access;
  hand_over(running_);
}

std::uint64_t World::load(const void* word, std::uint64_t initial, std::memory_order order,
                          std::string_view name) {
  const unsigned number = memory_.word_at(word, initial);
  const Kind kind = order == std::memory_order_seq_cst ? Kind::sc_load : Kind::load;
  await_turn({.kind = kind, .object = word});
  const unsigned age = choose(memory_.readable(running_, number, order));
  const std::uint64_t value = memory_.load(running_, number, order, age);
  note("load", name, value, age);
  return value;
}

void World::store(const void* word, std::uint64_t initial, std::uint64_t value,
                  std::memory_order order, std::string_view name) {
  const unsigned number = memory_.word_at(word, initial);
  await_turn({.kind = Kind::store, .object = word});
  if (!memory_.store(running_, number, order, value)) {
    fail(Failure::unmodelled, "two threads store to one word: " + std::string(name));
  }
  note("store", name, value, 0);
}

bool World::exchange(const void* word, std::uint64_t initial, std::uint64_t expected,
                     std::uint64_t desired, std::memory_order order, std::string_view name) {
  const unsigned number = memory_.word_at(word, initial);
  await_turn({.kind = Kind::store, .object = word});
  const bool done = memory_.exchange(running_, number, order, expected, desired);
  note(done ? "exchange" : "failed exchange", name, desired, 0);
  return done;
}

std::uint64_t World::update(
    const void* word, std::uint64_t initial,
    const std::function<std::optional<std::uint64_t>(std::uint64_t)>& change,
    std::memory_order order, std::string_view name) {
  const unsigned number = memory_.word_at(word, initial);
  await_turn({.kind = Kind::store, .object = word});
  const std::uint64_t before = memory_.newest(number);
  if (const auto after = change(before)) {
    static_cast<void>(memory_.exchange(running_, number, order, before, *after));
    note("update", name, *after, 0);
  } else {
    memory_.load(running_, number, std::memory_order_relaxed, 0);
    note("failed update", name, before, 0);
  }
  return before;
}

void World::read(const void* object) {
  if (const auto racer = memory_.read(running_, object)) {
    fail(Failure::data_race, "thread " + std::to_string(running_) + " reads what thread " +
                                 std::to_string(*racer) + " writes");
  }
}

void World::write(const void* object) {
  if (const auto racer = memory_.write(running_, object)) {
    fail(Failure::data_race, "thread " + std::to_string(running_) + " writes what thread " +
                                 std::to_string(*racer) + " uses");
  }
}

void World::ring(Bell& bell) {
  await_turn({.kind = Kind::ring, .object = &bell});
  memory_.release(running_, bell.view);
  ++bell.rung;
  ++bell.pending;
  note("ring", "bell", bell.rung, 0);
}

bool World::wait(Bell& bell) {
  await_turn({.kind = Kind::wait, .object = &bell, .bell = &bell});
  if (over_ || bell.pending == 0) return false;
  if (bell.orders) memory_.acquire(running_, bell.view);
  note("wake", "bell", bell.pending, 0);
  bell.pending = 0;
  return true;
}

void World::fail(Failure failure, std::string message) {
  // What follows a failure is not an execution any more; what was pruned is judged elsewhere.
  if (over_ || pruned_) return;
  over_ = true;
  result_.failure = failure;
  result_.message = std::move(message);
  note("fails here", "", 0, 0);
}

void World::note(std::string_view what, std::string_view name, std::uint64_t value, unsigned age) {
  events_.push_back({running_, what, name, value, age});
}

std::string World::describe_trace() const {
  std::string text;
  for (const Event& event : events_) {
    text += "  thread " + std::to_string(event.thread) + ": ";
    text.append(event.what).append(" ").append(event.name);
    text += " " + std::to_string(event.value);
    if (event.age != 0) text += " (" + std::to_string(event.age) + " behind the newest)";
    text += '\n';
    if (event.what == "fails here") break;
  }
  return text;
}

}  // namespace bellpull::ring::explorer
