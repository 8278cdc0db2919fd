// SPDX-License-Identifier: BSD-2-Clause
// One round of a Nic, in the order in which it happens:
//   1. nothing to do and listening -> sleep until a device, the bell or a timer wakes us (wait)
//   2. instances whose timer is due get their turn (fire_timers)
//   3. a driven engine moves bytes: writes what was sent, reads into posted buffers; it rings the
//      bell of a queue that is armed (run_engine, Instance::ring)
//   4. rung queues get their turn at the end of the line (collect_rung)
//   5. each scheduled instance polls once, at most its budget, until the round's budget or time is
//      used up: port -> application -> ports (poll_instances, Instance::poll); who used its budget
//      up goes to the end of the line, who did not unmasks the bell and looks once more
//      (napi_round)
#include "bellpull/netdrv/nic.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "instance.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// What an epoll event carries: the position of a wait source, kWake, kTimer, or kWatcher and a
// position.
constexpr std::uint64_t kWake = ~std::uint64_t{0};
constexpr std::uint64_t kTimer = kWake - 1;
constexpr std::uint64_t kWatcher = std::uint64_t{1} << 32;
// Rounds of continuous work between two looks at the other file descriptors.
constexpr unsigned kBusyRounds = 4;
// The same when polling: there the look can only bring bells that nobody waits for.
constexpr unsigned kPollRounds = 1024;
// What a round of these without work counts besides: on a core that others want it gives away
// milliseconds, and who waits at another descriptor would wait for a thousand of them.
constexpr unsigned kIdleRound = 63;
// When a port that has no buffers looks for some again. Who returns them does not say so: it may be
// the application, on any thread.
constexpr std::uint64_t kRetryNs = 1'000'000;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void add_to_epoll(int epoll, int fd, std::uint32_t events, std::uint64_t data, const char* what) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail(what);
}

// Gives each wait source of the engine the position that it has now. One that is known already says
// once more that it is ready, if it is.
void watch_sources(int epoll, engine::Engine& engine) {
  const auto sources = engine.wait_sources();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    epoll_event event{};
    event.events = sources[i].events | EPOLLET;
    event.data.u64 = i;
    if (::epoll_ctl(epoll, EPOLL_CTL_MOD, sources[i].fd, &event) == 0) continue;
    add_to_epoll(epoll, sources[i].fd, event.events, i,
                 "epoll_ctl: watch a port's file descriptor");
  }
}

timespec to_timespec(std::uint64_t ns) noexcept {
  return {.tv_sec = static_cast<time_t>(ns / kSecond), .tv_nsec = static_cast<long>(ns % kSecond)};
}

}  // namespace

Nic::Nic(engine::Engine& engine, App& app, const NicSettings& settings)
    : engine_(engine), app_(app), settings_(settings), polling_(settings.mode == Mode::poll) {
  check(settings);
  adaptive_.configure(settings.adaptive);
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (epoll_.get() < 0) fail("epoll_create1 for the NIC's loop");
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.get() < 0) fail("eventfd for the NIC's bell");
  timer_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (timer_.get() < 0) fail("timerfd_create for the NIC's deferrals");
}

// An engine of its own may be calling the instances until their ports are stopped.
Nic::~Nic() {
  stop_threads();
  for (const auto& instance : instances_) instance->port->stop_rx();
  for (const auto& instance : instances_) instance->port.reset();
}

unsigned Nic::add_port(Link& link, Style style, const PortOptions& options) {
  if (!app_.offloads().contains(link.rx_offloads())) {
    throw std::invalid_argument("add port " + std::string(link.name()) +
                                ": it hands over checksums or superframes that the application "
                                "does not take (App::offloads()); set the link to fewer offloads");
  }
  auto added = std::make_unique<Instance>(*this, static_cast<unsigned>(instances_.size()));
  added->make_port_over(link, options, style);
  return add(std::move(added));
}

unsigned Nic::add_port(const PortFactory& factory) {
  auto added = std::make_unique<Instance>(*this, static_cast<unsigned>(instances_.size()));
  added->port = factory(added->bell(), *added);
  return add(std::move(added));
}

unsigned Nic::add(std::unique_ptr<Instance> added) {
  added->configure(settings_);
  for (const auto& other : instances_) added->egress.attach(*other->port);
  instances_.reserve(instances_.size() + 1);
  scheduled_.reserve(instances_.size() + 1);
  polled_.reserve(instances_.size() + 1);
  instances_.push_back(std::move(added));
  for (const auto& instance : instances_) instance->egress.attach(*instances_.back()->port);
  return static_cast<unsigned>(instances_.size()) - 1;
}

void Nic::capture(unsigned port, const CapturePoints& points) noexcept {
  instances_[port]->capture(points);
}

void Nic::watch(int fd, const Watcher& watcher) {
  watchers_.reserve(watchers_.size() + 1);
  add_to_epoll(epoll_.get(), fd, EPOLLIN, kWatcher + watchers_.size(),
               "epoll_ctl: watch a file descriptor of the owner");
  watchers_.push_back(watcher);
}

void Nic::start() {
  check_threaded(settings_.threaded);
  const char* const what = "epoll_ctl: watch the NIC's own bell and timer";
  add_to_epoll(epoll_.get(), wake_.get(), EPOLLIN | EPOLLET, kWake, what);
  add_to_epoll(epoll_.get(), timer_.get(), EPOLLIN | EPOLLET, kTimer, what);
  watch_sources(epoll_.get(), engine_);
  if (settings_.spin_engine) engine_.set_spin(polling());
  apply();
  started_ = true;
  // Bells that ring before somebody listens are made up for by the first poll.
  for (const auto& instance : instances_) instance->port->start();
  start_instances();
  schedule_all();
  look(0, false);  // the first edges, which say no more than that the descriptors are there
}

void Nic::wake() noexcept {
  const std::uint64_t one = 1;
  // Full is as good as written: the reader is being woken.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

bool Nic::run_once(int timeout_ms) noexcept {
  wait(timeout_ms);
  fire_timers();
  unsigned ended = run_engine();
  suspended_ = false;
  if (settings_.napi.prefer_busy_poll) ended += busy_poll();
  collect_rung();
  ended += poll_instances();
  if (settings_.mode == Mode::adaptive) adapt();
  // Never asleep, but what a polling NIC waits for may have to be made by whoever shares the core.
  if (polling() && ended == 0) {
    ::sched_yield();
    rounds_since_look_ += kIdleRound;
  }
  if (busy()) return true;
  if (timeout_ms == 0) set_timer();
  return false;
}

void Nic::wait(int timeout_ms) noexcept {
  const bool work = busy();
  ++rounds_since_look_;
  if (work) {
    if (rounds_since_look_ >= (polling() ? kPollRounds : kBusyRounds)) look(0);
    return;
  }
  look(timeout_ms);
}

void Nic::look(int timeout_ms, bool heed_watchers) noexcept {
  rounds_since_look_ = 0;
  (timeout_ms == 0 ? looks_ : waits_).add(1);
  std::array<epoll_event, 64> events;
  const int count = wait_for_events(events.data(), static_cast<int>(events.size()), timeout_ms);
  bool by_port = false;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
    if (data == kTimer) {
      timer_set_ = Napi::kNever;  // it has fired
    } else if (data >= kWatcher && data != kWake) {
      if (!heed_watchers) continue;
      const Watcher& watcher = watchers_[data - kWatcher];
      watcher.ready(watcher.context);
    } else {
      by_port = true;
      if (data != kWake) engine_.source_ready(data);
    }
  }
  if (by_port && timeout_ms != 0) wakeups_.add(1);
}

// Sleeps no longer than a deferred instance may.
int Nic::wait_for_events(void* events, int most, int timeout_ms) noexcept {
  auto* const found = static_cast<epoll_event*>(events);
  const std::uint64_t due = timeout_ms == 0 ? Napi::kNever : next_timer();
  if (due == Napi::kNever) return ::epoll_wait(epoll_.get(), found, most, timeout_ms);
  const std::uint64_t now = monotonic_ns();
  std::uint64_t left = due > now ? due - now : 0;
  if (timeout_ms > 0) left = std::min(left, static_cast<std::uint64_t>(timeout_ms) * 1'000'000);
  const timespec time = to_timespec(left);
  return ::epoll_pwait2(epoll_.get(), found, most, &time, nullptr);
}

// For an owner who sleeps elsewhere, on fd().
void Nic::set_timer() noexcept {
  const std::uint64_t due = next_timer();
  if (due == Napi::kNever || due >= timer_set_) return;
  itimerspec when{};
  when.it_value = to_timespec(due);
  if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0) timer_set_ = due;
}

std::uint64_t Nic::next_timer() const noexcept {
  std::uint64_t next = Napi::kNever;
  bool starved = false;
  for (const auto& instance : instances_) {
    next = std::min(next, instance->napi.timer_due());
    starved = starved || (!instance->threaded() && instance->port->starved());
  }
  return starved ? std::min(next, monotonic_ns() + kRetryNs) : next;
}

void Nic::fire_timers() noexcept {
  for (const auto& instance : instances_) {
    if (instance->napi.timer_due() == Napi::kNever) continue;
    if (!instance->napi.timer_expired()) continue;
    instance->expire();
    dispatch(*instance);
  }
}

// The owner is back from its own work: what came meanwhile is taken without an interrupt, and if
// there was something, interrupts stay off while it works on that (rules R15 to R19).
unsigned Nic::busy_poll() noexcept {
  unsigned total = 0;
  for (const auto& instance : instances_) {
    if (instance->threaded() || !instance->napi.busy_poll_begin()) continue;
    instance->mask();
    Round round = napi_busy_round(instance->napi, *instance, settings_.busy_poll_budget);
    unsigned work = instance->last_work;
    if (round == Round::again) {
      instance->napi.busy_poll_end();
      round = napi_round(instance->napi, *instance, settings_.budget);
      work += instance->last_work;
    }
    if (round == Round::again) scheduled_.push_back(instance.get());
    // Until the owner asks again, and finds nothing: he must not sleep on it.
    if (round == Round::deferred && work != 0 && instance->napi.suspend()) suspended_ = true;
    total += work;
  }
  return total;
}

// Returns how many transfers ended.
unsigned Nic::run_engine() noexcept {
  unsigned completed = 0;
  if (engine_.placement() == engine::Placement::driven) {
    if (polling()) engine_.retry_blocked();
    completed = engine_.run(settings_.budget).completed;
  }
  for (const auto& instance : instances_) {
    // That of an instance with a thread is the thread's.
    if (instance->threaded() || instance->port->tx_in_flight() == 0) continue;
    completed += instance->port->reclaim();
  }
  // Once all have returned what they could.
  for (const auto& instance : instances_) {
    if (!instance->threaded() && instance->port->starved()) instance->port->reclaim();
  }
  return completed;
}

void Nic::collect_rung() noexcept {
  for (const auto& instance : instances_) {
    if (!instance->threaded() && instance->take_rung()) scheduled_.push_back(instance.get());
  }
}

// Returns the budget that was used. Who was not polled, because the round was over, is first in the
// next one.
unsigned Nic::poll_instances() noexcept {
  if (scheduled_.empty()) return 0;
  const bool alone = scheduled_.size() == 1;
  const std::uint64_t until =
      alone || settings_.round_ns == 0 ? Napi::kNever : monotonic_ns() + settings_.round_ns;
  polled_.clear();
  unsigned work = 0;
  unsigned since_engine = 0;  // frames
  std::size_t next = 0;
  while (next < scheduled_.size()) {
    Instance* const instance = scheduled_[next++];
    const Round round = poll_once(*instance);
    if (round == Round::again) polled_.push_back(instance);
    work += instance->last_work;
    since_engine += instance->last_work;
    if (next == scheduled_.size()) break;
    // What came for the others meanwhile is not to wait for another turn of theirs.
    if (since_engine >= settings_.budget) {
      since_engine = 0;
      run_engine();
    }
    if (work >= settings_.round_budget ||
        (work != 0 && until != Napi::kNever && monotonic_ns() >= until)) {
      squeezes_.add(1);
      break;
    }
  }
  scheduled_.erase(scheduled_.begin(), scheduled_.begin() + static_cast<std::ptrdiff_t>(next));
  scheduled_.insert(scheduled_.end(), polled_.begin(), polled_.end());
  return work;
}

// Looks back at the round: polls or listens from now on, and while it listens, chooses how long
// each port defers.
void Nic::adapt() noexcept {
  std::uint64_t received = 0;
  for (const auto& instance : instances_) received += instance->received();
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t frames = received - std::exchange(received_, received);
  set_polling(adaptive_.round(now, frames) == Adaptive::Decision::poll);
  if (polling() || !settings_.moderation || settings_.threaded) return;
  for (const auto& instance : instances_) instance->moderate(settings_.napi, now);
}

bool Nic::busy() noexcept {
  return !scheduled_.empty() || suspended_ || engine_.runnable();
}

void Nic::schedule_all() noexcept {
  for (const auto& instance : instances_) {
    if (!instance->napi.schedule_prep()) continue;
    // A thread that has let go of its instance may still be unmasking it: masking is its own then.
    if (!instance->threaded()) instance->port->disarm();
    dispatch(*instance);
  }
}

void Nic::check_threaded(bool threaded) const {
  if (!threaded) return;
  if (engine_.placement() != engine::Placement::autonomous) {
    throw std::invalid_argument(
        "threaded instances over a driven engine: all of its channels belong to the thread that "
        "runs it; use an autonomous engine");
  }
  for (const auto& instance : instances_) {
    if (instance->port->polled()) continue;
    throw std::invalid_argument("threaded instances with port " +
                                std::string(instance->port->name()) +
                                ", which pushes from the engine's thread: there is nothing to "
                                "poll; choose another completion style");
  }
}

void Nic::check(const NicSettings& settings) const {
  netdrv::check(settings);
  check_threaded(settings.threaded);
}

void Nic::configure(const NicSettings& settings) {
  check(settings);
  adaptive_.configure(settings.adaptive);
  const bool rethread = started_ && settings.threaded != settings_.threaded;
  if (rethread) stop_threads();
  settings_ = settings;
  apply();
  if (rethread) start_instances();
  // Adaptive goes on as it is until it knows better.
  if (settings.mode != Mode::adaptive) set_polling(settings.mode == Mode::poll);
  if (started_) schedule_all();  // none waits for the end of a deferral of another length
}

// What threads of instances read is copied to where they may.
void Nic::apply() noexcept {
  budget_.store(settings_.budget, std::memory_order_relaxed);            // a wish
  byte_budget_.store(settings_.byte_budget, std::memory_order_relaxed);  // a wish
  for (const auto& instance : instances_) instance->configure(settings_);
}

void Nic::set_polling(bool polling) noexcept {
  if (polling_.exchange(polling, std::memory_order_relaxed) == polling) return;  // a wish
  mode_switches_.add(1);
  if (settings_.spin_engine) engine_.set_spin(polling);
  // Who polls owns all instances; who listens gets there by completing.
  if (polling) schedule_all();
}

// Ends all polling of a disabled instance: afterwards this thread may do with its port what it
// wants. Its thread lets go wherever it is, and so does this one here rather than in its next turn.
void Nic::forget_scheduled(Instance& instance) noexcept {
  instance.stop_thread();
  const auto removed = std::remove(scheduled_.begin(), scheduled_.end(), &instance);
  const bool had = removed != scheduled_.end();
  scheduled_.erase(removed, scheduled_.end());
  if (had || instance.take_back()) instance.napi.release_disabled();
  instance.port->disarm();
}

// Whoever is to poll it, does.
void Nic::dispatch(Instance& instance) noexcept {
  if (instance.threaded()) {
    instance.hand_over();
  } else {
    scheduled_.push_back(&instance);
  }
}

// One round of an instance that the calling thread owns.
Round Nic::poll_once(Instance& instance) noexcept {
  const unsigned budget = budget_.load(std::memory_order_relaxed);  // a wish
  return polling() ? napi_busy_round(instance.napi, instance, budget)
                   : napi_round(instance.napi, instance, budget);
}

void Nic::stop_threads() noexcept {
  for (const auto& instance : instances_) {
    instance->napi.disable();
    forget_scheduled(*instance);
  }
  for (const auto& instance : instances_) instance->send_crossed();
  for (const auto& instance : instances_) instance->forget_crossings(instances_);
}

// Of instances that are disabled; a Nic whose instances are not threaded just enables them.
void Nic::start_instances() {
  if (settings_.threaded) {
    for (const auto& instance : instances_) instance->make_crossings(instances_);
  }
  for (const auto& instance : instances_) {
    if (instance->enabled) start_instance(*instance);
  }
}

void Nic::start_instance(Instance& instance) {
  if (instance.port->state() != PortState::running) return;
  if (settings_.threaded) instance.start_thread();
  static_cast<void>(instance.napi.enable());
}

bool Nic::set_enabled(unsigned port, bool enabled) noexcept {
  if (port >= instances_.size()) return false;
  Instance& instance = *instances_[port];
  if (instance.enabled == enabled || instance.port->state() != PortState::running) return false;
  instance.enabled = enabled;
  if (!enabled) {
    instance.napi.disable();
    forget_scheduled(instance);
    return true;
  }
  start_instance(instance);
  if (instance.napi.schedule_prep()) dispatch(instance);
  return true;
}

bool Nic::all_sent() const noexcept {
  return std::all_of(instances_.begin(), instances_.end(),
                     [](const auto& instance) { return instance->port->tx_in_flight() == 0; });
}

// From here on the queues are pulled by hand, so what comes back unused is no poll's work.
void Nic::drain(std::chrono::milliseconds limit) noexcept {
  stop_threads();
  for (const auto& instance : instances_) {
    instance->port->stop_rx();
  }
  for (const auto& instance : instances_) {
    while (instance->pull(settings_.budget) != 0) run_engine();
  }
  const auto until = std::chrono::steady_clock::now() + limit;
  run_engine();
  while (!all_sent() && std::chrono::steady_clock::now() < until) {
    look(1, false);  // what a watcher asks for is for a NIC that is whole
    run_engine();
  }
  for (const auto& instance : instances_) instance->port->stop_tx();
  for (const auto& instance : instances_) {
    instance->adopt_pools();  // no port of any thread uses them now
  }
}

void Nic::set_style(Style style, std::chrono::milliseconds limit) {
  if (settings_.threaded && style == Style::push) {
    throw std::invalid_argument(
        "style push with threaded instances: it pushes from the engine's thread, and there is "
        "nothing to poll; end the threads first");
  }
  drain(limit);
  remake([style](Instance& instance) { instance.restyle(style); });
}

void Nic::renew(unsigned port, std::chrono::milliseconds limit) {
  if (port >= instances_.size() || instances_[port]->link() == nullptr) {
    throw std::invalid_argument("renew port " + std::to_string(port) +
                                ": there is no such port over a link");
  }
  drain(limit);
  const Instance* const renewed = instances_[port].get();
  remake([renewed](Instance& instance) {
    if (&instance == renewed) {
      instance.renew();
    } else {
      instance.restyle(instance.style());
    }
  });
}

void Nic::remake(const std::function<void(Instance&)>& make) {
  try {
    remake_from(0, make);
  } catch (...) {
    go_on();
    throw;
  }
  go_on();
}

// All of them, also when one throws.
void Nic::remake_from(std::size_t first, const std::function<void(Instance&)>& make) {
  const auto attach = [this](std::size_t number) noexcept {
    for (const auto& other : instances_) {
      other->egress.replace(static_cast<unsigned>(number), *instances_[number]->port);
    }
  };
  for (std::size_t i = first; i < instances_.size(); ++i) {
    try {
      make(*instances_[i]);
    } catch (...) {
      attach(i);
      remake_from(i + 1, make);
      throw;
    }
    attach(i);
  }
}

// After drain(), with whichever ports there are now.
void Nic::go_on() {
  watch_sources(epoll_.get(), engine_);  // they have changed places where a port stayed or went
  for (const auto& instance : instances_) {
    if (instance->port->state() == PortState::running) instance->port->start();
  }
  start_instances();
  schedule_all();
}

PortState Nic::state(unsigned port) const noexcept {
  return instances_[port]->port->state();
}

unsigned Nic::running_ports() const noexcept {
  return static_cast<unsigned>(std::count_if(
      instances_.begin(), instances_.end(),
      [](const auto& instance) { return instance->port->state() == PortState::running; }));
}

NicStats Nic::stats() const {
  NicStats stats;
  stats.waits = waits_.value();
  stats.wakeups = wakeups_.value();
  stats.looks = looks_.value();
  stats.squeezes = squeezes_.value();
  stats.engine = engine_.stats();
  for (const auto& instance : instances_) {
    if (instance->pool) {
      stats.pool_buffers += instance->pool->options().heads;
      stats.pool_outstanding += instance->outstanding();
    }
    QueueStats row = instance->stats();
    row.mode_switches = mode_switches_.value();
    PortStats& port = stats.ports.emplace_back();
    port.name = instance->port->name();
    port.state = instance->port->state();
    if (const Link* const link = instance->link(); link != nullptr) {
      port.rx_offloads = link->rx_offloads();
      port.tx_offloads = link->accepted();
    }
    port.queues.push_back(std::move(row));
  }
  return stats;
}

}  // namespace bellpull::netdrv
