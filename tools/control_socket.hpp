// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "settings.hpp"

namespace bellpull::tools {

/// A UNIX socket where a running program can be asked for its settings and told to change them, by
/// its owner only. See control_protocol.hpp for what is said there.
///
/// Clients are served inside of the Nic's loop, and nothing that one of them does or leaves out
/// holds it up: every call is non-blocking, a round serves a client once, whoever does not take its
/// answer is dropped, and when there are too many a newcomer takes the place of the one that was
/// silent for longest.
class ControlSocket {
 public:
  /// Clients that are connected at the same time.
  static constexpr std::size_t kMostClients = 16;

  /// Makes the socket. One that nobody listens on any more is replaced, anything else at `path`
  /// left alone; two programs that do so at the same moment are not told apart. Clients wait until
  /// serve(). Throws std::system_error.
  explicit ControlSocket(std::string path);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  /// Removes the socket, unless there is another by now.
  ~ControlSocket();

  /// Removes it from the file system, if it is still the one that is there. Returns a line if that
  /// cannot be done. Idempotent.
  std::vector<std::string> remove() const;

  /// The directory that it is in.
  [[nodiscard]] std::string directory() const;

  /// Serves clients in the rounds of `nic`, which must not outlive this, until its last one. The
  /// settings outlive those rounds. Once. Throws std::system_error.
  void serve(netdrv::Nic& nic, const SettingTable& settings);

 private:
  struct Client {
    netdrv::UniqueFd fd;          // -1: nobody
    std::uint64_t last_turn = 0;  // when it was heard last
  };

  static void ready(void* self) noexcept;
  void accept_one() noexcept;
  void hear(Client& client) noexcept;
  [[nodiscard]] bool converse(int fd);
  [[nodiscard]] bool watch(int operation, int fd, std::uint32_t events,
                           std::uint64_t data) const noexcept;

  const std::string path_;
  netdrv::UniqueFd listener_;
  netdrv::UniqueFd epoll_;  // of the listener and the clients: the Nic has one to watch
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;  // of the socket that was made
  const SettingTable* settings_ = nullptr;
  std::array<Client, kMostClients> clients_;
  std::uint64_t turn_ = 0;
};

}  // namespace bellpull::tools
