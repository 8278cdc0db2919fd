// SPDX-License-Identifier: BSD-2-Clause
#include "offload_trial.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "bellpull/netdrv/fault_link.hpp"
#include "netns.hpp"
#include "route_socket.hpp"
#include "sink.hpp"

namespace bellpull::tools {

namespace {

constexpr const char* kBridge = "trial";
constexpr std::array<const char*, 2> kTaps = {"trial0", "trial1"};

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Two TAPs with a bridge between them: what is written to one can be read from the other.
class BridgedPair {
 public:
  BridgedPair() : taps_{netdrv::TapDevice::open(kTaps[0]), netdrv::TapDevice::open(kTaps[1])} {
    const netdrv::UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (control.get() < 0) fail("socket AF_INET to make a bridge (is there no IPv4?)");
    if (::ioctl(control.get(), SIOCBRADDBR, kBridge) != 0) {
      fail("ioctl SIOCBRADDBR (load the module: `modprobe bridge`)");
    }
    RouteSocket routes;
    for (const char* const tap : kTaps) {
      const unsigned index = routes.find(tap).index;
      ifreq request{};
      std::copy_n(kBridge, std::char_traits<char>::length(kBridge), request.ifr_name);
      request.ifr_ifindex = static_cast<int>(index);
      if (::ioctl(control.get(), SIOCBRADDIF, &request) != 0) {
        fail(fmt::format("ioctl SIOCBRADDIF of {} (see the kernel's log)", tap));
      }
      routes.set_up(index, true, tap);
    }
    routes.set_up(routes.find(kBridge).index, true, kBridge);
  }

  [[nodiscard]] netdrv::OffloadSet known() { return taps_[0].probe_offloads(); }

  // A link over another descriptor of a TAP, whose reader takes that upon itself.
  [[nodiscard]] std::unique_ptr<netdrv::TapLink> link(std::size_t number, netdrv::Io io,
                                                      netdrv::OffloadSet reader,
                                                      netdrv::OffloadSet writer) const {
    netdrv::UniqueFd fd(::fcntl(taps_[number].fd(), F_DUPFD_CLOEXEC, 0));
    if (fd.get() < 0) fail("fcntl F_DUPFD_CLOEXEC of a TAP (raise the limit: ulimit -n)");
    netdrv::TapDevice device = netdrv::TapDevice::adopt(std::move(fd));
    device.set_offloads(reader);
    return std::make_unique<netdrv::TapLink>(std::move(device),
                                             netdrv::TapLinkOptions{.io = io, .tx = writer});
  }

 private:
  std::array<netdrv::TapDevice, 2> taps_;
};

// First the kernel cuts and completes; what then can be trusted is left to the reader.
std::vector<netdrv::OffloadFailure> try_out(netdrv::Io io, const netdrv::FrameFaultPlan& faults) {
  BridgedPair pair;
  netdrv::OffloadSet tested = pair.known();
  std::vector<netdrv::OffloadFailure> failures;
  for (const bool reader_works : {false, true}) {
    const auto from = pair.link(0, io, {}, tested);
    const auto to = pair.link(1, io, reader_works ? tested : netdrv::OffloadSet{}, {});
    netdrv::FaultLink faulty_from(*from, faults);
    netdrv::FaultLink faulty_to(*to, faults);
    netdrv::OffloadVerdict verdict = netdrv::test_offloads(faulty_from, faulty_to);
    tested = verdict.trusted;
    for (netdrv::OffloadFailure& failure : verdict.failures) {
      failures.push_back(std::move(failure));
    }
  }
  return failures;
}

// What befalls other frames too says nothing about an offload.
netdrv::FrameFaultPlan only_superframes(const netdrv::FrameFaultPlan& faults) {
  netdrv::FrameFaultPlan plan = faults;
  std::erase_if(plan.rules, [](const netdrv::FrameFaultRule& rule) { return !rule.gso; });
  return plan;
}

}  // namespace

const OffloadTrial::Failures& OffloadTrial::failures_under(const netdrv::FrameFaultPlan& faults) {
  const netdrv::FrameFaultPlan plan = only_superframes(faults);
  for (const auto& [tried, failures] : done_) {
    if (tried == plan) return failures;
  }
  Failures& failures = done_.emplace_back(plan, Failures{}).second;
  if (!possible_) return failures;
  try {
    in_own_netns([&] { failures = try_out(io_, plan); });
  } catch (const std::system_error& error) {
    possible_ = false;
    complain(fmt::format("offloads were not tested: {}; goes on with what the kernel claims",
                         error.what()));
  }
  return failures;
}

netdrv::OffloadSet OffloadTrial::distrusted(const TapSpec& port,
                                            const netdrv::FrameFaultPlan& faults) {
  netdrv::OffloadSet distrusted;
  if (port.offloads && port.offloads->empty()) return distrusted;
  std::string reasons;
  for (const netdrv::OffloadFailure& failure : failures_under(faults)) {
    const std::string reason = fmt::format("{}: {}", name_of(failure.feature), failure.why);
    if (port.offloads && port.offloads->has(failure.feature)) {
      throw std::system_error(
          ENOTSUP, std::generic_category(),
          fmt::format("port {}: offload self-test of {} (leave it away or use offload=auto)",
                      port.text, reason));
    }
    distrusted = distrusted | netdrv::OffloadSet{failure.feature};
    reasons += (reasons.empty() ? "" : "; ") + reason;
  }
  if (!reasons.empty()) {
    complain(fmt::format("port {}: goes on without offloads that failed their self-test: {}",
                         port.text, reasons));
  }
  return distrusted;
}

}  // namespace bellpull::tools
