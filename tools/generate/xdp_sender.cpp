// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "bellpull/netdrv/clock.hpp"
#include "generate/bpf_load.hpp"
#include "generate/sender.hpp"
#include "generate/silence.hpp"
#include "generate/timed_frames.hpp"

namespace bellpull::tools::generate {

namespace {

// How many frames the kernel writes before it passes them on.
constexpr unsigned kBatch = 64;
// The program writes about as many in that time.
constexpr std::chrono::microseconds kLookEvery{20};
// Longer than any machine stands still: then what became of a frame will not be told any more.
constexpr std::chrono::seconds kLongestSilence{10};

const char* remedy_of_run(int error) noexcept {
  switch (error) {
    case EOPNOTSUPP:
      return "its driver takes no redirected frames: use --via packet; a veth takes them once its "
             "peer has GRO, `ethtool -K PEER gro on`";
    case ENETDOWN:
      return "is it up?";
    case EINVAL:
    case ENODEV:
      return "is it still there?";
    default:
      return "use --via packet";
  }
}

// Interrupts the run; whoever else uses the signal finds it as it was.
constexpr int kSignal = SIGUSR1;

class XdpSender final : public Sender {
 public:
  XdpSender(const Target& target, const Traffic& traffic);
  ~XdpSender() override;
  Sent send(std::uint64_t count, std::uint64_t due_ns) override;

 private:
  using Word = std::atomic_ref<__u64>;

  void run() noexcept;
  [[nodiscard]] Sent counted() noexcept;
  void check();
  [[noreturn]] void fell_silent(std::uint64_t allowed, const Sent& counted) const;

  const std::string name_;
  TimedFramePrograms programs_;
  std::vector<std::byte> first_;  // what a page begins as
  std::atomic<bool> stop_ = false;
  std::atomic<int> failed_by_ = 0;  // error of the run
  struct sigaction before_ {};
  std::thread thread_;
};

XdpSender::XdpSender(const Target& target, const Traffic& traffic)
    : name_(target.name), programs_(target.index, traffic), first_(programs_.longest()) {
  programs_.attach();
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  ::sigaction(kSignal, &nothing, &before_);
  thread_ = std::thread([this] { run(); });
}

// The run may be about to begin, where no signal interrupts it.
XdpSender::~XdpSender() {
  stop_.store(true, std::memory_order_relaxed);
  while (failed_by_.load(std::memory_order_relaxed) == 0) {
    ::pthread_kill(thread_.native_handle(), kSignal);
    std::this_thread::sleep_for(kLookEvery);
  }
  thread_.join();
  ::sigaction(kSignal, &before_, nullptr);
}

void XdpSender::run() noexcept {
  int error = 0;
  while (!stop_.load(std::memory_order_relaxed) && (error == 0 || error == -EINTR)) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;  // LIBBPF_OPTS is no C++ to clang
    options.data_in = first_.data();
    options.data_size_in = static_cast<std::uint32_t>(first_.size());
    options.repeat = std::numeric_limits<int>::max();
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = kBatch;
    error = ::bpf_prog_test_run_opts(programs_.write_frame(), &options);
  }
  failed_by_.store(error == 0 ? EINTR : -error, std::memory_order_relaxed);
}

Sent XdpSender::send(std::uint64_t count, std::uint64_t due_ns) {
  auto& shared = programs_.shared();
  const Sent before = counted();
  Word(shared.due_ns).store(due_ns, std::memory_order_relaxed);
  // Release: pairs with the read of it in write_frame().
  Word(shared.allowed).store(before.attempted + count, std::memory_order_release);
  Sent sent = counted();
  Silence silence(std::chrono::nanoseconds(kLongestSilence).count(), netdrv::monotonic_ns());
  while (sent.sent + sent.dropped < before.attempted + count) {
    check();
    if (silence.lasts(sent.attempted + sent.sent + sent.dropped, netdrv::monotonic_ns())) {
      fell_silent(before.attempted + count, sent);
    }
    std::this_thread::sleep_for(kLookEvery);
    sent = counted();
  }
  sent.attempted -= before.attempted;
  sent.bytes -= before.bytes;
  sent.sent -= before.sent;
  sent.dropped -= before.dropped;
  return sent;
}

// Of frames that were allowed and are sent or dropped, all is counted.
Sent XdpSender::counted() noexcept {
  auto& shared = programs_.shared();
  Sent sent;
  sent.sent = Word(shared.sent).load(std::memory_order_acquire);
  sent.dropped = Word(shared.dropped).load(std::memory_order_acquire);
  sent.attempted = Word(shared.next_frame).load(std::memory_order_relaxed);
  sent.bytes = Word(shared.bytes).load(std::memory_order_relaxed);
  return sent;
}

void XdpSender::check() {
  const int failed_by = failed_by_.load(std::memory_order_relaxed);
  if (failed_by != 0) {
    throw std::system_error(failed_by, std::generic_category(),
                            fmt::format("run the XDP program for {} (live frames need Linux 5.18: "
                                        "use --via packet)",
                                        name_));
  }
  const int refused_by =
      -std::atomic_ref<int>(programs_.shared().refused_by).load(std::memory_order_relaxed);
  if (refused_by != 0) {
    throw std::system_error(
        refused_by, std::generic_category(),
        fmt::format("redirect frames into {} ({})", name_, remedy_of_run(refused_by)));
  }
}

void XdpSender::fell_silent(std::uint64_t allowed, const Sent& counted) const {
  throw std::runtime_error(fmt::format(
      "wait for the XDP program to send into {}: for {} s nothing was heard of {} frames, of which "
      "{} were not written: use --via packet",
      name_, kLongestSilence.count(), allowed - counted.sent - counted.dropped,
      allowed - counted.attempted));
}

}  // namespace

std::unique_ptr<Sender> make_xdp_sender(const Target& target, const Traffic& traffic) {
  const std::uint16_t longest = *std::ranges::max_element(traffic.sizes);
  if (longest > kMostXdpFrame) {
    throw std::runtime_error(
        fmt::format("live frames of {} bytes do not fit in a page: choose up to {}, or use --via "
                    "packet",
                    longest, kMostXdpFrame));
  }
  return std::make_unique<XdpSender>(target, traffic);
}

}  // namespace bellpull::tools::generate
