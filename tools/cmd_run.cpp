// SPDX-License-Identifier: BSD-2-Clause
// The life of a run:
//   1. the words are understood; nothing was touched so far (understand)
//   2. what could fail is tried: descriptors, the statistics file, the control socket, interfaces
//   (open_ports)
//   3. pool, engine, application and Nic are wired (ActiveRun)
//   4. rounds, until a signal, the end of the duration, or the loss of the last port
//   (ActiveRun::run)
//   5. drained, counted, changed back, printed (finish, report)
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "chosen_app.hpp"
#include "commands.hpp"
#include "control_socket.hpp"
#include "mac_address.hpp"
#include "nic_settings.hpp"
#include "open_port.hpp"
#include "output.hpp"
#include "sink.hpp"
#include "stop.hpp"

namespace bellpull::tools {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kDrainLimit{500};

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(time.tv_usec);
}

CpuTime cpu_time(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  return {microseconds(usage.ru_utime), microseconds(usage.ru_stime)};
}

CpuTime operator-(const CpuTime& a, const CpuTime& b) {
  return {a.user_us - b.user_us, a.system_us - b.system_us};
}

class ActiveRun {
 public:
  ActiveRun(const RunOptions& options, std::vector<OpenPort>& ports, Stop& stop);

  /// Returns false when the last port has lost its interface.
  bool run();
  Snapshot finish();
  /// Lets clients change settings. `control` outlives this.
  void serve(ControlSocket& control) { control.serve(nic_, settings_); }

 private:
  [[nodiscard]] std::string ready_line() const;
  void tell_of_lost_ports();

  const RunOptions& options_;
  Stop& stop_;
  ChosenApp app_;
  engine::Engine engine_;
  std::vector<std::unique_ptr<netdrv::TapLink>> links_;
  netdrv::Nic nic_;
  const SettingTable settings_{settings_of(nic_)};
  std::vector<bool> told_;
  SteadyClock::time_point ready_at_;
  CpuTime cpu_;
  CpuTime loop_cpu_;
};

ActiveRun::ActiveRun(const RunOptions& options, std::vector<OpenPort>& ports, Stop& stop)
    : options_(options),
      stop_(stop),
      app_(options),
      engine_({.placement = options.engine, .spin = options.mode == netdrv::Mode::poll}),
      nic_(engine_, app_.app(),
           {.mode = options.mode, .budget = options.budget, .spin_engine = true}),
      told_(ports.size(), false) {
  for (OpenPort& port : ports) {
    links_.push_back(std::make_unique<netdrv::TapLink>(std::move(port.device)));
    nic_.add_port(*links_.back(), options.style);
  }
  stop_.watch_with(nic_);
  nic_.start();
  if (options.duration) stop_.after(*options.duration);
}

std::string ActiveRun::ready_line() const {
  std::string line = "ready: ";
  for (const netdrv::PortStats& port : nic_.stats().ports) line += port.name + ", ";
  const Settings& words = options_.words;
  line += "app " + words.app;
  if (options_.app == AppKind::respond) line += " at " + to_string(options_.mac);
  return line +
         fmt::format(", mode {}, engine {}, budget {}", words.mode, words.engine, words.budget);
}

bool ActiveRun::run() {
  complain(ready_line());
  ready_at_ = SteadyClock::now();
  cpu_ = cpu_time(RUSAGE_SELF);
  loop_cpu_ = cpu_time(RUSAGE_THREAD);
  unsigned running = nic_.running_ports();
  while (!stop_.requested() && running != 0) {
    nic_.run_once(-1);
    const unsigned now = nic_.running_ports();
    if (now != running) tell_of_lost_ports();
    running = now;
  }
  return running != 0;
}

void ActiveRun::tell_of_lost_ports() {
  const auto ports = nic_.stats().ports;
  std::string names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].state != netdrv::PortState::gone || told_[i]) continue;
    told_[i] = true;
    names += names.empty() ? ports[i].name : " and " + ports[i].name;
  }
  complain(fmt::format("port {} has lost its interface: it was deleted; {}", names,
                       nic_.running_ports() == 0
                           ? "no port is left: make the interface again and start anew"
                           : "the other ports go on"));
}

Snapshot ActiveRun::finish() {
  Snapshot snapshot;
  snapshot.seconds = std::chrono::duration<double>(SteadyClock::now() - ready_at_).count();
  nic_.drain(kDrainLimit);
  snapshot.cpu = cpu_time(RUSAGE_SELF) - cpu_;
  snapshot.loop_cpu = cpu_time(RUSAGE_THREAD) - loop_cpu_;
  snapshot.nic = nic_.stats();
  for (const PortSpec& port : options_.ports) snapshot.netns.push_back(port.netns);
  snapshot.settings = options_.words;
  snapshot.app_counters = app_.counters();
  return snapshot;
}

std::vector<OpenPort> open_ports(RunOptions& options) {
  std::vector<OpenPort> opened;
  for (PortSpec& port : options.ports) {
    opened.push_back(open_port(port));
    port.name = opened.back().device.name();
  }
  refuse_duplicates(options.ports);  // by now the inherited ones have names as well
  return opened;
}

bool restore(std::vector<OpenPort>& ports) {
  bool clean = true;
  for (OpenPort& port : ports) {
    for (const std::string& complaint : port.side->restore()) {
      complain(complaint);
      clean = false;
    }
  }
  return clean;
}

}  // namespace

ExitStatus run(const RunWords& words) {
  RunOptions options = understand(words);
  check_inherited(options.ports);
  std::optional<LateFile> file;
  if (options.stats_file != "-") file.emplace("--stats-file", options.stats_file);
  Stop stop;
  std::optional<ControlSocket> control;
  if (!options.control.empty()) control.emplace(options.control);
  std::vector<OpenPort> ports = open_ports(options);
  ActiveRun active(options, ports, stop);
  if (control) active.serve(*control);
  bool good = active.run();
  const Snapshot snapshot = active.finish();
  good = restore(ports) && good;
  if (snapshot.nic.pool_outstanding != 0) {
    good = false;
    complain(
        fmt::format("{} of {} packets were not given back to their pool: an error in bellpull "
                    "itself, please report it with this command line",
                    snapshot.nic.pool_outstanding, snapshot.nic.pool_buffers));
  }
  const std::string text = render(snapshot, options.format);
  write_out(text);
  if (file) file->write(text);
  return good ? kExitOk : kExitFailure;
}

}  // namespace bellpull::tools
