// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/frame_fault.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "capture_spec.hpp"
#include "choice.hpp"
#include "output.hpp"
#include "port_spec.hpp"
#include "seccomp_filter.hpp"

namespace bellpull::tools {

/// The command line of `bellpull run` as typed; an empty word was not given.
struct RunWords {
  std::vector<std::string> ports;                      ///< PORT...
  std::string app;                                     ///< --app
  std::vector<std::string> addresses;                  ///< --address
  std::string mac;                                     ///< --mac
  std::string mode = "interrupt";                      ///< --mode
  std::string style = "poll";                          ///< --style
  std::string io = "syscall";                          ///< --io
  std::string engine = "driven";                       ///< --engine
  std::string budget = "64";                           ///< --budget
  std::string latency;                                 ///< --latency
  std::string rx_ring = "256";                         ///< --rx-ring
  std::string tx_ring = "256";                         ///< --tx-ring
  std::string backlog;                                 ///< --backlog
  std::string duration;                                ///< --duration
  std::string format = "table";                        ///< --format
  std::string stats_file = "-";                        ///< --stats-file
  std::string control;                                 ///< --control
  std::string privileges = "drop";                     ///< --privileges
  std::string seccomp = kSeccompBuilt ? "on" : "off";  ///< --seccomp
  std::vector<std::string> faults;                     ///< --fault
  std::string capture;                                 ///< --capture
};

/// The words of netdrv::Mode, in its order, and those to come.
inline constexpr std::array kModes = {Word{"interrupt"}, Word{"poll"}, Word{"adaptive"}};

/// The words of netdrv::Style, in its order.
inline constexpr auto kStyles = [] {
  std::array<Word, netdrv::kStyleNames.size()> words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = Word{netdrv::kStyleNames[i]};
  return words;
}();

/// What to do with the frames.
enum class AppKind : std::uint8_t { respond, patch, reflect, discard };

/// Its word.
[[nodiscard]] std::string_view name_of(AppKind app) noexcept;

/// What a run gives up once it has started.
struct Sandbox {
  bool drop = true;                     ///< all capabilities
  bool filter = kSeccompBuilt;          ///< system calls that it does not make
  FilteredIo io = FilteredIo::syscall;  ///< whose calls those are not
};

/// What `bellpull run` is to do, every value good and all of them together.
struct RunOptions {
  std::vector<PortSpec> ports;                           ///< at least one
  std::vector<netdrv::FrameFaultPlan> faults;            ///< of each port
  AppKind app = AppKind::respond;                        ///< see AppKind
  std::vector<Cidr> addresses;                           ///< of the responder
  netdrv::MacAddress mac{};                              ///< of the responder
  netdrv::NicSettings nic;                               ///< to begin with
  netdrv::Style style = netdrv::Style::poll;             ///< to begin with
  netdrv::PortOptions port;                              ///< of every port
  engine::Placement engine = engine::Placement::driven;  ///< see engine::Placement
  netdrv::Io io = netdrv::Io::syscall;                   ///< of TAPs; see netdrv::Io
  std::optional<std::chrono::nanoseconds> duration;      ///< none: until a signal
  Format format = Format::table;                         ///< of the statistics
  std::string stats_file = "-";                          ///< for a copy of them; "-": none
  std::string control;                                   ///< path of the control socket, if any
  std::optional<CaptureSpec> capture;                    ///< what --capture asks for, if anything
  Sandbox sandbox;                                       ///< see Sandbox
  Settings words;                                        ///< for the statistics

  /// Whether simulated NICs are only sent what simulated NICs made, as they made it: no TAP is
  /// patched to one, and no port has faults.
  [[nodiscard]] bool closed() const noexcept;
};

/// Understands the words, without looking at the system. Throws UsageError for the first that is
/// wrong, unknown, not there yet, or does not go with the others.
[[nodiscard]] RunOptions understand(const RunWords& words);

}  // namespace bellpull::tools
