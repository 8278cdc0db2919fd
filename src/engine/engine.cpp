// SPDX-License-Identifier: BSD-2-Clause
// A round of the engine, in the order in which it happens:
//   1. for each device, senders first: take what was issued, start it, reap what is done (run)
//   2. autonomous only: nothing done and nothing to do -> ask every ring for a kick, look again,
//      sleep on the devices' wait sources and the doorbell (sleep)
//   3. the owner wants to change something -> stand still until it has (stay_parked)
#include "bellpull/engine/engine.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "engine_core.hpp"

namespace bellpull::engine {

namespace {

constexpr unsigned kRoundLimit = 64;
constexpr std::uint64_t kDoorbell = ~std::uint64_t{0};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = data;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return;
  if (errno != EEXIST || ::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0) {
    fail("epoll_ctl: watch a device's file descriptor");
  }
}

}  // namespace

Engine::Core::Core(const EngineOptions& wanted) : options(wanted) {
  if (options.placement == Placement::driven) return;
  try {
    if ((epoll_ = ::epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1: autonomous engine");
    if ((bell_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) fail("eventfd: engine's doorbell");
    watch(epoll_, bell_, EPOLLIN, kDoorbell);
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

void Engine::Core::add(StreamDevice& device) {
  while_parked([&] {
    const bool sends = device.capabilities().direction == Direction::memory_to_device;
    devices_.insert(sends ? devices_.begin() : devices_.end(), &device);
    try {
      waits.add(device);
      watch_all();
    } catch (...) {
      forget(device);
      throw;
    }
  });
}

void Engine::Core::remove(StreamDevice& device) noexcept {
  while_parked([&]() noexcept {
    forget(device);
    try {
      watch_all();  // the positions have moved
    } catch (const std::system_error&) {
      // A descriptor that was watched before can only be refused when it is gone, and then its
      // device hears of that from its own calls.
    }
  });
}

void Engine::Core::forget(StreamDevice& device) noexcept {
  std::erase(devices_, &device);
  waits.remove(device);
  const int fd = device.wait_source().fd;
  const auto sources = waits.sources();
  const bool shared = std::any_of(sources.begin(), sources.end(),
                                  [&](const WaitSource& source) { return source.fd == fd; });
  if (epoll_ >= 0 && fd >= 0 && !shared) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void Engine::Core::watch_all() {
  if (epoll_ < 0) return;
  const auto sources = waits.sources();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    watch(epoll_, sources[i].fd, sources[i].events, i);
  }
}

RunResult Engine::Core::run(unsigned limit) noexcept {
  runs.add(1);
  RunResult result;
  for (StreamDevice* device : devices_) {
    result.completed += device->run(limit);
    result.runnable = device->runnable() || result.runnable;
  }
  return result;
}

bool Engine::Core::runnable() noexcept {
  return std::any_of(devices_.begin(), devices_.end(),
                     [](StreamDevice* device) { return device->runnable(); });
}

void Engine::Core::retry_blocked() noexcept {
  for (StreamDevice* device : devices_) device->unblock();
}

void Engine::Core::doorbell() noexcept {
  if (bell_ < 0) return;
  doorbells.add(1);
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the thread is awake or being woken.
  [[maybe_unused]] const auto written = ::write(bell_, &one, sizeof one);
}

void Engine::Core::loop() noexcept {
  while (!quit_.load(std::memory_order_acquire)) {  // pairs with the release in ~Core()
    if (park_.load(std::memory_order_acquire) != 0) stay_parked();  // pairs with park()
    if (options.spin) retry_blocked();
    const RunResult result = run(kRoundLimit);
    if (!result.runnable && !options.spin) sleep();
  }
}

void Engine::Core::sleep() noexcept {
  bool work = false;
  for (StreamDevice* device : devices_) work = device->arm() || work;
  if (!work) {
    sleeps.add(1);
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
      if (data != kDoorbell) waits.ready(data);
    }
  }
  for (StreamDevice* device : devices_) device->disarm();
}

void Engine::Core::park() noexcept {
  if (!thread_.joinable()) return;
  park_.store(1, std::memory_order_release);  // pairs with the acquire in loop()
  doorbell();
  parked_.wait(0, std::memory_order_acquire);  // pairs with the release in stay_parked()
}

void Engine::Core::unpark() noexcept {
  if (!thread_.joinable()) return;
  park_.store(0, std::memory_order_release);  // pairs with the acquire in stay_parked()
  park_.notify_one();
  parked_.wait(1, std::memory_order_acquire);  // pairs with the release in stay_parked()
}

void Engine::Core::stay_parked() noexcept {
  parked_.store(1, std::memory_order_release);  // pairs with the acquire in park()
  parked_.notify_one();
  park_.wait(1, std::memory_order_acquire);     // pairs with the release in unpark()
  parked_.store(0, std::memory_order_release);  // pairs with the acquire in unpark()
  parked_.notify_one();
}

Engine::Engine(const EngineOptions& options) : core_(std::make_unique<Core>(options)) {}

Engine::~Engine() = default;

std::unique_ptr<StreamChannel> Engine::open_stream(const StreamOptions& options,
                                                   std::unique_ptr<Backend> backend) {
  if (backend == nullptr) {
    throw std::invalid_argument("open stream channel: there is no back-end; make one first");
  }
  const unsigned max_segments = backend->capabilities().max_segments;
  if (max_segments == 0 || max_segments > kMaxSegments) {
    throw std::invalid_argument("open stream channel: the back-end declares " +
                                std::to_string(max_segments) + " segments; 1 to " +
                                std::to_string(kMaxSegments) + " are possible");
  }
  auto device = std::make_unique<StreamDevice>(options.size, std::move(backend), options.notify,
                                               options.sink);
  const bool pushes = options.sink.push != nullptr;
  core_->add(*device);
  return std::unique_ptr<StreamChannel>(new StreamChannel(*this, std::move(device), pushes));
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
  if (core_->options.placement == Placement::driven) core_->waits.ready(position);
}

void Engine::retry_blocked() noexcept {
  if (core_->options.placement == Placement::driven) core_->retry_blocked();
}

Placement Engine::placement() const noexcept {
  return core_->options.placement;
}

EngineStats Engine::stats() const noexcept {
  return {core_->runs.value(), core_->sleeps.value(), core_->doorbells.value()};
}

}  // namespace bellpull::engine
