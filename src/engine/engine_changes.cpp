// SPDX-License-Identifier: BSD-2-Clause
// What an owner changes: the engine's thread begins and ends, device halves come and go, and the
// thread stands still meanwhile.
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "engine_core.hpp"

namespace bellpull::engine {

namespace {

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
  if (thread_.joinable()) return;
  device.stir();
  const Turn turn(*this);
  device.control(wanted);
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

}  // namespace bellpull::engine
