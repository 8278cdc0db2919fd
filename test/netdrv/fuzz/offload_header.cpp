// SPDX-License-Identifier: BSD-2-Clause
// Frames with a virtio-net header of a peer that means harm: superframes that were right and then
// spoilt, or nothing but bytes. Judged, completed, cut.
#include <optional>
#include <vector>

#include "bellpull/netdrv/offload.hpp"
#include "netdrv/offload_frames.hpp"
#include "ring/fuzz/entry.hpp"
#include "ring/fuzz/input.hpp"

namespace bellpull::netdrv::test {
namespace {

using ring::fuzz::check;
using ring::fuzz::Input;

struct Received {
  Bytes frame;
  Offload offload;
};

Received receive(Input& in) {
  Received received;
  const unsigned kind = in.byte();
  if (kind % 8 == 7) {
    received.frame.resize(in.below(200));
    for (std::uint8_t& byte : received.frame) byte = in.byte();
  } else {
    FlowFrame flow;
    flow.tcp = (kind & 1) == 0;
    flow.v6 = (kind & 2) != 0;
    if ((kind & 8) != 0) flow.link.tags = {{0x8100, 1}};
    if ((kind & 16) != 0) flow.link.tags.push_back({0x88a8, 2});
    if ((kind & 32) != 0) flow.ip_options = Bytes(in.below(11) * 4, 1);
    if ((kind & 64) != 0) {
      flow.next = 60;
      flow.extensions = Bytes((1 + in.below(250)) * 8, 0);
      flow.extensions[0] = static_cast<std::uint8_t>(protocol_of(flow));
      flow.extensions[1] = static_cast<std::uint8_t>(flow.extensions.size() / 8 - 1);
    }
    Piece piece;
    piece.flags = in.byte();
    piece.data = pattern(in.below((kind & 128) != 0 ? 9000 : 2000));
    received = {partial_frame(flow, piece), super_offload(flow, 1 + in.below(4000))};
  }
  Offload& offload = received.offload;
  for (unsigned changes = in.byte() % 4; changes != 0; --changes) {
    switch (in.byte() % 8) {
      case 0:
        offload.flags = in.byte();
        break;
      case 1:
        offload.gso_type = in.byte();
        break;
      case 2:
        offload.gso_size = static_cast<std::uint16_t>(in.wild(received.frame.size()));
        break;
      case 3:
        offload.csum_start = static_cast<std::uint16_t>(in.wild(received.frame.size()));
        break;
      case 4:
        offload.csum_offset = static_cast<std::uint16_t>(in.wild(received.frame.size()));
        break;
      case 5:
        offload.hdr_len = in.word16();
        break;
      case 6:
        received.frame.resize(in.below(received.frame.size() + 20));
        break;
      default:
        if (!received.frame.empty()) {
          received.frame[in.below(std::min<std::size_t>(received.frame.size(), 100))] = in.byte();
        }
    }
  }
  return received;
}

OffloadFault judge(const Received& received, std::size_t in_head) {
  // A copy of exactly that length, so that a read beyond it is seen.
  const Bytes head(received.frame.begin(),
                   received.frame.begin() + static_cast<std::ptrdiff_t>(in_head));
  return check_offload(std::as_bytes(std::span(head)),
                       static_cast<std::uint32_t>(received.frame.size()), received.offload);
}

// What was cut has all of the payload, once and in order, in frames of right lengths.
void check_segments(const Received& received, const std::vector<Bytes>& segments) {
  const Anatomy whole = dissect(received.frame);
  const Anatomy first = dissect(segments.front());
  check(first.transport == whole.transport, "headers keep their length");
  const bool tcp = received.offload.gso_type != 5;
  const std::size_t headers =
      whole.transport +
      (tcp ? received.frame.at(whole.transport + 12) / 16 * std::size_t{4} : std::size_t{8});
  Bytes payload;
  for (const Bytes& segment : segments) {
    const Anatomy a = dissect(segment);
    check(a.end == segment.size(), "the lengths of IP and UDP are those of the frame");
    check(segment.size() <= headers + received.offload.gso_size, "no segment is too long");
    payload.insert(payload.end(), segment.begin() + static_cast<std::ptrdiff_t>(headers),
                   segment.end());
  }
  check(payload == detail::slice(received.frame, headers, received.frame.size()),
        "the payload is what it was");
}

void run(Input in) {
  static constexpr PacketPoolOptions kBuffers = {.heads = 64, .tails = 64};
  static PacketPool pool(kBuffers);
  const Received received = receive(in);
  const std::size_t split = in.below(received.frame.size() + 1);
  const OffloadFault part = judge(received, split);
  const OffloadFault all = judge(received, received.frame.size());
  check(all != OffloadFault::none || part == all || part == OffloadFault::headers_split,
        "nothing else is wrong when less is seen");
  Packet packet = packet_of(pool, received.frame, received.offload);
  const OffloadFault fault = check_offload(packet);
  check(fault == judge(received, packet.head().size()), "a packet is judged by its first buffer");
  Segmenter segmenter;
  const std::uint32_t mtu = in.once_in(4) ? in.below(9000) : Segmenter::kAnyMtu;
  const OffloadFault refused = segmenter.start(std::move(packet), mtu);
  check(refused == fault || (fault == OffloadFault::none && refused == OffloadFault::oversize),
        "what has a fault is not cut");
  if (refused != OffloadFault::none) {
    packet.reset();  // NOLINT(bugprone-use-after-move): it stayed here
    return;
  }
  std::vector<Bytes> segments;
  const unsigned promised = segmenter.segments();
  while (!segmenter.done()) {
    std::vector<Packet> out(1 + in.below(40));
    const unsigned count = segmenter.next(pool, out);
    check(count != 0, "the pool is large enough");
    for (Packet& segment : std::span(out).first(count)) {
      check(check_offload(segment) == OffloadFault::none, "a segment is right");
      check(needed_for(segment.offload()).empty(), "a segment needs nothing of its reader");
      segments.push_back(bytes_of(segment));
    }
  }
  check(segments.size() == promised, "there are as many segments as was said");
  if (received.offload.gso_type != 0) check_segments(received, segments);
  check(pool.outstanding() == 0, "every packet is back");
}

}  // namespace
}  // namespace bellpull::netdrv::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  bellpull::netdrv::test::run(bellpull::ring::fuzz::Input({data, bytes}));
  return 0;
}
