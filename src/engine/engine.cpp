// SPDX-License-Identifier: BSD-2-Clause
// A round of the engine, in the order in which it happens:
//   1. for each device, senders first: take what was issued, start it, reap what is done (run)
//   2. autonomous only: nothing done and nothing to do -> ask every ring for a kick, look again,
//      sleep on the devices' wait sources and the doorbell (sleep)
//   3. the owner wants to change something -> stand still until it has (stay_parked)
#include "bellpull/engine/engine.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "engine_core.hpp"
#include "operation_device.hpp"
#include "stream_device.hpp"

namespace bellpull::engine {

namespace {

constexpr unsigned kRoundLimit = 64;
// A thread that never gets to sleep still looks for events this often, or a device that is always
// busy would keep a blocked one blocked.
constexpr unsigned kRoundsPerLook = 8;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

int watch(int epoll, const WaitSource& source) noexcept {
  epoll_event event{};
  event.events = source.events | EPOLLET;
  event.data.fd = source.fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, source.fd, &event) == 0) return 0;
  if (errno == EEXIST && ::epoll_ctl(epoll, EPOLL_CTL_MOD, source.fd, &event) == 0) return 0;
  return errno;
}

// Signals belong to the program's own threads. A SIGPIPE would otherwise end it for one failed
// transfer. Not what a system call of this very thread gets from a seccomp filter of the program:
// blocked, it would kill without a word.
void block_signals() noexcept {
  sigset_t all;
  ::sigfillset(&all);
  ::sigdelset(&all, SIGSYS);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// Throws when there is no back-end or it declares what cannot be; returns its operations.
OperationSet check_backend(const std::string& tried, const Backend* backend) {
  if (backend == nullptr) {
    throw std::invalid_argument(tried + ": there is no back-end; make one first");
  }
  const Capabilities limits = backend->capabilities();
  if (limits.max_segments == 0 || limits.max_segments > kMaxSegments) {
    throw std::invalid_argument(tried + ": the back-end declares " +
                                std::to_string(limits.max_segments) + " segments; 1 to " +
                                std::to_string(kMaxSegments) + " are possible");
  }
  if (!std::has_single_bit(limits.alignment) || limits.max_length < limits.alignment) {
    throw std::invalid_argument(tried + ": the back-end declares an alignment of " +
                                std::to_string(limits.alignment) + " and transfers of at most " +
                                std::to_string(limits.max_length) +
                                " bytes; the alignment must be a power of two, and not more");
  }
  if (limits.address_mask == 0 || (limits.address_mask & (limits.address_mask + 1)) != 0) {
    throw std::invalid_argument(tried + ": the back-end declares an address mask of " +
                                std::to_string(limits.address_mask) + "; it must be 2^n - 1");
  }
  return limits.operations;
}

void check_stream(const std::string& tried, const Backend* backend) {
  const OperationSet operations = check_backend(tried, backend);
  if (operations == OperationSet{Operation::read} || operations == OperationSet{Operation::write}) {
    return;
  }
  throw std::invalid_argument(tried +
                              ": the back-end must declare one operation, read or write; open an "
                              "operation channel over others");
}

}  // namespace

// While it lives, the engine's thread touches nothing and no other owner changes anything.
class Engine::Core::Parked {
 public:
  explicit Parked(Core& core, ChannelDevice* device = nullptr, Control wanted = {}) noexcept
      : core_(core) {
    if (!core_.thread_.joinable()) return;
    lock_ = std::unique_lock(core_.changing_);
    core_.controlled_ = device;
    core_.wanted_ = wanted;
    core_.park_.store(1, std::memory_order_release);  // pairs with the acquire in loop()
    core_.doorbell();
    core_.parked_.wait(0, std::memory_order_acquire);  // pairs with the release in stay_parked()
  }
  Parked(const Parked&) = delete;
  Parked& operator=(const Parked&) = delete;
  ~Parked() {
    if (!lock_.owns_lock()) return;
    core_.controlled_ = nullptr;
    core_.park_.store(0, std::memory_order_release);  // pairs with the acquire in stay_parked()
    core_.park_.notify_one();
    core_.parked_.wait(1, std::memory_order_acquire);  // pairs with the release in stay_parked()
  }

 private:
  Core& core_;
  std::unique_lock<std::mutex> lock_;
};

Engine::Core::Core(const EngineOptions& wanted) : options(wanted), spin_(wanted.spin) {
  if (options.placement == Placement::driven) return;
  try {
    if ((epoll_ = ::epoll_create1(EPOLL_CLOEXEC)) < 0) {
      fail(errno, "epoll_create1: autonomous engine; raise the limit of open files");
    }
    if ((bell_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
      fail(errno, "eventfd: doorbell of an autonomous engine; raise the limit of open files");
    }
    if (const int error = watch(epoll_, {bell_, EPOLLIN}); error != 0) {
      fail(error, "epoll_ctl: doorbell of an autonomous engine; raise the limit of epoll watches");
    }
    thread_ = std::thread([this] { loop(); });
  } catch (...) {
    close_all();
    throw;
  }
  ::pthread_setname_np(thread_.native_handle(), "bellpull-engine");
}

Engine::Core::~Core() {
  if (thread_.joinable()) {
    quit_.store(true, std::memory_order_release);  // pairs with the acquire in loop()
    doorbell();
    thread_.join();
  }
  close_all();
}

void Engine::Core::close_all() noexcept {
  if (bell_ >= 0) ::close(bell_);
  if (epoll_ >= 0) ::close(epoll_);
}

void Engine::Core::add(ChannelDevice& device) {
  const Parked parked(*this);
  devices_.reserve(devices_.size() + 1);  // so that nothing is left behind when it throws
  waits.add(device);
  const int fd = device.wait_source().fd;
  if (const int error = rewatch(fd); error != 0) {
    forget(device);
    fail(error, "epoll_ctl: watch file descriptor " + std::to_string(fd) +
                    " of a channel's back-end; use one that can be polled (a socket, a "
                    "pipe, a TAP), or a driven engine");
  }
  const bool sends = !device.capabilities().operations.contains(Operation::read);
  devices_.insert(sends ? devices_.begin() : devices_.end(), &device);
  opened.add(1);
}

void Engine::Core::remove(ChannelDevice& device) noexcept {
  const Parked parked(*this);
  forget(device);
}

void Engine::Core::control(ChannelDevice& device, Control wanted) noexcept {
  const Parked parked(*this, &device, wanted);
  if (!thread_.joinable()) device.control(wanted);
}

void Engine::Core::forget(ChannelDevice& device) noexcept {
  closed.add(std::erase(devices_, &device));  // none if it could not be opened
  waits.remove(device);
  // A descriptor that was watched before is only refused when it is gone, and then its devices hear
  // of that from their own calls.
  [[maybe_unused]] const int error = rewatch(device.wait_source().fd);
}

// Makes epoll watch what the table says of `fd`. Returns 0 or the errno value.
int Engine::Core::rewatch(int fd) noexcept {
  if (epoll_ < 0 || fd < 0) return 0;
  if (const WaitSource* source = waits.find(fd)) return watch(epoll_, *source);
  return ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr) == 0 ? 0 : errno;
}

RunResult Engine::Core::run(unsigned limit) noexcept {
  runs.add(1);
  RunResult result;
  for (ChannelDevice* device : devices_) result.completed += device->run(limit);
  // Asked last: a push sink may have issued work to a device whose turn was over.
  result.runnable = runnable();
  return result;
}

bool Engine::Core::runnable() noexcept {
  return std::any_of(devices_.begin(), devices_.end(),
                     [](ChannelDevice* device) { return device->runnable(); });
}

void Engine::Core::retry_blocked() noexcept {
  for (ChannelDevice* device : devices_) device->retry();
}

void Engine::Core::set_spin(bool spin) noexcept {
  spin_.store(spin, std::memory_order_relaxed);  // see loop()
  if (spin) doorbell();
}

void Engine::Core::doorbell() noexcept {
  if (bell_ < 0) return;
  doorbells.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the thread is awake or being woken.
  [[maybe_unused]] const auto written = ::write(bell_, &one, sizeof one);
}

void Engine::Core::loop() noexcept {
  block_signals();
  unsigned awake = 0;                               // rounds
  while (!quit_.load(std::memory_order_acquire)) {  // pairs with the release in ~Core()
    if (park_.load(std::memory_order_acquire) != 0) stay_parked();  // pairs with Parked
    const bool spin = spin_.load(std::memory_order_relaxed);  // a wish, in effect when it is seen
    if (spin) retry_blocked();
    const RunResult result = run(kRoundLimit);
    if (spin) {
      // Never asleep, but what it waits for may have to be made by whoever shares the core.
      if (result.completed == 0) ::sched_yield();
      continue;
    }
    if (!result.runnable && sleep()) continue;
    if (++awake % kRoundsPerLook == 0) collect_events(0);
  }
}

// Returns false when there was work after all.
bool Engine::Core::sleep() noexcept {
  bool work = false;
  for (ChannelDevice* device : devices_) work = device->arm() || work;
  if (!work) {
    sleeps.add(1);
    collect_events(-1);
  }
  for (ChannelDevice* device : devices_) device->disarm();
  return !work;
}

void Engine::Core::collect_events(int timeout) noexcept {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd != bell_) waits.ready(fd);
  }
}

void Engine::Core::stay_parked() noexcept {
  if (controlled_ != nullptr) controlled_->control(wanted_);
  parked_.store(1, std::memory_order_release);  // pairs with the acquire in Parked()
  parked_.notify_one();
  park_.wait(1, std::memory_order_acquire);     // pairs with the release in ~Parked()
  parked_.store(0, std::memory_order_release);  // pairs with the acquire in ~Parked()
  parked_.notify_one();
}

Engine::Engine(const EngineOptions& options) : core_(std::make_unique<Core>(options)) {}

Engine::~Engine() = default;

std::unique_ptr<StreamChannel> Engine::open_stream(const StreamOptions& options,
                                                   std::unique_ptr<Backend> backend) {
  check_stream("open stream channel", backend.get());
  auto device = std::make_unique<StreamDevice>(options.layout, options.size, std::move(backend),
                                               options.notify, options.sink);
  std::unique_ptr<StreamChannel> channel(new StreamChannel(*this, std::move(device), options));
  core_->add(*channel->device_);  // last: the engine must not know a device that failed to open
  return channel;
}

std::unique_ptr<StreamQueue> Engine::open_queue(const StreamOptions& options,
                                                std::unique_ptr<Backend> backend) {
  check_stream("open stream queue", backend.get());
  if (options.sink.push != nullptr) {
    throw std::invalid_argument(
        "open stream queue: completions stay in its used ring; open a stream channel for a sink");
  }
  if (options.on_close == OnClose::finish) {
    throw std::invalid_argument(
        "open stream queue: what is issued only its client knows; poll all of it before closing");
  }
  auto device = std::make_unique<StreamDevice>(options.layout, options.size, std::move(backend),
                                               options.notify, CompletionSink{});
  std::unique_ptr<StreamQueue> queue(new StreamQueue(*this, std::move(device)));
  core_->add(*queue->device_);
  return queue;
}

std::unique_ptr<OperationChannel> Engine::open_operations(const OperationOptions& options,
                                                          std::unique_ptr<Backend> backend) {
  const OperationSet operations = check_backend("open operation channel", backend.get());
  if (operations.empty() || !kMemoryOperations.contains(operations)) {
    throw std::invalid_argument(
        "open operation channel: the back-end must declare memory operations and no others; open "
        "a stream channel over read or write");
  }
  auto device = std::make_unique<OperationDevice>(options, std::move(backend));
  std::unique_ptr<OperationChannel> channel(
      new OperationChannel(*this, std::move(device), options));
  core_->add(*channel->device_);
  return channel;
}

RunResult Engine::run(unsigned limit) noexcept {
  if (core_->options.placement == Placement::autonomous) return {};
  return core_->run(limit);
}

bool Engine::runnable() noexcept {
  return core_->options.placement == Placement::driven && core_->runnable();
}

std::span<const WaitSource> Engine::wait_sources() const noexcept {
  if (core_->options.placement == Placement::autonomous) return {};
  return core_->waits.sources();
}

void Engine::source_ready(std::size_t position) noexcept {
  const std::span<const WaitSource> sources = wait_sources();
  if (position < sources.size()) core_->waits.ready(sources[position].fd);
}

void Engine::retry_blocked() noexcept {
  if (core_->options.placement == Placement::driven) core_->retry_blocked();
}

void Engine::set_spin(bool spin) noexcept {
  core_->set_spin(spin);
}

Placement Engine::placement() const noexcept {
  return core_->options.placement;
}

EngineStats Engine::stats() const noexcept {
  return {core_->runs.value(), core_->sleeps.value(),
          core_->doorbells.load(std::memory_order_relaxed), core_->opened.value(),
          core_->closed.value()};
}

}  // namespace bellpull::engine
