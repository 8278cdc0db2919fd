// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <string>

#include "bellpull/netdrv/offload_set.hpp"
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
  /// The interface's MTU when it was opened, refresh_mtu() was called, or set_mtu() said so, in
  /// bytes.
  [[nodiscard]] std::uint32_t mtu() const noexcept { return mtu_; }

  /// The features that this kernel's tun driver knows: those that TUNSETOFFLOAD takes. Leaves the
  /// interface without any. Throws std::system_error.
  [[nodiscard]] OffloadSet probe_offloads();

  /// What the reader of the descriptor takes upon itself; none after it was opened. Throws
  /// std::system_error when the kernel does not know a feature (probe_offloads()).
  void set_offloads(OffloadSet reader);

  /// What set_offloads() said last.
  [[nodiscard]] OffloadSet offloads() const noexcept { return offloads_; }

  /// Whether the descriptor has its interface still: false once that was deleted (TUNGETIFF says
  /// EBADFD, drivers/net/tun.c). Follows a rename and a move to another network namespace.
  [[nodiscard]] bool attached() const noexcept;

  /// After the interface was deleted: attaches the same descriptor to the one that has the name
  /// now, in the network namespace in which the descriptor was opened, sets it up as open() does,
  /// and with the offloads that it had. What waits for the descriptor in an epoll set goes on doing
  /// so. The MTU is not read. Makes the interface where there is none and the caller may: look
  /// first. Throws std::system_error as open() does; without privilege it takes an interface that
  /// belongs to the user, or to nobody. Blocks as long as the kernel takes.
  void attach_again();

  /// Says what the MTU is now, for who has heard it by netlink and may not be in the interface's
  /// network namespace. `mtu` in bytes.
  void set_mtu(std::uint32_t mtu) noexcept { mtu_ = mtu; }

  /// Reads the MTU again. Call it in the interface's network namespace. Throws std::system_error.
  void refresh_mtu();

 private:
  TapDevice(UniqueFd fd, std::string name, std::uint32_t mtu);
  void set_up();

  UniqueFd fd_;
  std::string name_;
  std::uint32_t mtu_ = 0;
  OffloadSet offloads_;
};

}  // namespace bellpull::netdrv
