// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/segmenter.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "generate/flow_ledger.hpp"
#include "generate/sender.hpp"

namespace bellpull::tools::generate {

/// A packet socket that sees the IPv4 frames which arrive by an interface, and none that leave by
/// it. One thread.
class Receiver {
 public:
  /// Frames are queued from now on. Throws std::system_error.
  explicit Receiver(const Target& target);

  /// Readable when frames are queued.
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  /// Hands what is queued to the ledger, up to some thousand frames, and returns how many frames
  /// that were. Does not block. Throws std::system_error when the interface went down or away.
  std::uint64_t drain(FlowLedger& ledger);

  /// Nothing is queued any more; what is there can still be drained. Throws std::system_error.
  void close_queue();

  /// Frames that found no room in the socket's own queue.
  [[nodiscard]] std::uint64_t socket_dropped();

 private:
  static constexpr unsigned kBatch = 64;
  static constexpr std::size_t kHeader = 10;              // struct virtio_net_hdr
  static constexpr std::size_t kRoom = kHeader + 65'600;  // of the longest superframe, and more

  std::uint64_t add(std::span<const std::byte> message, FlowLedger& ledger, std::uint64_t now);
  std::uint64_t add_segments(FlowLedger& ledger, std::uint64_t now);

  const std::string name_;
  netdrv::UniqueFd socket_;
  std::uint64_t socket_dropped_ = 0;
  std::vector<std::byte> frames_;
  // A frame that came as a part of a superframe is what it was on the wire.
  netdrv::PacketPool pool_{{.heads = kBatch, .tails = kBatch}};
  netdrv::Segmenter segmenter_;
  std::vector<std::byte> segment_;
  std::array<iovec, kBatch> vectors_{};
  std::array<mmsghdr, kBatch> messages_{};
};

}  // namespace bellpull::tools::generate
