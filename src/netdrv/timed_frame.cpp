// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/timed_frame.hpp"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "checksum.hpp"
#include "identity.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint32_t kEthernet = 14;
constexpr std::uint32_t kTypeAt = 12;
constexpr std::uint32_t kIpAt = kEthernet;
constexpr std::uint32_t kAddressesAt = kIpAt + 12;
constexpr std::uint32_t kUdpAt = kIpAt + sizeof(iphdr);
constexpr std::uint32_t kSaidAt = kUdpAt + sizeof(udphdr);
constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kEchoPort = 7;
constexpr std::uint16_t kFirstPort = 0xc000;  // the ephemeral ports of RFC 6335
constexpr std::uint8_t kHopLimit = 64;
constexpr std::uint64_t kSequenceMask = 0xffff'ffff'ffff;
// Odd numbers with their bits well mixed; the first is the golden ratio's.
constexpr std::uint64_t kMix = 0x9e37'79b9'7f4a'7c15;
constexpr std::uint64_t kMixAgain = 0xd6e8'feb8'6659'fd93;

// Behind the UDP header, in the order of the wire.
struct [[gnu::packed]] Said {
  std::uint16_t check;
  std::uint16_t flow;
  std::uint16_t sequence_high;
  std::uint32_t sequence_low;
  std::uint64_t time_ns;
};
static_assert(kSaidAt + sizeof(Said) == kMinTimedFrame);

// Words of any width can be added up: 2^16 is 1 in one's complement.
constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
  sum = (sum >> 32) + (sum & 0xffff'ffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>((sum >> 16) + sum);
}

// No checksum covers the Ethernet addresses. The sum is the same when they change places.
std::uint16_t sum_of_macs(const std::byte* frame) noexcept {
  std::uint32_t sum = 0;
  for (std::uint32_t at = 0; at < kTypeAt; at += 2) sum += read_at<std::uint16_t>(frame + at);
  return static_cast<std::uint16_t>(sum);
}

// Tells timed frames from all others, and sees words that changed places, which no sum does.
std::uint16_t check_of(const TimedFrame& said, std::uint16_t macs) noexcept {
  std::uint64_t hash = (said.sequence << 16 | said.flow) * kMix;
  hash = (hash ^ hash >> 32 ^ said.time_ns) * kMixAgain;
  return static_cast<std::uint16_t>((hash >> 48) + macs);
}

// What follows what the frame says, eight bytes at a time, no two alike.
class Pattern {
 public:
  explicit Pattern(const TimedFrame& said) noexcept
      : next_((said.sequence << 16 | said.flow) * kMixAgain) {}
  std::uint64_t next() noexcept { return next_ += kMix; }

 private:
  std::uint64_t next_;
};

// Returns the sum of the words as they are on the wire.
std::uint16_t write_pattern(std::span<std::byte> rest, Pattern pattern) noexcept {
  std::uint64_t sum = 0;
  std::byte* at = rest.data();
  std::size_t left = rest.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = pattern.next();
    write_at(at, word);
    sum += (word >> 32) + (word & 0xffff'ffff);
  }
  if (left != 0) {
    const std::uint64_t word = pattern.next();
    std::uint64_t last = 0;  // padded with zeros behind it, in either byte order
    std::memcpy(&last, &word, left);
    std::memcpy(at, &last, left);
    sum += (last >> 32) + (last & 0xffff'ffff);
  }
  return wire16(fold(sum));
}

bool has_pattern(std::span<const std::byte> rest, Pattern pattern) noexcept {
  std::uint64_t wrong = 0;
  const std::byte* at = rest.data();
  std::size_t left = rest.size();
  for (; left >= 8; left -= 8, at += 8) wrong |= read_at<std::uint64_t>(at) ^ pattern.next();
  const std::uint64_t last = pattern.next();
  return wrong == 0 && (left == 0 || std::memcmp(at, &last, left) == 0);
}

// Whether it looks like a timed frame, from its first bytes.
bool resembles(std::span<const std::byte> head) noexcept {
  if (head.size() < kMinTimedFrame) return false;
  const auto ip = read_at<iphdr>(head.data() + kIpAt);
  const auto udp = read_at<udphdr>(head.data() + kUdpAt);
  return read_at<std::uint16_t>(head.data() + kTypeAt) == wire16(kTypeIpv4) && ip.version == 4 &&
         ip.ihl == sizeof ip / 4 && ip.protocol == IPPROTO_UDP &&
         (udp.uh_dport == wire16(kEchoPort) || udp.uh_sport == wire16(kEchoPort));
}

TimedFrame said_in(const Said& said) noexcept {
  return {.flow = wire16(said.flow),
          .sequence = std::uint64_t{wire16(said.sequence_high)} << 32 | wire32(said.sequence_low),
          .time_ns = wire64(said.time_ns)};
}

// The frame has the length that its headers say, and right checksums.
bool intact(std::span<const std::byte> frame) noexcept {
  const auto ip = read_at<iphdr>(frame.data() + kIpAt);
  const auto udp = read_at<udphdr>(frame.data() + kUdpAt);
  if (wire16(ip.tot_len) != frame.size() - kIpAt) return false;
  if (wire16(udp.uh_ulen) != frame.size() - kUdpAt) return false;
  InternetSum header;
  header.add(frame.subspan(kIpAt, sizeof ip));
  if (!header.intact()) return false;
  InternetSum datagram;
  datagram.add_word(IPPROTO_UDP);
  datagram.add_word(wire16(udp.uh_ulen));
  datagram.add(frame.subspan(kAddressesAt));
  return datagram.intact();
}

void check_ends(const FrameEnds& ends) {
  for (const MacAddress& mac : {ends.source_mac, ends.destination_mac}) {
    if (!is_station(mac)) {
      throw std::invalid_argument(
          "timed frames: an Ethernet address is zero or a group address; use that of a single "
          "station");
    }
  }
  for (const IpAddress& address : {ends.source, ends.destination}) {
    if (address.family != 4) {
      throw std::invalid_argument("timed frames: an address of family " +
                                  std::to_string(address.family) + "; they are IPv4, use family 4");
    }
  }
}

}  // namespace

TimedFrameWriter::TimedFrameWriter(const FrameEnds& ends) {
  check_ends(ends);
  iphdr ip{};
  ip.version = 4;
  ip.ihl = sizeof ip / 4;
  ip.frag_off = wire16(IP_DF);
  ip.ttl = kHopLimit;
  ip.protocol = IPPROTO_UDP;
  std::memcpy(&ip.saddr, ends.source.bytes.data(), sizeof ip.saddr);
  std::memcpy(&ip.daddr, ends.destination.bytes.data(), sizeof ip.daddr);
  udphdr udp{};
  udp.uh_dport = wire16(kEchoPort);
  write_at(base_.headers.data(), ends.destination_mac);
  write_at(base_.headers.data() + sizeof(MacAddress), ends.source_mac);
  write_at(base_.headers.data() + kTypeAt, wire16(kTypeIpv4));
  write_at(base_.headers.data() + kIpAt, ip);
  write_at(base_.headers.data() + kUdpAt, udp);
  const std::span<const std::byte> all(base_.headers);
  InternetSum ip_sum;
  ip_sum.add(all.subspan(kIpAt, sizeof ip));
  base_.ip_sum = ip_sum.value();
  InternetSum udp_sum;
  udp_sum.add_word(IPPROTO_UDP);
  udp_sum.add(all.subspan(kAddressesAt));
  base_.udp_sum = udp_sum.value();
  base_.macs = sum_of_macs(base_.headers.data());
}

void TimedFrameWriter::write(std::span<std::byte> frame, const TimedFrame& said) const noexcept {
  const auto bytes = static_cast<std::uint32_t>(frame.size());
  const std::uint16_t ip_length = static_cast<std::uint16_t>(bytes - kIpAt);
  const std::uint16_t udp_length = static_cast<std::uint16_t>(bytes - kUdpAt);
  const std::uint16_t port = static_cast<std::uint16_t>(kFirstPort | said.flow);
  const std::uint64_t sequence = said.sequence & kSequenceMask;
  const std::uint16_t check = check_of(said, base_.macs);
  const std::uint16_t rest = write_pattern(frame.subspan(kMinTimedFrame), Pattern(said));
  const std::uint64_t sum = std::uint64_t{base_.udp_sum} + port + std::uint64_t{2} * udp_length +
                            check + said.flow + sequence + (said.time_ns >> 32) +
                            (said.time_ns & 0xffff'ffff) + rest;
  std::uint16_t udp_check = static_cast<std::uint16_t>(~fold(sum));
  if (udp_check == 0) udp_check = 0xffff;  // 0 means that there is none (RFC 768)

  std::byte* const at = frame.data();
  std::memcpy(at, base_.headers.data(), base_.headers.size());
  write_at(at + kIpAt + offsetof(iphdr, tot_len), wire16(ip_length));
  write_at(at + kIpAt + offsetof(iphdr, check),
           wire16(static_cast<std::uint16_t>(~fold(std::uint64_t{base_.ip_sum} + ip_length))));
  write_at(at + kUdpAt + offsetof(udphdr, uh_sport), wire16(port));
  write_at(at + kUdpAt + offsetof(udphdr, uh_ulen), wire16(udp_length));
  write_at(at + kUdpAt + offsetof(udphdr, uh_sum), wire16(udp_check));
  write_at(at + kSaidAt, Said{.check = wire16(check),
                              .flow = wire16(said.flow),
                              .sequence_high = wire16(static_cast<std::uint16_t>(sequence >> 32)),
                              .sequence_low = wire32(static_cast<std::uint32_t>(sequence)),
                              .time_ns = wire64(said.time_ns)});
}

FrameReading read_timed_frame(std::span<const std::byte> frame) noexcept {
  if (frame.size() > kMaxTimedFrame || !resembles(frame)) return {};
  if (!intact(frame)) return {FrameKind::corrupt, {}};
  const Said wire = read_at<Said>(frame.data() + kSaidAt);
  const TimedFrame said = said_in(wire);
  if (wire16(wire.check) != check_of(said, sum_of_macs(frame.data()))) return {};
  if (!has_pattern(frame.subspan(kMinTimedFrame), Pattern(said))) {
    return {FrameKind::corrupt, {}};
  }
  return {FrameKind::timed, said};
}

std::uint64_t scheduled_time(std::span<const std::byte> head) noexcept {
  if (!resembles(head)) return 0;
  const Said wire = read_at<Said>(head.data() + kSaidAt);
  const TimedFrame said = said_in(wire);
  return wire16(wire.check) == check_of(said, sum_of_macs(head.data())) ? said.time_ns : 0;
}

}  // namespace bellpull::netdrv
