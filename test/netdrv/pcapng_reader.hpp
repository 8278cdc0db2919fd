// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace bellpull::test {

/// A pcapng file as the draft has it, read by code of its own. Throws std::runtime_error for what
/// no such file has.
class PcapngFile {
 public:
  using Bytes = std::vector<std::byte>;
  /// Values by code, in their order.
  using Options = std::multimap<std::uint16_t, Bytes>;

  struct Interface {
    std::string name;
    std::uint32_t snap;
    unsigned resolution;
  };
  struct Packet {
    std::uint32_t interface;
    std::uint64_t time;
    std::uint32_t size;
    Bytes bytes;
    std::uint32_t direction;  // 1 in, 2 out
    std::uint64_t missed;
    std::vector<std::string> comments;
  };
  struct Statistics {
    std::uint64_t received;
    std::uint64_t dropped;
    std::uint64_t delivered;
  };

  explicit PcapngFile(const Bytes& file) {
    std::span<const std::byte> rest(file);
    bool first = true;
    while (!rest.empty()) {
      const auto type = take<std::uint32_t>(rest);
      const auto length = take<std::uint32_t>(rest);
      if (length % 4 != 0 || length < 12 || rest.size() < length - 8) fault("a block's length");
      std::span<const std::byte> body = rest.first(length - 12);
      rest = rest.subspan(length - 12);
      if (take<std::uint32_t>(rest) != length) fault("the length behind a block");
      if (first != (type == 0x0a0d0d0a)) fault("where the section begins");
      first = false;
      read(type, body);
    }
  }

  std::vector<Interface> interfaces;
  std::vector<Packet> packets;
  std::map<std::uint32_t, Statistics> statistics;

 private:
  [[noreturn]] static void fault(const std::string& what) {
    throw std::runtime_error("pcapng: " + what + " is wrong");
  }

  template <class T>
  static T take(std::span<const std::byte>& from) {
    T value;
    if (from.size() < sizeof value) fault("the end");
    std::memcpy(&value, from.data(), sizeof value);
    from = from.subspan(sizeof value);
    return value;
  }

  static Bytes take_padded(std::span<const std::byte>& from, std::size_t size) {
    const std::size_t padded = (size + 3) / 4 * 4;
    if (from.size() < padded) fault("a length");
    Bytes bytes(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size));
    from = from.subspan(padded);
    return bytes;
  }

  static Options take_options(std::span<const std::byte> from) {
    Options options;
    while (true) {
      const auto code = take<std::uint16_t>(from);
      const auto length = take<std::uint16_t>(from);
      if (code == 0) {
        if (length != 0 || !from.empty()) fault("the end of the options");
        return options;
      }
      options.emplace(code, take_padded(from, length));
    }
  }

  template <class T>
  static T number(const Options& options, std::uint16_t code, T otherwise) {
    const auto found = options.find(code);
    if (found == options.end()) return otherwise;
    if (found->second.size() != sizeof(T)) fault("the size of an option");
    std::span<const std::byte> value(found->second);
    return take<T>(value);
  }

  static std::string text(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  static std::uint64_t take_time(std::span<const std::byte>& from) {
    const std::uint64_t high = take<std::uint32_t>(from);
    return high << 32U | take<std::uint32_t>(from);
  }

  void read(std::uint32_t type, std::span<const std::byte> body) {
    switch (type) {
      case 0x0a0d0d0a:
        if (take<std::uint32_t>(body) != 0x1a2b3c4d) fault("the byte order");
        if (take<std::uint32_t>(body) != 1) fault("the version");
        if (take<std::uint64_t>(body) != ~std::uint64_t{0}) fault("the section's length");
        static_cast<void>(take_options(body));
        break;
      case 1:
        read_interface(body);
        break;
      case 5:
        read_statistics(body);
        break;
      case 6:
        read_packet(body);
        break;
      default:
        fault("a block's type");
    }
  }

  void read_interface(std::span<const std::byte> body) {
    if (take<std::uint32_t>(body) != 1) fault("the link type");
    const auto snap = take<std::uint32_t>(body);
    const Options options = take_options(body);
    const auto name = options.find(2);
    if (name == options.end()) fault("an interface without a name, which");
    interfaces.push_back({text(name->second), snap, number<std::uint8_t>(options, 9, 6)});
  }

  void read_statistics(std::span<const std::byte> body) {
    const auto interface = take<std::uint32_t>(body);
    static_cast<void>(take_time(body));
    const Options options = take_options(body);
    statistics[interface] = {number<std::uint64_t>(options, 4, 0),
                             number<std::uint64_t>(options, 5, 0),
                             number<std::uint64_t>(options, 8, 0)};
  }

  void read_packet(std::span<const std::byte> body) {
    Packet packet{};
    packet.interface = take<std::uint32_t>(body);
    if (packet.interface >= interfaces.size()) fault("a packet's interface");
    packet.time = take_time(body);
    const auto captured = take<std::uint32_t>(body);
    packet.size = take<std::uint32_t>(body);
    packet.bytes = take_padded(body, captured);
    const Options options = take_options(body);
    packet.direction = number<std::uint32_t>(options, 2, 0) & 3U;
    packet.missed = number<std::uint64_t>(options, 4, 0);
    const auto range = options.equal_range(1);
    for (auto at = range.first; at != range.second; ++at) {
      packet.comments.push_back(text(at->second));
    }
    packets.push_back(std::move(packet));
  }
};

}  // namespace bellpull::test
