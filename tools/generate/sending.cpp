// SPDX-License-Identifier: BSD-2-Clause
#include "generate/sending.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "bellpull/netdrv/clock.hpp"
#include "sink.hpp"

namespace bellpull::tools::generate {

namespace {

constexpr std::uint32_t kEthernetHeader = 14;

}  // namespace

Sending::Sending(const Options& options)
    : options_(options),
      before_(find_link(options.interface)),
      target_{options.interface, before_.index} {
  const std::uint32_t longest = *std::ranges::max_element(options.traffic.sizes);
  if (longest > before_.mtu + kEthernetHeader) {
    throw std::runtime_error(fmt::format(
        "generate: frames of {} bytes do not fit {}, whose MTU is {}: choose --size up to {}, or "
        "type `ip link set {} mtu {}`",
        longest, options.interface, before_.mtu, before_.mtu + kEthernetHeader, options.interface,
        longest - kEthernetHeader));
  }
}

Report Sending::run() {
  // For the end of short sleeps; the kernel is free to add 50 us otherwise.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  sender_ = make_sender();
  if (options_.duration) stop_.after(*options_.duration);
  const CpuTime cpu = cpu_of_process();
  const std::uint64_t start = netdrv::monotonic_ns();
  begin();
  if (options_.rate != kFlood) {
    pacer_.emplace(options_.rate, options_.burst, netdrv::monotonic_ns());
  }
  complain(fmt::format("ready: sends into {} by {}", options_.interface, xdp_ ? "xdp" : "packet"));
  while (!over() && wait_for_next()) send_burst();
  return report(seconds_of(netdrv::monotonic_ns() - start), cpu_of_process().since(cpu));
}

std::unique_ptr<Sender> Sending::make_sender() {
  if (options_.via != Via::packet) {
    try {
      xdp_ = true;
      return make_xdp_sender(target_, options_.traffic);
    } catch (const std::runtime_error& error) {
      if (options_.via == Via::xdp) throw;
      complain(fmt::format("generate: no XDP, by a packet socket instead: {}", error.what()));
    }
  }
  xdp_ = false;
  return make_packet_sender(target_, options_.traffic, options_.qdisc);
}

// Whether the kernel has live frames, and a driver takes them redirected, shows when there are
// some. If not, none of the burst got in, and another sender can begin again.
void Sending::begin() {
  try {
    send_burst();
  } catch (const std::system_error& error) {
    if (!xdp_ || options_.via != Via::best) throw;
    complain(fmt::format("generate: no XDP, by a packet socket instead: {}", error.what()));
    xdp_ = false;
    sender_ = make_packet_sender(target_, options_.traffic, options_.qdisc);
    send_burst();
  }
}

// Signals are blocked, so what is slept without looking at them has to be short.
bool Sending::wait_for_next() {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  constexpr std::uint64_t kLongest = 100;  // ms
  stop_.wait(-1, 0);
  while (pacer_ && !stop_.requested()) {
    const std::uint64_t due = pacer_->due_ns();
    const std::uint64_t now = netdrv::monotonic_ns();
    if (now >= due) break;
    if (due - now > 2 * kMillisecond) {
      const std::uint64_t most = (due - now) / kMillisecond - 1;
      stop_.wait(-1, static_cast<int>(std::min(most, kLongest)));
      continue;
    }
    timespec when{};
    when.tv_sec = static_cast<time_t>(due / 1'000'000'000);
    when.tv_nsec = static_cast<long>(due % 1'000'000'000);
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr);
  }
  return !stop_.requested();
}

void Sending::send_burst() {
  std::uint64_t count = options_.burst;
  if (options_.count) count = std::min(count, *options_.count - sent_.attempted);
  std::uint64_t due = 0;
  if (pacer_) {
    due = pacer_->due_ns();
    pacer_->begin(netdrv::monotonic_ns());
  }
  sent_ += sender_->send(count, due);
}

Report Sending::report(double seconds, const CpuTime& cpu) const {
  const Link after = RouteSocket().find(options_.interface);
  const char* const via = xdp_ ? "xdp" : "packet";
  Report report;
  report.title = fmt::format("sent into {} by {}, {} flows, for {:.3f} s", options_.interface, via,
                             options_.traffic.flows, seconds);
  report.labels = {{"interface", options_.interface}, {"via", via}};
  report.figures = {
      {"attempted", "Frames written", sent_.attempted},
      {"attempted_bytes", "Bytes of these, from the Ethernet header on", sent_.bytes},
      {"sent", "Frames that the interface took", sent_.sent},
      {"dropped", "Frames that it had no room for", sent_.dropped},
      {"stalls", "Times the schedule was moved because the sender was late",
       pacer_ ? pacer_->stalls() : 0},
      {"stalled_seconds", "By how much in all", pacer_ ? seconds_of(pacer_->stalled_ns()) : 0.0},
      {"interface_tx_packets",
       "Frames that the interface counted meanwhile; a TAP, when they are read",
       after.tx_packets - before_.tx_packets},
      {"interface_tx_dropped", "Drops that it counted; a TAP, once for a redirected burst",
       after.tx_dropped - before_.tx_dropped},
      {"seconds", "From the first burst to the end", seconds, false},
      {"frames_per_second", "Frames that the interface took", per_second(sent_.sent, seconds),
       false},
      {"cpu_user_seconds", "Processor time of the program", to_seconds(cpu.user_us)},
      {"cpu_system_seconds", "Processor time of the kernel on its behalf",
       to_seconds(cpu.system_us)},
  };
  return report;
}

}  // namespace bellpull::tools::generate
