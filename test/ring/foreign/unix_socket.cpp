// SPDX-License-Identifier: BSD-2-Clause
#include "ring/foreign/unix_socket.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "ring/foreign/failure.hpp"

namespace bellpull::ring::test::foreign {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    fail("bind '" + path + "'", "choose a shorter directory");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

OwnedFd listen_on(const std::string& path) {
  const sockaddr_un address = address_of(path);
  OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) fail("socket of '" + path + "'", "the kernel needs Unix sockets");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("bind '" + path + "'", "use a fresh directory that is writable");
  }
  if (::listen(socket.get(), 1) != 0) fail("listen on '" + path + "'", "use another directory");
  return socket;
}

OwnedFd accept_from(const OwnedFd& listener, const std::string& path, int seconds) {
  OwnedFd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (peer.get() < 0) fail("accept on '" + path + "'", "start the peer again");
  const timeval patience{.tv_sec = seconds, .tv_usec = 0};
  if (::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
    fail("setsockopt on '" + path + "'", "start the peer again");
  }
  return peer;
}

}  // namespace bellpull::ring::test::foreign
