// SPDX-License-Identifier: BSD-2-Clause
// The life of a trial:
//   1. the engine is made on its core, the loop moves to its own (Rig)
//   2. arrivals begin; a tenth of the time warms up, the rest is measured (run_trial)
//   3. what was counted between the two moments is the outcome (difference)
#include "trial.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "cores.hpp"
#include "cpu_time.hpp"
#include "sim_traffic.hpp"
#include "tap_traffic.hpp"
#include "work.hpp"

namespace bellpull::tools::compare {

namespace {

constexpr double kNanoseconds = 1e9;

class Rig {
 public:
  Rig(const Trial& trial, std::span<const unsigned> cores);

  void begin() {
    nic_->start();
    traffic_->begin();
  }

  // Rounds until that moment.
  void run_until(std::uint64_t when);

  /// Everything that was counted so far.
  [[nodiscard]] Outcome read() const;

  // Returns how many frames nobody can account for.
  std::int64_t end() {
    traffic_->end();
    nic_->drain(std::chrono::milliseconds(100));
    return traffic_->unexplained(nic_->stats());
  }

 private:
  void make_engine(const Trial& trial, std::span<const unsigned> cores);

  Worker worker_;
  std::optional<engine::Engine> engine_;
  std::unique_ptr<Traffic> traffic_;
  std::optional<netdrv::Nic> nic_;
  netdrv::UniqueFd alarm_;
  Stop* const stop_;
};

std::unique_ptr<Traffic> make_traffic(const Trial& trial, std::span<const unsigned> cores) {
  if (trial.taps != nullptr) return std::make_unique<TapTraffic>(trial, cores);
  return std::make_unique<SimTraffic>(trial);
}

Rig::Rig(const Trial& trial, std::span<const unsigned> cores)
    : worker_(trial.work_ns, trial.taps == nullptr ? std::nullopt : std::optional(kOutwards)),
      stop_(trial.stop) {
  make_engine(trial, cores);
  traffic_ = make_traffic(trial, cores);
  nic_.emplace(*engine_, worker_, trial.settings);
  traffic_->attach(*nic_, *engine_);
  alarm_ = netdrv::UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (alarm_.get() < 0) {
    throw std::system_error(errno, std::generic_category(), "timerfd_create: end of a trial");
  }
  const auto ready = [](void* self) noexcept {
    std::uint64_t times = 0;
    [[maybe_unused]] const auto got = ::read(static_cast<Rig*>(self)->alarm_.get(), &times, 8);
  };
  nic_->watch(alarm_.get(), {ready, this});
  if (stop_ != nullptr) stop_->watch_with(*nic_);
}

void Rig::make_engine(const Trial& trial, std::span<const unsigned> cores) {
  const bool shared = trial.cores == Cores::one || trial.taps != nullptr;
  if (trial.engine == engine::Placement::driven || shared) {
    engine_.emplace(engine::EngineOptions{.placement = trial.engine});
    return;
  }
  if (cores.size() < 2) {
    throw std::invalid_argument(
        "an engine on a core of its own: this process may use one core only; give it two, or let "
        "engine and application share one");
  }
  const OnCore there(cores[1]);  // the engine's thread stays where it was started
  engine_.emplace(engine::EngineOptions{.placement = trial.engine, .spin = engine_spins(trial)});
}

void Rig::run_until(std::uint64_t when) {
  itimerspec alarm{};
  alarm.it_value = {.tv_sec = static_cast<time_t>(when / 1'000'000'000),
                    .tv_nsec = static_cast<long>(when % 1'000'000'000)};
  ::timerfd_settime(alarm_.get(), TFD_TIMER_ABSTIME, &alarm, nullptr);
  while (netdrv::monotonic_ns() < when && !(stop_ != nullptr && stop_->requested()))
    nic_->run_once(-1);
}

Outcome Rig::read() const {
  Outcome outcome;
  outcome.seconds = static_cast<double>(netdrv::monotonic_ns()) / kNanoseconds;
  outcome.frames = worker_.frames();
  const netdrv::NicStats stats = nic_->stats();
  outcome.wakeups = stats.wakeups;
  outcome.doorbells = stats.engine.doorbells;
  for (const netdrv::PortStats& port : stats.ports) {
    const netdrv::QueueStats& queue = port.queues.front();
    outcome.dropped =
        std::accumulate(queue.rx_dropped.begin(), queue.rx_dropped.end(), outcome.dropped);
    outcome.notifies += queue.notifies;
    outcome.border_calls += queue.border_calls;
    outcome.mode_switches = queue.mode_switches;
    outcome.largest_burst = std::max(outcome.largest_burst, queue.largest_burst);
    outcome.latency.push_back(queue.latency.value_or(netdrv::LatencyHistogram()));
  }
  const CpuTime mine = cpu_of_thread();
  const CpuTime all = cpu_of_process();
  outcome.app_cpu = to_seconds(mine.user_us + mine.system_us);
  outcome.engine_cpu = to_seconds(all.user_us + all.system_us) - outcome.app_cpu;
  outcome.system_cpu = to_seconds(all.system_us);
  traffic_->read(outcome, stats);
  return outcome;
}

Outcome difference(Outcome last, const Outcome& first) {
  last.seconds -= first.seconds;
  last.scheduled -= first.scheduled;
  last.missed -= first.missed;
  last.late -= first.late;
  last.frames -= first.frames;
  last.dropped -= first.dropped;
  last.app_cpu -= first.app_cpu;
  last.engine_cpu -= first.engine_cpu;
  last.system_cpu -= first.system_cpu;
  last.notifies -= first.notifies;
  last.border_calls -= first.border_calls;
  last.wakeups -= first.wakeups;
  last.doorbells -= first.doorbells;
  last.mode_switches -= first.mode_switches;
  for (std::size_t i = 0; i < last.latency.size(); ++i) {
    last.latency[i] = last.latency[i].since(first.latency[i]);
  }
  return last;
}

}  // namespace

bool engine_spins(const Trial& trial) noexcept {
  return trial.engine == engine::Placement::autonomous && trial.cores == Cores::two &&
         trial.taps == nullptr;
}

Outcome run_trial(const Trial& trial) {
  const std::vector<unsigned> cores = allowed_cores();
  std::optional<OnCore> here;
  if (!cores.empty()) here.emplace(cores.front());
  Rig rig(trial, cores);
  rig.begin();
  const std::uint64_t start = netdrv::monotonic_ns();
  const auto after = [start](double seconds) {
    return start + static_cast<std::uint64_t>(seconds * kNanoseconds);
  };
  rig.run_until(after(trial.seconds * 0.1));
  const Outcome first = rig.read();
  rig.run_until(after(trial.seconds * 1.1));
  Outcome outcome = difference(rig.read(), first);
  outcome.unexplained = rig.end();
  return outcome;
}

double find_capacity(Trial trial) {
  trial.style = netdrv::Style::poll;
  trial.make_port = {};
  // No frame takes less than its work and some 20 ns; twenty times as many would still be too many.
  const double most = kNanoseconds / (static_cast<double>(trial.work_ns) + 20.0);
  trial.rates.assign(trial.rates.size(), 3 * most / static_cast<double>(trial.rates.size()));
  const Outcome outcome = run_trial(trial);
  return static_cast<double>(outcome.frames) / outcome.seconds;
}

}  // namespace bellpull::tools::compare
