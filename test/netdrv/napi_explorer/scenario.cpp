// SPDX-License-Identifier: BSD-2-Clause
#include "napi_explorer/scenario.hpp"

#include <algorithm>
#include <utility>

namespace bellpull::netdrv::explorer {

namespace {

// Everybody's time but the timer's is this; the timer waits for as long as it takes.
constexpr std::uint64_t kTime = 1;
constexpr std::uint64_t kTimeout = 1;
constexpr std::uint64_t kSuspendTimeout = 5;
constexpr std::uint64_t kLongAfter = std::uint64_t{1} << 40;
constexpr std::uint64_t kNever = ~std::uint64_t{0};

}  // namespace

NapiScenario::NapiScenario(ring::explorer::World& in, MakeMachine make, const Habits& habits,
                           const Shape& shape, std::span<const Code> code)
    : world_(in), habits_(habits), shape_(shape), code_(code), napi_(make(&time, this)) {}

void NapiScenario::set_up() {
  napi_->configure(shape_.defer_hard_irqs, kTimeout, kSuspendTimeout, shape_.prefer_busy_poll);
  if (!napi_->enable()) wrong("a new instance is enabled already");
}

void NapiScenario::run(unsigned thread) {
  code_[thread - 1](*this);
  ++gone_;
}

std::uint64_t NapiScenario::time(void* self) noexcept {
  const auto& here = *static_cast<NapiScenario*>(self);
  return here.world_.running() == here.timer_thread_ ? here.later_ : kTime;
}

void NapiScenario::wrong(const char* what) {
  world_.fail(ring::explorer::Failure::wrong, what);
}

// What the judge finds out is no access of the program.
template <class Look>
auto NapiScenario::newest(const Look& look) noexcept {
  ring::explorer::World* const there = std::exchange(world, nullptr);
  const auto found = look();
  world = there;
  return found;
}

bool NapiScenario::at_rest() {
  // Who sleeps elsewhere waits for an instance that nobody lets go of.
  if (asleep_ + gone_ != threads()) return false;
  const std::span<const Source> sources = std::span(sources_).first(shape_.sources);
  const bool armed =
      shape_.edge || newest([&] {
        return std::ranges::all_of(sources, [](const Source& s) { return s.armed.load() != 0; });
      });
  if (enabled_ && raised_ != polled_) wrong("an event is forgotten");
  if (newest([&] { return napi_->owned(); }))
    wrong("somebody owns the instance and does not poll it");
  if (newest([&] { return napi_->timer_due(); }) != kNever)
    wrong("the timer runs and nobody waits for it");
  if (enabled_ && !armed) wrong("the device is masked and nobody will look");
  return true;
}

unsigned NapiScenario::poll(unsigned budget) noexcept {
  if (inside_++ != 0) wrong("two threads poll at once");
  static_cast<void>(static_cast<std::uint64_t>(device_));
  unsigned work = 0;
  for (Source& source : std::span(sources_).first(shape_.sources)) {
    const unsigned waiting = source.frames.load(std::memory_order_acquire);
    const unsigned taken = std::min(waiting, budget - work);
    if (taken != 0) source.frames.fetch_sub(taken, std::memory_order_relaxed);
    work += taken;
  }
  polled_ += work;
  if (polled_ > raised_) wrong("a frame was polled twice");
  --inside_;
  return work;
}

engine::Armed NapiScenario::unmask() noexcept {
  if (shape_.edge) return engine::Armed::armed;
  const std::span<Source> sources = std::span(sources_).first(shape_.sources);
  for (Source& source : sources) source.armed.exchange(1);
  for (const Source& source : sources) {
    if (source.frames.load() != 0) return engine::Armed::work_pending;
  }
  return engine::Armed::armed;
}

void NapiScenario::mask() noexcept {
  if (shape_.edge) return;
  for (Source& source : std::span(sources_).first(shape_.sources)) source.armed.exchange(0);
}

void NapiScenario::event(unsigned number, unsigned poller) {
  Source& source = sources_[number];
  ++raised_;
  if (shape_.edge) {
    source.frames.fetch_add(1, std::memory_order_relaxed);
  } else {
    source.frames.fetch_add(1);
    if (source.armed.exchange(0) == 0) return;
  }
  if (napi_->schedule_prep()) hand_over(poller);
}

void NapiScenario::schedule(unsigned poller) {
  if (!napi_->schedule_prep()) return;
  mask();
  hand_over(poller);
}

bool NapiScenario::sleep(ring::explorer::Bell& bell) {
  ++asleep_;
  const bool woken = world_.wait(bell);
  --asleep_;
  return woken;
}

Ended NapiScenario::serve() {
  for (;;) {
    const Ended ended = napi_->round(*this, shape_.budget);
    if (ended == Ended::again && !world_.over()) continue;
    if (ended == Ended::deferred && habits_.minds_timer) world_.ring(timer_bell_);
    return ended;
  }
}

void NapiScenario::hand_over(unsigned poller) {
  if (poller == kSelf) {
    serve();
  } else {
    world_.ring(bells_[poller]);
  }
}

void NapiScenario::poller(unsigned number) {
  while (sleep(bells_[number])) serve();
}

void NapiScenario::timer() {
  timer_thread_ = world_.running();
  while (sleep(timer_bell_)) {
    later_ += kLongAfter;
    if (napi_->timer_expired()) serve();
  }
}

Ended NapiScenario::busy_poll(bool completes) {
  // Does not mask: with a bell that may ring there is more to go wrong.
  if (!napi_->busy_poll_begin()) return Ended::complete;
  const Ended ended =
      completes ? napi_->round(*this, shape_.budget) : napi_->busy_round(*this, shape_.budget);
  if (ended == Ended::disabled) return ended;
  // Whatever else it says: that a busy poll may not complete is for the machine to know.
  napi_->busy_poll_end();
  return habits_.polls_once_more ? serve() : Ended::complete;
}

void NapiScenario::suspend() {
  if (napi_->suspend()) world_.ring(timer_bell_);
}

void NapiScenario::stop() {
  if (napi_->disable() && habits_.waits_for_disable) napi_->wait_disabled();
  enabled_ = false;
  if (inside_ != 0) wrong("a disabled instance is polled");
  device_ = device_ + 1;
}

void NapiScenario::start(unsigned poller) {
  enabled_ = true;
  if (!napi_->enable()) wrong("a disabled instance is enabled");
  if (habits_.schedules_after_enable) schedule(poller);
}

}  // namespace bellpull::netdrv::explorer
