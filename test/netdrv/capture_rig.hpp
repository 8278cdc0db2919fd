// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bellpull/netdrv/capture.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "nic_accounts.hpp"
#include "pcapng_reader.hpp"

namespace bellpull::test {

/// A file in memory.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("capture", MFD_CLOEXEC)) {}
  [[nodiscard]] int fd() const { return fd_.get(); }

  /// All of it.
  [[nodiscard]] PcapngFile::Bytes bytes() const {
    PcapngFile::Bytes bytes(static_cast<std::size_t>(::lseek(fd(), 0, SEEK_END)));
    REQUIRE(::pread(fd(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
  [[nodiscard]] PcapngFile read() const { return PcapngFile(bytes()); }

 private:
  netdrv::UniqueFd fd_;
};

/// Each time another nanosecond, from 2^40 on, which needs both halves of a time.
inline std::uint64_t next_ns(void* context) noexcept {
  return (std::uint64_t{1} << 40U) +
         static_cast<std::atomic<std::uint64_t>*>(context)->fetch_add(1);
}

[[nodiscard]] inline std::string drop_comment(netdrv::DropReason reason) {
  return "dropped: " + std::string(name_of(reason));
}

[[nodiscard]] inline bool is_drop(const PcapngFile::Packet& packet) {
  return !packet.comments.empty() && packet.comments[0].starts_with("dropped: ");
}

/// Frames of a port in the file: in direction 1 or 2, dropped for `reason`, or, if that is empty,
/// not dropped.
[[nodiscard]] inline std::uint64_t count(const PcapngFile& file, std::uint32_t port,
                                         std::uint32_t direction, std::string_view reason = "") {
  std::uint64_t found = 0;
  for (const PcapngFile::Packet& packet : file.packets) {
    if (packet.interface != port || packet.direction != direction) continue;
    if (reason.empty() ? !is_drop(packet) : is_drop(packet) && packet.comments[0] == reason) {
      ++found;
    }
  }
  return found;
}

/// Whether what was captured without a miss is what the NIC counted.
inline void check_file(const PcapngFile& file, const netdrv::NicStats& stats) {
  REQUIRE(file.interfaces.size() == stats.ports.size());
  for (std::uint32_t port = 0; port < stats.ports.size(); ++port) {
    CAPTURE(port);
    const netdrv::QueueStats& queue = stats.ports[port].queues[0];
    CHECK(file.interfaces[port].name == stats.ports[port].name);
    CHECK(count(file, port, 1) == queue.rx_packets);
    CHECK(count(file, port, 2) >= queue.tx_packets);
    CHECK(count(file, port, 2) <= queue.tx_packets + sum(queue.tx_dropped));
    for (std::size_t i = 0; i < netdrv::kDropReasons; ++i) {
      const std::string comment = drop_comment(static_cast<netdrv::DropReason>(i));
      CAPTURE(comment);
      CHECK(count(file, port, 1, comment) == queue.rx_dropped[i]);
      CHECK(count(file, port, 2, comment) == queue.tx_dropped[i]);
    }
    const auto said = file.statistics.find(port);
    REQUIRE(said != file.statistics.end());
    CHECK(said->second.dropped == 0);
  }
}

}  // namespace bellpull::test
