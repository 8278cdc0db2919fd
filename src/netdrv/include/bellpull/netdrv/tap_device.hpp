// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <string>

#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::netdrv {

/// Bytes of the virtio-net header in front of each frame of a TAP: the layout with num_buffers
/// (virtio 1.4 section 5.1.6; TUNSETVNETHDRSZ).
inline constexpr std::uint32_t kVnetHeader = 12;

/// One queue of a TAP interface, attached and set up: IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, a 12-byte
/// little-endian header, no offloads, non-blocking; each set and read back, whatever a former owner
/// left. Moves no frames.
class TapDevice {
 public:
  /// Creates the interface `name` in the network namespace of the calling thread, or attaches to it
  /// if it is persistent. It goes away with the device unless it was persistent before.
  ///
  /// Throws std::system_error naming the call, the interface and the remedy: name too long or no
  /// legal name, in use by another program, /dev/net/tun missing, no CAP_NET_ADMIN, an interface of
  /// another kind. Blocks as long as the kernel takes.
  [[nodiscard]] static TapDevice open(const std::string& name);

  /// Takes over a descriptor that is attached to a TAP already, and sets it up the same way. Throws
  /// std::system_error when it is no such descriptor.
  [[nodiscard]] static TapDevice adopt(UniqueFd fd);

  /// Stands for something that behaves like a TAP but is not one: a socket of a test. Nothing is
  /// set up or checked.
  [[nodiscard]] static TapDevice pretend(UniqueFd fd, std::string name, std::uint32_t mtu);

  /// The descriptor, owned by the device.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The interface's name when it was opened.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The interface's MTU when it was opened or refresh_mtu() was called, in bytes.
  [[nodiscard]] std::uint32_t mtu() const noexcept { return mtu_; }

  /// Reads the MTU again. Call it in the interface's network namespace. Throws std::system_error.
  void refresh_mtu();

 private:
  TapDevice(UniqueFd fd, std::string name, std::uint32_t mtu);
  void set_up();

  UniqueFd fd_;
  std::string name_;
  std::uint32_t mtu_ = 0;
};

}  // namespace bellpull::netdrv
