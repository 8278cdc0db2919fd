// SPDX-License-Identifier: BSD-2-Clause
// One round of a Nic, in the order in which it happens:
//   1. nothing to do and listening -> sleep until a device or the bell wakes us (wait)
//   2. a driven engine moves bytes: writes what was sent, reads into posted buffers; it rings the
//   bell
//      of a queue that is armed (run_engine, ring)
//   3. rung queues get their turn at the end of the line (collect_rung)
//   4. each scheduled instance polls once, at most its budget: port -> application -> ports
//      (poll_instances, Queue::poll); who used the budget up goes to the end of the line, who did
//      not unmasks the bell and looks once more (napi_round)
#include "bellpull/netdrv/nic.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace bellpull::netdrv {

namespace {

// What an epoll event carries: the position of a wait source, kWake, or kWatcher and a position.
constexpr std::uint64_t kWake = ~std::uint64_t{0};
constexpr std::uint64_t kWatcher = std::uint64_t{1} << 32;
// Rounds of continuous work between two looks at the other file descriptors.
constexpr unsigned kBusyRounds = 4;
// The same when polling: there the look can only bring bells that nobody waits for.
constexpr unsigned kPollRounds = 1024;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void add_to_epoll(int epoll, int fd, std::uint32_t events, std::uint64_t data, const char* what) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail(what);
}

std::uint64_t monotonic_ns(void*) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

// A queue is what napi_round() calls a device: a port, its instance, and the way to the
// application.
struct Nic::Queue {
  Queue(Nic& owner, unsigned number) : nic(owner), index(number) {}

  unsigned poll(unsigned budget) noexcept;
  engine::Armed unmask() noexcept { return port->arm(); }
  void mask() noexcept { port->disarm(); }
  void release_gone() noexcept;

  Nic& nic;
  const unsigned index;
  std::unique_ptr<Port> port;
  Napi napi{Clock{monotonic_ns, nullptr}};
  bool released = false;   // its interface is gone and its buffers are back
  unsigned last_work = 0;  // of the latest poll
  engine::Counter largest_work;
  std::atomic<bool> rung{false};  // set by the bell, on the engine's thread
};

unsigned Nic::Queue::poll(unsigned budget) noexcept {
  port->reclaim();
  if (budget == 0) return 0;
  const std::span<Packet> burst = std::span(nic.burst_).first(budget);
  const Received received = port->rx(burst, nic.options_.byte_budget);
  last_work = received.work;
  if (received.count != 0) {
    const std::span<Packet> packets = burst.first(received.count);
    nic.egress_.begin(index);
    nic.app_.receive(index, packets, nic.egress_);
    for (Packet& packet : packets) {
      if (packet) nic.egress_.drop(std::move(packet), DropReason::unhandled);
    }
    nic.egress_.flush();
  }
  if (port->state() == PortState::gone) release_gone();
  return received.more ? budget : received.work;
}

// The interface will not come back by itself: give up the buffers and do not ask again.
void Nic::Queue::release_gone() noexcept {
  if (released) return;
  released = true;
  port->stop_rx();
  port->stop_tx();
  napi.disable();
}

Nic::Nic(engine::Engine& engine, App& app, const NicOptions& options)
    : engine_(engine), app_(app), options_(options), mode_(options.mode) {
  set_budget(options.budget);
  if (options.byte_budget == 0) {
    throw std::invalid_argument("byte budget of 0 per poll: choose at least 1");
  }
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (epoll_.get() < 0) fail("epoll_create1 for the NIC's loop");
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.get() < 0) fail("eventfd for the NIC's bell");
  burst_.resize(kMaxBudget);  // room for every budget that may be set
}

Nic::~Nic() = default;

unsigned Nic::add_port(const PortFactory& factory) {
  const auto number = static_cast<unsigned>(queues_.size());
  auto queue = std::make_unique<Queue>(*this, number);
  queue->port = factory(engine::Notify{&Nic::ring, queue.get()});
  queues_.reserve(queues_.size() + 1);
  scheduled_.reserve(queues_.size() + 1);
  egress_.attach(*queue->port);
  queues_.push_back(std::move(queue));
  return number;
}

void Nic::watch(int fd, const Watcher& watcher) {
  watchers_.reserve(watchers_.size() + 1);
  add_to_epoll(epoll_.get(), fd, EPOLLIN, kWatcher + watchers_.size(),
               "epoll_ctl: watch a file descriptor of the owner");
  watchers_.push_back(watcher);
}

void Nic::start() {
  const char* const what = "epoll_ctl: watch a port's file descriptor";
  add_to_epoll(epoll_.get(), wake_.get(), EPOLLIN | EPOLLET, kWake, what);
  const auto sources = engine_.wait_sources();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    add_to_epoll(epoll_.get(), sources[i].fd, sources[i].events | EPOLLET, i, what);
  }
  for (const auto& queue : queues_) static_cast<void>(queue->napi.enable());
  schedule_all();
  look(0);  // the first edges, which say no more than that the descriptors are there
}

// Runs on the engine's thread and only wakes.
void Nic::ring(void* context) noexcept {
  auto& queue = *static_cast<Queue*>(context);
  if (!queue.napi.schedule_prep()) return;
  queue.rung.store(true, std::memory_order_release);  // pairs with the acquire in collect_rung()
  if (queue.nic.engine_.placement() == engine::Placement::driven) return;
  const std::uint64_t one = 1;
  // Full is as good as written: the reader is being woken.
  [[maybe_unused]] const auto written = ::write(queue.nic.wake_.get(), &one, sizeof one);
}

bool Nic::run_once(int timeout_ms) noexcept {
  wait(timeout_ms);
  const unsigned completed = run_engine();
  collect_rung();
  const unsigned work = poll_instances();
  // Never asleep, but what a polling NIC waits for may have to be made by whoever shares the core.
  if (mode_ == Mode::poll && completed == 0 && work == 0) ::sched_yield();
  return busy();
}

void Nic::wait(int timeout_ms) noexcept {
  const bool work = busy();
  ++rounds_since_look_;
  if (work) {
    if (rounds_since_look_ >= (mode_ == Mode::poll ? kPollRounds : kBusyRounds)) look(0);
    return;
  }
  look(timeout_ms);
}

void Nic::look(int timeout_ms) noexcept {
  rounds_since_look_ = 0;
  (timeout_ms == 0 ? looks_ : waits_).add(1);
  std::array<epoll_event, 64> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  bool by_port = false;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
    if (data != kWake && data >= kWatcher) {
      const Watcher& watcher = watchers_[data - kWatcher];
      watcher.ready(watcher.context);
      continue;
    }
    by_port = true;
    if (data != kWake) engine_.source_ready(data);
  }
  if (by_port && timeout_ms != 0) wakeups_.add(1);
}

// Returns how many transfers ended.
unsigned Nic::run_engine() noexcept {
  unsigned completed = 0;
  if (engine_.placement() == engine::Placement::driven) {
    if (mode_ == Mode::poll) engine_.retry_blocked();
    completed = engine_.run(budget_).completed;
  }
  for (const auto& queue : queues_) {
    if (queue->port->tx_in_flight() != 0) completed += queue->port->reclaim();
  }
  return completed;
}

void Nic::collect_rung() noexcept {
  for (const auto& queue : queues_) {
    // Relaxed: only a hint whether the exchange is worth its price.
    if (!queue->rung.load(std::memory_order_relaxed)) continue;
    // Acquire pairs with the release in ring().
    if (queue->rung.exchange(false, std::memory_order_acquire)) scheduled_.push_back(queue.get());
  }
}

// Returns the budget that was used.
unsigned Nic::poll_instances() noexcept {
  std::size_t kept = 0;
  unsigned work = 0;
  for (Queue* const queue : scheduled_) {
    const Round round = mode_ == Mode::poll ? napi_busy_round(queue->napi, *queue, budget_)
                                            : napi_round(queue->napi, *queue, budget_);
    if (round == Round::again) scheduled_[kept++] = queue;
    work += queue->last_work;
    if (queue->last_work > queue->largest_work.value()) {
      queue->largest_work.add(queue->last_work - queue->largest_work.value());
    }
  }
  scheduled_.resize(kept);
  return work;
}

bool Nic::busy() noexcept {
  return !scheduled_.empty() || engine_.runnable();
}

void Nic::schedule_all() noexcept {
  for (const auto& queue : queues_) {
    if (!queue->napi.schedule_prep()) continue;
    queue->port->disarm();
    scheduled_.push_back(queue.get());
  }
}

void Nic::set_mode(Mode mode) noexcept {
  if (mode == mode_) return;
  mode_ = mode;
  mode_switches_.add(1);
  // Who polls owns all instances; who listens gets there by completing.
  if (mode == Mode::poll) schedule_all();
}

void Nic::set_budget(unsigned frames) {
  if (frames == 0 || frames > kMaxBudget) {
    throw std::invalid_argument("budget of " + std::to_string(frames) +
                                " frames per poll: choose 1 to " + std::to_string(kMaxBudget));
  }
  budget_ = frames;
}

bool Nic::idle_for_good() noexcept {
  return std::all_of(queues_.begin(), queues_.end(),
                     [](const auto& queue) { return queue->port->tx_in_flight() == 0; });
}

void Nic::drain(std::chrono::milliseconds limit) noexcept {
  // From here on the queues are pulled by hand, so what comes back unused is no poll's work.
  for (const auto& queue : queues_) {
    queue->napi.disable();
    queue->port->disarm();
    queue->port->stop_rx();
  }
  for (const auto& queue : queues_) {
    while (queue->poll(budget_) != 0) run_engine();
  }
  const auto until = std::chrono::steady_clock::now() + limit;
  run_engine();
  while (!idle_for_good() && std::chrono::steady_clock::now() < until) {
    look(1);
    run_engine();
  }
  for (const auto& queue : queues_) queue->port->stop_tx();
  for (Queue* const queue : scheduled_) queue->napi.release_disabled();
  scheduled_.clear();
}

unsigned Nic::running_ports() const noexcept {
  return static_cast<unsigned>(std::count_if(queues_.begin(), queues_.end(), [](const auto& queue) {
    return queue->port->state() == PortState::running;
  }));
}

NicStats Nic::stats() const {
  NicStats stats;
  stats.waits = waits_.value();
  stats.wakeups = wakeups_.value();
  stats.looks = looks_.value();
  stats.engine = engine_.stats();
  for (const auto& queue : queues_) {
    const PortCounters& port = queue->port->counters();
    const NapiCounters& napi = queue->napi.counters();
    QueueStats row;
    row.rx_packets = port.rx_packets.value();
    row.rx_bytes = port.rx_bytes.value();
    row.rx_errors = port.rx_errors.value();
    row.rx_consumed = port.rx_consumed.value();
    row.tx_packets = port.tx_packets.value();
    row.tx_bytes = port.tx_bytes.value();
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      row.rx_dropped[i] = port.rx_dropped.value(static_cast<DropReason>(i));
      row.tx_dropped[i] = port.tx_dropped.value(static_cast<DropReason>(i));
    }
    row.polls = napi.polls.value();
    row.work = napi.work.value();
    row.largest_work = queue->largest_work.value();
    row.scheduled = napi.scheduled.load(std::memory_order_relaxed);  // a counter
    row.missed = napi.missed.load(std::memory_order_relaxed);        // a counter
    row.masked_ns = napi.masked_ns.value();
    row.notifies = queue->port->notifies();
    row.mode_switches = mode_switches_.value();
    row.syscalls = queue->port->system_calls();
    stats.ports.push_back({std::string(queue->port->name()), queue->port->state(), {row}});
  }
  return stats;
}

}  // namespace bellpull::netdrv
