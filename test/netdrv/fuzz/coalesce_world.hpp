// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bellpull/netdrv/offload.hpp"
#include "netdrv/offload_frames.hpp"
#include "ring/fuzz/input.hpp"

// A burst of frames made from decisions, merged and cut again. What must come out is said by code
// that knows neither the Coalescer nor the Segmenter.

namespace bellpull::netdrv::test {

using ring::fuzz::Input;

/// A frame of the burst.
struct BurstFrame {
  Bytes bytes;
  Offload offload;
};

/// Makes frames of a few flows that mostly go on where the one before ended, and mostly are right.
class BurstMaker {
 public:
  explicit BurstMaker(Input& in) : in_(in), flows_(1 + in.below(4)) {
    for (Flow& flow : flows_) begin(flow);
  }

  BurstFrame next() {
    Flow& flow = flows_[in_.below(flows_.size())];
    switch (in_.byte() % 16) {
      case 15:
        return garbage();
      case 14:
        change(flow.common);
        break;
      case 13:
        flow.piece.sequence += in_.below(3) * 100;
        flow.piece.id += in_.below(3);
        break;
      case 12:
        flow.size = 1 + in_.below(in_.once_in(16) ? 9000 : 1000);
        break;
      default:
        break;
    }
    return make(flow);
  }

 private:
  struct Flow {
    FlowFrame common;
    Piece piece;
    std::size_t size = 100;
  };

  void begin(Flow& flow) {
    const unsigned kind = in_.byte();
    flow.common.tcp = (kind & 1) == 0;
    flow.common.v6 = (kind & 2) != 0;
    if ((kind & 4) != 0) flow.common.flags_and_offset = 0;
    if ((kind & 8) != 0) flow.piece.id = 0;
    if ((kind & 16) != 0) flow.common.link.tags = {{0x8100, 5}};
    if ((kind & 32) != 0) flow.common.tcp_options.clear();
    if ((kind & 64) != 0) flow.common.to_port = 443;
    if ((kind & 128) != 0) flow.piece.sequence = 0xffffff00;
    flow.size = 1 + in_.below(400);
  }

  void change(FlowFrame& common) {
    switch (in_.byte() % 8) {
      case 0:
        ++common.ack;
        break;
      case 1:
        ++common.window;
        break;
      case 2:
        common.tos ^= 2;
        break;
      case 3:
        --common.ttl;
        common.ttl &= 0xff;
        break;
      case 4:
        common.flags_and_offset ^= 0x4000;
        break;
      case 5:
        common.link.tags.push_back({0x88a8, 1});
        break;
      case 6:
        common.ip_options = in_.once_in(2) ? Bytes{1, 1, 1, 0} : Bytes{};
        break;
      default:
        common.tcp_options.clear();
    }
  }

  BurstFrame make(Flow& flow) {
    const unsigned kind = in_.byte();
    Piece& piece = flow.piece;
    std::size_t bytes = flow.size;
    if (kind % 8 == 7) bytes = in_.below(flow.size + 2);
    piece.data = pattern(bytes);
    if (kind % 16 == 6) piece.data.back() = in_.byte();
    piece.flags = kAck;
    if (kind % 32 == 5) piece.flags = in_.byte();
    if (kind % 16 == 4) piece.flags |= kPsh;
    BurstFrame frame;
    if (kind >= 192) {
      frame = {partial_frame(flow.common, piece), partial_offload(flow.common)};
      if (kind % 32 == 3) frame.offload = super_offload(flow.common, 1 + in_.below(1500));
    } else {
      frame.bytes = wire_frame(flow.common, piece);
    }
    if (kind % 32 == 2) frame.bytes.resize(frame.bytes.size() + in_.below(8));
    if (kind % 32 == 1) frame.bytes[in_.below(frame.bytes.size())] ^= in_.byte();
    const bool id_stays = piece.id == 0 && (flow.common.flags_and_offset & 0x4000) != 0;
    piece.sequence += static_cast<unsigned>(bytes);
    if (!id_stays) piece.id = (piece.id + 1) & 0xffff;
    return frame;
  }

  BurstFrame garbage() {
    Bytes bytes(in_.below(120));
    for (std::uint8_t& byte : bytes) byte = in_.byte();
    Offload offload;
    offload.flags = in_.byte();
    offload.gso_type = in_.byte();
    offload.csum_start = in_.byte();
    return {bytes, offload};
  }

  Input& in_;
  std::vector<Flow> flows_;
};

/// What tells the flow of a frame: type, protocol, addresses and ports, if it has them.
inline Bytes flow_key(const Bytes& frame) {
  try {
    std::size_t ip = 14;
    unsigned type = get16(frame, 12);
    for (; type == 0x8100 || type == 0x88a8; ip += 4) type = get16(frame, ip + 2);
    const bool v6 = type == 0x86dd;
    if (!v6 && type != 0x0800) return {};
    const unsigned protocol = frame.at(ip + (v6 ? 6 : 9));
    if (protocol != 6 && protocol != 17) return {};
    if (!v6 && (frame.at(ip) != 0x45 || (get16(frame, ip + 6) & 0x3fff) != 0)) return {};
    const std::size_t begin = ip + (v6 ? 8 : 12);
    return joined({Writer().u8(protocol), detail::slice(frame, begin, ip + (v6 ? 44 : 24))});
  } catch (const std::out_of_range&) {
    return {};
  }
}

/// A frame as a wire would have it: a partial checksum completed, if it can be.
inline Bytes completed(const BurstFrame& frame) {
  Bytes bytes = frame.bytes;
  const std::size_t at = std::size_t{frame.offload.csum_start} + frame.offload.csum_offset;
  if ((frame.offload.flags & 1) == 0 || frame.offload.gso_type != 0 ||
      frame.offload.csum_start < 14 || at + 2 > bytes.size()) {
    return bytes;
  }
  unsigned sum = reference_checksum(detail::slice(bytes, frame.offload.csum_start, bytes.size()));
  if (sum == 0 && frame.offload.csum_offset == 6) sum = 0xffff;
  set16(bytes, at, sum);
  return bytes;
}

inline bool same_offload(const Offload& a, const Offload& b) {
  return a.flags == b.flags && a.gso_type == b.gso_type && a.gso_size == b.gso_size &&
         a.csum_start == b.csum_start && a.csum_offset == b.csum_offset;
}

/// Merges a burst and cuts it again. Says what is wrong with what came out; empty if nothing.
/// Counts the frames that were merged.
class RoundTrip {
 public:
  std::string run(Input in) {
    OffloadSet accepted = OffloadSet::all();
    const unsigned less = in.byte();
    if (less < kOffloadFeatures.size()) accepted = accepted - OffloadSet{kOffloadFeatures[less]};
    const unsigned limit = in.byte() % 4 == 0 ? 2 + in.byte() % 127 : Coalescer::kUdpSegments;
    BurstMaker maker(in);
    const std::size_t count = 1 + in.below(kMostFrames);
    frames_.clear();
    burst_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      frames_.push_back(maker.next());
      burst_.push_back(packet_of(pool_, frames_.back().bytes, frames_.back().offload));
      came_[burst_.back().buffer()] = i;
    }
    Coalescer coalescer(accepted, limit);
    const unsigned kept = coalescer.coalesce(burst_, pool_);
    merged_ += coalescer.merged();
    if (kept + coalescer.merged() != count) return "as many frames are merged as are missing";
    std::map<Bytes, std::vector<Bytes>> expected;
    for (const BurstFrame& frame : frames_) {
      const Bytes bytes = completed(frame);
      expected[flow_key(bytes)].push_back(bytes);
    }
    std::map<Bytes, std::vector<Bytes>> found;
    for (unsigned i = 0; i < kept; ++i) {
      const std::string fault = take_apart(burst_[i], accepted, limit, found);
      if (!fault.empty()) return fault;
    }
    burst_.clear();
    if (found != expected) return "what is cut again is what went in, in the order of each flow";
    return pool_.outstanding() == 0 ? "" : "every packet is back";
  }
  [[nodiscard]] std::uint64_t merged() const { return merged_; }

 private:
  static constexpr std::size_t kMostFrames = 60;
  static constexpr PacketPoolOptions kBuffers = {.heads = 400, .tails = 260};

  std::string take_apart(Packet& packet, OffloadSet accepted, unsigned limit,
                         std::map<Bytes, std::vector<Bytes>>& found) {
    const BurstFrame& was = frames_[came_.at(packet.buffer())];
    const BurstFrame is = {bytes_of(packet), packet.offload()};
    if (is.bytes == was.bytes && same_offload(is.offload, was.offload)) {
      const Bytes bytes = completed(was);
      found[flow_key(bytes)].push_back(bytes);
      return "";
    }
    if (!accepted.contains(needed_for(is.offload))) return "only what is accepted is made";
    Segmenter segmenter;
    if (segmenter.start(std::move(packet)) != OffloadFault::none) return "what is made can be cut";
    if (is.offload.gso_type == 5 && segmenter.segments() > limit) return "the limit is kept";
    if (segmenter.segments() < 2) return "a superframe has two segments or more";
    while (!segmenter.done()) {
      std::vector<Packet> out(7);
      const unsigned count = segmenter.next(pool_, out);
      if (count == 0) return "the pool is large enough";
      for (unsigned i = 0; i < count; ++i) {
        const Bytes bytes = bytes_of(out[i]);
        if (!wire_right(bytes)) return "lengths and checksums of what is cut are right";
        found[flow_key(bytes)].push_back(bytes);
      }
    }
    return "";
  }

  PacketPool pool_{kBuffers};
  std::vector<BurstFrame> frames_;
  std::vector<Packet> burst_;
  std::map<const PacketBuffer*, std::size_t> came_;
  std::uint64_t merged_ = 0;
};

}  // namespace bellpull::netdrv::test
