// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "bellpull/netdrv/capture_point.hpp"

namespace bellpull::netdrv {

/// What an interface statistics block says.
struct PcapngStatistics {
  std::uint64_t begun_ns = 0;  ///< since 1970
  std::uint64_t ended_ns = 0;  ///< since 1970
  std::uint64_t seen = 0;      ///< frames that were to be captured
  std::uint64_t missed = 0;    ///< of these, not captured for want of room
  std::uint64_t written = 0;   ///< of these, in the file: the rest was filtered out
};

/// Appends blocks of a pcapng file (draft-ietf-opsawg-pcapng) to a buffer, in the byte order of
/// this machine, as the format allows. One thread; throws std::bad_alloc.
class Pcapng {
 public:
  /// The file's first block.
  void section();
  /// An Ethernet interface; they are numbered from 0. Its times are in nanoseconds.
  void interface(std::string_view name, std::uint32_t snap);
  /// A frame of that interface, of which these bytes were captured. `missed` frames of the
  /// interface were lost before it.
  void packet(std::uint32_t interface, const CaptureRecord& record,
              const std::array<std::span<const std::byte>, 2>& bytes, std::uint64_t missed);
  /// What became of an interface's frames.
  void statistics(std::uint32_t interface, const PcapngStatistics& said);

  /// All blocks so far.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Forgets them.
  void clear() noexcept { bytes_.clear(); }

 private:
  void begin(std::uint32_t type);
  void end();
  void put(std::span<const std::byte> bytes);
  void put16(std::uint16_t value);
  void put32(std::uint32_t value);
  void put64(std::uint64_t value);
  void put_time(std::uint64_t ns);
  void pad();
  void option(std::uint16_t code, std::span<const std::byte> value);
  void option(std::uint16_t code, std::string_view text);
  void option64(std::uint16_t code, std::uint64_t value);
  void option_time(std::uint16_t code, std::uint64_t ns);

  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;  // of the block that is being made
};

}  // namespace bellpull::netdrv
