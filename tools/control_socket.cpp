// SPDX-License-Identifier: BSD-2-Clause
#include "control_socket.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "control_protocol.hpp"
#include "unix_address.hpp"

namespace bellpull::tools {

namespace {

using netdrv::UniqueFd;

constexpr int kSocketType = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
constexpr int kBacklog = 64;
constexpr mode_t kOwnerOnly = 0600;
// What an event carries: the position of a client, or this.
constexpr std::uint64_t kListener = ~std::uint64_t{0};
// Edge-triggered: when there are no descriptors left for a client, it must not wake us until there
// is another one.
constexpr std::uint32_t kListenerEvents = EPOLLIN | EPOLLET;

[[noreturn]] void fail(int error, std::string_view what, const std::string& path,
                       std::string_view remedy) {
  throw std::system_error(error, std::generic_category(),
                          fmt::format("{} --control {} ({})", what, path, remedy));
}

UniqueFd make_socket(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, kSocketType, 0));
  if (fd.get() < 0) fail(errno, "socket for", path, "raise `ulimit -n`?");
  return fd;
}

bool bind_to(int fd, const sockaddr_un& address) noexcept {
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Returns when there is a socket that nobody listens on.
void check_left_behind(const sockaddr_un& address, const std::string& path) {
  struct stat status {};
  if (::lstat(address.sun_path, &status) < 0) {
    fail(errno, "look at", path, "choose a path that you may write");
  }
  if (!S_ISSOCK(status.st_mode)) {
    fail(EEXIST, "bind", path, "it is no socket: choose another path, or remove it");
  }
  const UniqueFd probe = make_socket(path);
  const bool connected =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (!connected && errno == ECONNREFUSED) return;
  if (!connected && errno == EACCES) {
    fail(EACCES, "bind", path, "it is somebody else's socket: choose another path");
  }
  fail(EADDRINUSE, "bind", path, "another program listens there: choose another path, or end it");
}

UniqueFd listen_at(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  UniqueFd fd = make_socket(path);
  // What bind() makes has the mode of the socket itself, so that nobody else can ever connect.
  if (::fchmod(fd.get(), kOwnerOnly) < 0) fail(errno, "fchmod of", path, "is it forbidden here?");
  bool bound = bind_to(fd.get(), address);
  if (!bound && errno == EADDRINUSE) {
    check_left_behind(address, path);
    ::unlink(path.c_str());
    bound = bind_to(fd.get(), address);
  }
  if (!bound) fail(errno, "bind", path, "choose a path that you may write");
  if (::listen(fd.get(), kBacklog) < 0) {
    const int error = errno;
    ::unlink(path.c_str());
    fail(error, "listen at", path, "raise `ulimit -n`?");
  }
  return fd;
}

}  // namespace

ControlSocket::ControlSocket(std::string path)
    : path_(std::move(path)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_.get() < 0) fail(errno, "epoll_create1 for", path_, "raise `ulimit -n`?");
  listener_ = listen_at(path_);
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
}

ControlSocket::~ControlSocket() {
  try {
    static_cast<void>(remove());
  } catch (...) {
    // Out of memory for a line that nobody would read.
  }
}

std::string ControlSocket::directory() const {
  const std::size_t slash = path_.rfind('/');
  return slash == std::string::npos ? "." : path_.substr(0, slash + 1);
}

std::vector<std::string> ControlSocket::remove() const {
  struct stat status {};
  const bool ours =
      ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  if (!ours || ::unlink(path_.c_str()) == 0 || errno == ENOENT) return {};
  return {fmt::format("remove --control {}: {} (the next run with this path takes its place)",
                      path_, std::generic_category().message(errno))};
}

void ControlSocket::serve(netdrv::Nic& nic, const SettingTable& settings) {
  settings_ = &settings;
  if (!watch(EPOLL_CTL_ADD, listener_.get(), kListenerEvents, kListener)) {
    fail(errno, "epoll_ctl for", path_, "raise fs.epoll.max_user_watches?");
  }
  nic.watch(epoll_.get(), {&ControlSocket::ready, this});
}

bool ControlSocket::watch(int operation, int fd, std::uint32_t events,
                          std::uint64_t data) const noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

void ControlSocket::ready(void* self) noexcept {
  auto& control = *static_cast<ControlSocket*>(self);
  std::array<epoll_event, kMostClients + 1> events;
  const int count =
      ::epoll_wait(control.epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  bool newcomer = false;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
    if (data == kListener) {
      newcomer = true;
    } else {
      control.hear(control.clients_[data]);
    }
  }
  // Last, because it may put somebody into the place of a client that has an event here.
  if (newcomer) control.accept_one();
}

void ControlSocket::accept_one() noexcept {
  UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd.get() < 0) return;
  // There may be more: this looks again.
  static_cast<void>(watch(EPOLL_CTL_MOD, listener_.get(), kListenerEvents, kListener));
  // Whoever is nobody was heard least of all.
  Client& place =
      *std::min_element(clients_.begin(), clients_.end(),
                        [](const Client& a, const Client& b) { return a.last_turn < b.last_turn; });
  const auto position = static_cast<std::uint64_t>(&place - clients_.data());
  if (!watch(EPOLL_CTL_ADD, fd.get(), EPOLLIN, position)) return;
  place = {std::move(fd), ++turn_};
}

void ControlSocket::hear(Client& client) noexcept {
  bool stays = false;
  try {
    stays = converse(client.fd.get());
  } catch (...) {
    // Out of memory. The client learns that it got no answer.
  }
  client.last_turn = ++turn_;
  if (!stays) client = Client();
}

// Takes a request and answers it. False: the client has gone or does not take its answer.
bool ControlSocket::converse(int fd) {
  std::array<char, kMostRequest> request;
  // MSG_TRUNC: returns how large it was, even where it is not all there.
  const ssize_t bytes = ::recv(fd, request.data(), request.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (bytes < 0) return errno == EAGAIN || errno == EINTR;
  if (bytes == 0) return false;
  const auto size = static_cast<std::size_t>(bytes);
  const std::string answer = size > request.size() ? answer_to_oversize(size)
                                                   : answer_to({request.data(), size}, *settings_);
  return ::send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
         static_cast<ssize_t>(answer.size());
}

}  // namespace bellpull::tools
