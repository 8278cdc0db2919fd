// SPDX-License-Identifier: BSD-2-Clause
// The life of a run:
//   1. the words are understood; nothing was touched so far (understand)
//   2. what could fail is tried: descriptors, the statistics file, that of the capture, the control
//   socket, interfaces (RunPorts)
//   3. what only that needed is given up, before there are threads (LeastPrivilege); pool, engine,
//   application and Nic are wired (ActiveRun)
//   4. rounds, until a signal or the end of the duration; between two of them ports are given the
//   interfaces that have come back, and what was asked for on the control socket is changed
//   (ActiveRun::run)
//   5. drained, counted, changed back, judged, printed (finish, run)
#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/engine/uring_backend.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "chosen_app.hpp"
#include "commands.hpp"
#include "control_socket.hpp"
#include "cpu_time.hpp"
#include "least_privilege.hpp"
#include "mac_address.hpp"
#include "nic_settings.hpp"
#include "output.hpp"
#include "pending_changes.hpp"
#include "run_capture.hpp"
#include "run_ports.hpp"
#include "sink.hpp"
#include "stop.hpp"
#include "verdict.hpp"

namespace bellpull::tools {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kDrainLimit{500};

std::vector<std::string> labels_of(std::span<const PortSpec> ports) {
  std::vector<std::string> labels;
  for (const PortSpec& port : ports) labels.push_back(label_of(name_of(port), netns_of(port)));
  return labels;
}

// A machine or a container without io_uring is no reason not to run.
void fall_back(RunOptions& options) {
  if (options.io != netdrv::Io::uring) return;
  const engine::UringRefusal refusal = engine::uring_refusal();
  if (refusal.reason.empty()) return;
  complain(fmt::format("--io uring: goes on with plain system calls, because {}; {}",
                       refusal.reason, refusal.remedy));
  options.io = netdrv::Io::syscall;
  options.words.io = "syscall";
  options.sandbox.io = FilteredIo::syscall;
}

class ActiveRun {
 public:
  /// `capture` may be null.
  ActiveRun(const RunOptions& options, ChosenApp& app, RunPorts& ports, RunCapture* capture,
            Stop& stop);

  /// Returns false when no port is left, and none can come back.
  bool run();
  Snapshot finish();
  /// Lets clients change settings. `control` outlives this.
  void serve(ControlSocket& control) { control.serve(nic_, settings_); }

 private:
  [[nodiscard]] std::string ready_line() const;
  void change();
  [[nodiscard]] std::string newly_lost();
  void keep_ports(unsigned running);

  const RunOptions& options_;
  RunPorts& ports_;
  RunCapture* const capture_;
  Stop& stop_;
  ChosenApp& app_;
  engine::Engine engine_;
  netdrv::Nic nic_;
  PendingChanges changes_{nic_, options_.style, options_.ports.size()};
  const SettingTable settings_{settings_of(nic_, changes_, labels_of(options_.ports))};
  std::vector<bool> told_;
  SteadyClock::time_point ready_at_;
  CpuTime cpu_;
  CpuTime loop_cpu_;
};

ActiveRun::ActiveRun(const RunOptions& options, ChosenApp& app, RunPorts& ports,
                     RunCapture* capture, Stop& stop)
    : options_(options),
      ports_(ports),
      capture_(capture),
      stop_(stop),
      app_(app),
      engine_({.placement = options.engine, .spin = options.nic.mode == netdrv::Mode::poll}),
      nic_(engine_, app_.app(), options.nic),
      told_(options.ports.size(), false) {
  ports_.add_to(nic_, options.style, options.port);
  if (capture_ != nullptr) capture_->attach(nic_, options.ports);
  stop_.watch_with(nic_);
  ports_.watch_with(nic_);
  nic_.start();
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
  if (options_.duration) stop_.after(*options_.duration);
  complain(ready_line());
  ready_at_ = SteadyClock::now();
  cpu_ = cpu_of_process();
  loop_cpu_ = cpu_of_thread();
  ports_.begin();
  unsigned running = nic_.running_ports();
  while (!stop_.requested() && (running != 0 || ports_.any_waits())) {
    nic_.run_once(-1);
    keep_ports(running);
    change();
    running = nic_.running_ports();
  }
  return running != 0 || ports_.any_waits();
}

void ActiveRun::change() {
  const auto complaints = changes_.make(kDrainLimit);
  if (complaints.empty()) return;
  for (const std::string& complaint : complaints) complain(complaint);
  static_cast<void>(newly_lost());  // they have been told of
}

std::string ActiveRun::newly_lost() {
  const auto ports = nic_.stats().ports;
  std::string names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].state != netdrv::PortState::gone || told_[i]) continue;
    told_[i] = true;
    names += names.empty() ? ports[i].name : " and " + ports[i].name;
  }
  return names;
}

// A port that lost its interface may get it back in the same look.
void ActiveRun::keep_ports(unsigned running) {
  const bool fewer = nic_.running_ports() != running;
  if (!fewer && !ports_.stirred()) return;
  const std::string lost = fewer ? newly_lost() : std::string();
  const std::vector<std::string> lines = ports_.look_over(nic_, kDrainLimit);
  if (!lost.empty()) {
    complain(
        fmt::format("port {} has lost its interface: it was deleted; {}; it is taken up again "
                    "when somebody makes one of that name",
                    lost, nic_.running_ports() == 0 ? "no port is left" : "the other ports go on"));
  }
  for (const std::string& line : lines) complain(line);
  for (unsigned i = 0; i < told_.size(); ++i) {
    if (nic_.state(i) == netdrv::PortState::running) told_[i] = false;
  }
}

Snapshot ActiveRun::finish() {
  Snapshot snapshot;
  snapshot.seconds = std::chrono::duration<double>(SteadyClock::now() - ready_at_).count();
  ports_.end();
  nic_.drain(kDrainLimit);
  snapshot.cpu = cpu_of_process().since(cpu_);
  snapshot.loop_cpu = cpu_of_thread().since(loop_cpu_);
  snapshot.nic = nic_.stats();
  snapshot.ends = ports_.ends();
  if (capture_ != nullptr) capture_->finish(snapshot);
  snapshot.settings = options_.words;
  snapshot.settings.mode = kModes[static_cast<std::size_t>(nic_.settings().mode)].text;
  snapshot.settings.style = name_of(changes_.style());
  snapshot.settings.budget = nic_.settings().budget;
  snapshot.app_counters = app_.counters();
  return snapshot;
}

}  // namespace

ExitStatus run(const RunWords& words) {
  RunOptions options = understand(words);
  check_inherited(options.ports);
  fall_back(options);
  std::optional<LateFile> file;
  if (options.stats_file != "-") file.emplace("--stats-file", options.stats_file);
  std::optional<RunCapture> capture;
  if (options.capture) capture.emplace(*options.capture);
  Stop stop;
  std::optional<ControlSocket> control;
  if (!options.control.empty()) control.emplace(options.control);
  ChosenApp app(options);
  const PortUse use{.app = app.app().offloads(), .io = options.io};
  RunPorts ports(options.ports, use, options.faults);
  LeastPrivilege privilege(options.sandbox, ports, control ? &*control : nullptr);
  ActiveRun active(options, app, ports, capture ? &*capture : nullptr, stop);
  if (control) active.serve(*control);
  bool good = active.run();
  const Snapshot snapshot = active.finish();
  std::vector<std::string> complaints = privilege.restore();
  if (capture) {
    for (std::string& line : capture->complaints()) complaints.push_back(std::move(line));
  }
  for (std::string& line : verdict_on(snapshot, options.closed())) {
    complaints.push_back(std::move(line));
  }
  for (const std::string& complaint : complaints) complain(complaint);
  good = good && complaints.empty();
  const std::string text = render(snapshot, options.format);
  write_out(text);
  if (file) file->write(text);
  return good ? kExitOk : kExitFailure;
}

}  // namespace bellpull::tools
