// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ring/foreign/owned_fd.hpp"

namespace bellpull::ring::test::foreign {

/// A new directory that is removed, with what is in it, at the end of life.
class PrivateDirectory {
 public:
  /// Throws std::system_error.
  PrivateDirectory();
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  ~PrivateDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The name of DPDK's virtio-user driver for the device behind the vhost-user socket at `path`;
/// `settings` are more of its own, such as "packed_vq=1".
[[nodiscard]] std::string virtio_user(const std::string& path, const std::string& settings);

/// The name of DPDK's vhost device for the driver that listens at the vhost-user socket at `path`.
[[nodiscard]] std::string vhost(const std::string& path);

/// DPDK's testpmd with one port. It uses no huge pages, no
/// PCI device and no file outside of `directory`, so it needs no privilege. It forwards from the
/// moment on that it has connected. Ends, at the latest, with this object or this thread.
class Testpmd {
 public:
  /// Frames that its port counted, and that it made but the queue had no room for.
  struct Totals {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;
  };

  /// Whether the program is installed; its drivers are packages of their own.
  [[nodiscard]] static bool installed();

  /// Starts it with the port `device`, see virtio_user() and vhost(). `options` are testpmd's own,
  /// such as "--forward-mode=txonly". Throws std::system_error.
  Testpmd(const std::string& directory, const std::string& device,
          const std::vector<std::string>& options);
  Testpmd(const Testpmd&) = delete;
  Testpmd& operator=(const Testpmd&) = delete;
  /// Kills it if it still runs.
  ~Testpmd();

  /// Asks it to stop forwarding and to end; returns at once. A driver talks to its vhost-user
  /// server before it ends, so that one must be served meanwhile.
  void ask_to_end();
  /// Whether it has ended.
  [[nodiscard]] bool ended();
  /// After its end. Throws std::runtime_error if it failed or printed no totals.
  [[nodiscard]] Totals totals();
  /// What it has printed so far, for a test that fails.
  [[nodiscard]] std::string log() const;

 private:
  std::string log_path_;
  OwnedFd keyboard_;
  pid_t process_ = -1;
  int status_ = 0;
};

}  // namespace bellpull::ring::test::foreign
