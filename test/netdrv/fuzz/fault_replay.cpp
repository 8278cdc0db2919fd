// SPDX-License-Identifier: BSD-2-Clause
// A plan of faults from anybody, and a device that is ready or not as the input says: no plan
// breaks the parser, every transfer is reported once and only once, no frame is without a counter,
// and the same input makes the same trace.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "../../ring/fuzz/entry.hpp"
#include "../../ring/fuzz/input.hpp"
#include "bellpull/netdrv/errno_class.hpp"
#include "bellpull/netdrv/fault_link.hpp"

namespace bellpull::netdrv::fuzz {
namespace {

using ring::fuzz::check;
using ring::fuzz::Input;
using Trace = std::vector<std::uint64_t>;

constexpr unsigned kBuffers = 6;
constexpr std::size_t kRoom = 200;

/// A device in memory, which says itself when it has something and when it takes something.
class Device final : public engine::Backend {
 public:
  Device(engine::Operation operation, unsigned& ready) : operation_(operation), ready_(ready) {}

  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return {.operations = {operation_}, .max_segments = 2, .max_length = 1U << 17};
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override {
    return kBuffers - static_cast<unsigned>(ops_.size());
  }
  unsigned start(std::span<const engine::Op> ops) noexcept override {
    unsigned taken = 0;
    while (taken < ops.size() && window() != 0) ops_.push_back(ops[taken++]);
    return taken;
  }
  engine::Reaped reap(std::span<engine::Done> done) noexcept override {
    engine::Reaped reaped;
    while (reaped.count < done.size() && !ops_.empty()) {
      if (ready_ == 0) {
        reaped.would_block = true;
        break;
      }
      --ready_;
      const engine::Op op = ops_.front();
      ops_.erase(ops_.begin());
      done[reaped.count++] = {
          .id = op.id, .bytes = op.operation == engine::Operation::read ? fill(op) : take(op)};
    }
    return reaped;
  }
  bool cancel(std::uint64_t) noexcept override { return false; }
  void stop() noexcept override { ops_.clear(); }

  Trace trace;              // of what was taken
  std::uint64_t moved = 0;  // frames

 private:
  std::uint64_t fill(const engine::Op& op) noexcept {
    const std::uint64_t bytes = 12 + (moved * 13) % (kRoom - 12);
    std::uint64_t at = 0;
    for (const engine::Segment& segment : op.destination) {
      for (std::size_t i = 0; i < segment.length && at < bytes; ++i, ++at) {
        segment.data[i] = static_cast<std::byte>(moved + at);
      }
    }
    ++moved;
    return bytes;
  }
  std::uint64_t take(const engine::Op& op) noexcept {
    std::uint64_t sum = 0;
    std::uint64_t bytes = 0;
    for (const engine::Segment& segment : op.source) {
      bytes += segment.length;
      for (std::size_t i = 0; i < segment.length; ++i) {
        sum = sum * 31 + std::to_integer<std::uint64_t>(segment.data[i]);
      }
    }
    trace.push_back(sum);
    ++moved;
    return bytes;
  }

  const engine::Operation operation_;
  unsigned& ready_;
  std::vector<engine::Op> ops_;
};

struct DeviceLink final : Link {
  [[nodiscard]] std::string_view name() const noexcept override { return "fuzzed"; }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return 1500; }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override {
    return make(engine::Operation::read);
  }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override {
    return make(engine::Operation::write);
  }
  std::unique_ptr<engine::Backend> make(engine::Operation operation) {
    auto made = std::make_unique<Device>(operation, ready);
    device = made.get();
    return made;
  }
  unsigned ready = 0;
  Device* device = nullptr;
};

std::uint64_t read_clock(void* context) noexcept {
  return *static_cast<const std::uint64_t*>(context);
}

class World {
 public:
  World(const FrameFaultPlan& plan, bool reads, Input in)
      : link_(device_link_, plan, {&read_clock, &now_}),
        reads_(reads),
        backend_(reads ? link_.make_receiver() : link_.make_sender()) {
    while (!in.empty()) act(in);
    // Time enough for everything that is held back; a plan may let nothing through for ever.
    for (unsigned i = 0; i < 64; ++i) {
      now_ += 60'000'000'000;
      device_link_.ready = reads ? 0 : 1000;
      reap(16);
    }
    judge();
    backend_->stop();
  }
  Trace trace;

 private:
  void act(Input& in) {
    const std::uint8_t what = in.byte();
    switch (what % 4) {
      case 0:
      case 1:
        return start(what / 4);
      case 2:
        device_link_.ready += what / 4 % 8;
        return reap(1 + what / 32);
      default:
        now_ += std::uint64_t{what} * 100'000;
    }
  }

  void start(unsigned number) {
    const unsigned i = number % kBuffers;
    if (busy_[i] || backend_->window() == 0) return;
    if (!reads_) {
      for (std::size_t b = 0; b < kRoom; ++b) buffers_[i][b] = static_cast<std::byte>(started_ * b);
    }
    segments_[i][0] = {buffers_[i].data(), 20};
    segments_[i][1] = {buffers_[i].data() + 20, kRoom - 20 - (reads_ ? 0 : started_ % 100)};
    engine::Op op;
    op.id = i + 1;
    op.operation = reads_ ? engine::Operation::read : engine::Operation::write;
    (reads_ ? op.destination : op.source) = segments_[i];
    check(backend_->start({&op, 1}) == 1, "a back-end takes what its window has room for");
    busy_[i] = true;
    ++started_;
  }

  void reap(std::size_t most) {
    std::array<engine::Done, 16> done;
    const engine::Reaped reaped = backend_->reap(std::span(done).first(most));
    check(reaped.count <= most, "no more is reported than asked for");
    for (const engine::Done& d : std::span(done).first(reaped.count)) {
      check(d.id != 0 && d.id <= kBuffers && busy_[d.id - 1], "each transfer is reported once");
      check(d.bytes <= kRoom, "no more bytes than there is room for");
      busy_[d.id - 1] = false;
      ++(d.error == 0 ? good_ : failed_);
      trace.insert(trace.end(), {d.id, d.bytes, static_cast<std::uint64_t>(d.error)});
      for (std::uint64_t b = 0; reads_ && b < d.bytes; ++b) {
        trace.push_back(std::to_integer<std::uint64_t>(buffers_[d.id - 1][b]));
      }
    }
  }

  // What is under way still is neither here nor there: only inequalities until it is over.
  void judge() {
    const FrameFaultCounts counts = reads_ ? link_.rx() : link_.tx();
    trace.insert(trace.end(), counts.faults.begin(), counts.faults.end());
    trace.insert(trace.end(), {counts.again, counts.crowded, counts.frames});
    const Trace& taken = device_link_.device->trace;
    trace.insert(trace.end(), taken.begin(), taken.end());
    if (counts.frames == 0) return;  // nothing, or no rule for this direction
    const std::uint64_t drop = counts.of(FrameFaultKind::drop);
    const std::uint64_t twice = counts.of(FrameFaultKind::duplicate);
    const std::uint64_t failed = counts.of(FrameFaultKind::error);
    const bool stalled = counts.again != 0;
    check(failed_ <= failed, "who fails is counted");
    if (reads_) {
      check(counts.frames == device_link_.device->moved, "each frame of the device is counted");
      check(good_ + drop + failed <= counts.frames + twice, "no frame comes from nowhere");
      check(stalled || good_ + drop + failed == counts.frames + twice, "no frame is lost");
    } else {
      check(counts.frames == started_, "each frame of the port is counted");
      check(stalled || good_ + failed == counts.frames, "no frame is lost");
      check(stalled || device_link_.device->moved == good_ - drop + twice,
            "each is where it is said");
    }
  }

  std::uint64_t now_ = 1;
  DeviceLink device_link_;
  FaultLink link_;
  const bool reads_;
  std::array<std::array<std::byte, kRoom>, kBuffers> buffers_{};
  std::array<std::array<engine::Segment, 2>, kBuffers> segments_{};
  std::array<bool, kBuffers> busy_{};
  std::uint64_t started_ = 0;
  std::uint64_t good_ = 0;
  std::uint64_t failed_ = 0;
  std::unique_ptr<engine::Backend> backend_;
};

void run(std::string_view text, Input in) {
  const ParsedFrameFaults parsed = parse_frame_faults(text);
  if (!parsed) {
    check(parsed.plan == FrameFaultPlan{}, "what is refused leaves no plan");
    return;
  }
  const ParsedFrameFaults again = parse_frame_faults(to_text(parsed.plan));
  check(again && again.plan == parsed.plan, "a plan is the same when it was written and read");
  for (const bool reads : {true, false}) {
    const World first(parsed.plan, reads, in);
    const World second(parsed.plan, reads, in);
    check(first.trace == second.trace, "the same input makes the same trace");
  }
}

}  // namespace
}  // namespace bellpull::netdrv::fuzz

// A plan up to the first newline, then what happens.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view all(reinterpret_cast<const char*>(data), bytes);
  const std::size_t end = std::min(all.find('\n'), all.size());
  const std::size_t rest = std::min(end + 1, all.size());
  bellpull::netdrv::fuzz::run(all.substr(0, end),
                              bellpull::ring::fuzz::Input(std::span(data, bytes).subspan(rest)));
  return 0;
}
