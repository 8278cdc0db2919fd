// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <utility>
#include <vector>

#include "bellpull/netdrv/errno_class.hpp"
#include "faulty_backend.hpp"

namespace bellpull::netdrv {

using engine::Backend;
using engine::Done;
using engine::Op;

namespace {

constexpr unsigned kNoCopy = ~0U;

// A slot is a frame that the port wants to be sent. It is in line, held, on its way into the inner
// back-end (twice, if it is sent twice), inside, or ready to be reported. The inner back-end knows
// it by twice its number plus 1, and the second time by one more.
class FaultTransmit final : public FaultyBackend {
 public:
  FaultTransmit(std::unique_ptr<Backend> inner, FrameFaultChoice choice, const Clock& clock,
                FrameFaultCounters& counters)
      : FaultyBackend(std::move(inner), std::move(choice), clock, counters),
        slots_(size_),
        line_(size_),
        going_(2 * size_) {}

  unsigned start(std::span<const Op> ops) noexcept override {
    const auto count = static_cast<unsigned>(std::min(ops.size(), free_.size()));
    for (const Op& op : ops.first(count)) {
      const unsigned slot = free_.pop();
      slots_[slot] = {.op = op, .done = {.id = op.id, .bytes = bytes_in(op.source)}};
      line_.push(slot);
    }
    counters_.frames.add(count);
    if (count != 0 && asleep_) wait_.wake();
    return count;
  }

  engine::Reaped reap(std::span<Done> done) noexcept override {
    engine::Reaped reaped;
    asleep_ = false;
    again_ = false;
    if (!held_.empty()) held_.expire(wait_.now(), [this](unsigned slot) { send(slot); });
    bool dry = false;
    while (reaped.count < done.size()) {
      decide_all();
      if (!ready_.empty()) {
        done[reaped.count++] = report(ready_.pop());
        if (done[reaped.count - 1].error != 0) return reaped;
      } else if (inside_ == 0 || dry) {
        wait_.sleep(again_, held_);
        reaped.would_block = dry || again_ || !held_.empty();
        asleep_ = reaped.would_block && !dry;
        return reaped;
      } else {
        const unsigned before = inside_;
        dry = ask(done.size() - reaped.count);
        if (!dry && inside_ == before) return reaped;
      }
    }
    return reaped;
  }

  // What is on its way cannot be called back.
  bool cancel(std::uint64_t /*id*/) noexcept override { return false; }

  void stop() noexcept override {
    inner_->stop();
    line_.clear();
    going_.clear();
    ready_.clear();
    held_.clear();
    free_.clear();
    for (unsigned slot = 0; slot < size_; ++slot) {
      release_copy(slots_[slot]);
      slots_[slot] = {};
      free_.push(slot);
    }
    inside_ = 0;
    asleep_ = false;
  }

 private:
  struct Slot {
    Op op;
    Done done;  // as it will be reported
    engine::Segment segment{};
    unsigned copy = kNoCopy;
    unsigned sends = 0;  // not ended yet
    bool given = false;  // once at least
    bool dropped = false;
  };

  // Counted when it is told: what is stopped before is not sent, for the port.
  [[nodiscard]] Done report(unsigned slot) noexcept {
    if (slots_[slot].dropped) counters_.add(FrameFaultKind::drop);
    free_.push(slot);
    return slots_[slot].done;
  }

  // Decides on the frames in line, as long as the inner back-end takes them.
  void decide_all() noexcept {
    give();
    while (!line_.empty() && !again_ && going_.empty()) {
      decide(line_.front());
      give();
    }
  }

  void decide(unsigned number) noexcept {
    Slot& slot = slots_[number];
    const std::uint64_t bytes = slot.done.bytes;
    const FrameFault fault = choice_.next(look_at(slot.op.source, bytes));
    if (fault.rule == nullptr) return pass(number);
    const FrameFaultRule& rule = *fault.rule;
    switch (rule.kind) {
      case FrameFaultKind::error:
        if (classify_write(rule.error).reach == ErrnoClass::transient) {
          counters_.again.add(1);
          again_ = true;  // it is still the first
          return;
        }
        slot.done = {.id = slot.op.id, .error = rule.error};
        counters_.add(rule.kind);
        line_.pop();
        return ready_.push(number);
      case FrameFaultKind::drop:
        slot.dropped = true;
        line_.pop();
        return ready_.push(number);
      case FrameFaultKind::duplicate:
        pass(number);
        return send(number);
      case FrameFaultKind::corrupt:
      case FrameFaultKind::truncate:
        if (!copies_.fits(bytes)) break;
        spoil(slot, fault);
        counters_.add(rule.kind);
        return pass(number);
      case FrameFaultKind::reorder:
      case FrameFaultKind::delay:
        counters_.add(rule.kind);
        line_.pop();
        return held_.hold(number, rule, wait_.now());
      case FrameFaultKind::short_read:
        break;
    }
    counters_.crowded.add(1);
    pass(number);
  }

  // On a copy, because others may be reading the frame.
  void spoil(Slot& slot, const FrameFault& fault) noexcept {
    std::uint64_t bytes = slot.done.bytes;
    slot.copy = copies_.gather(slot.op.source, bytes);
    std::byte* const memory = copies_.memory(slot.copy);
    if (fault.rule->kind == FrameFaultKind::corrupt) {
      const FlippedBit bit(fault, bytes);
      memory[bit.at] ^= bit.mask;
    } else {
      bytes = cut_length(fault, bytes);
    }
    slot.segment = {memory, bytes};
    slot.op.source = {&slot.segment, 1};
  }

  void pass(unsigned slot) noexcept {
    line_.pop();
    send(slot);
    if (held_.empty()) return;
    held_.overtaken([this](unsigned other) { send(other); });
  }

  void send(unsigned slot) noexcept {
    ++slots_[slot].sends;
    going_.push(slot);
  }

  void give() noexcept {
    while (!going_.empty()) {
      const unsigned slot = going_.front();
      const bool second = slots_[slot].given;
      Op op = slots_[slot].op;
      op.id = 2 * std::uint64_t{slot} + 1 + (second ? 1 : 0);
      if (inner_->start({&op, 1}) != 1) return;
      slots_[slot].given = true;
      ++inside_;
      going_.pop();
    }
  }

  // Returns whether the device takes nothing before its wait source is ready.
  bool ask(std::size_t most) noexcept {
    bool would_block = false;
    for (const Done& done : reap_inner(most, would_block)) {
      const auto number = static_cast<unsigned>((done.id - 1) / 2);
      const bool second = (done.id - 1) % 2 != 0;
      Slot& slot = slots_[number];
      if (!second) {
        slot.done.error = done.error;
      } else if (done.error == 0) {
        counters_.add(FrameFaultKind::duplicate);
      }
      if (--slot.sends != 0) continue;
      release_copy(slot);
      ready_.push(number);
    }
    return would_block;
  }

  void release_copy(Slot& slot) noexcept {
    if (slot.copy != kNoCopy) copies_.release(std::exchange(slot.copy, kNoCopy));
  }

  std::vector<Slot> slots_;
  SlotFifo line_;        // to be decided on
  SlotFifo going_;       // decided on; the inner back-end has no room yet
  bool asleep_ = false;  // the engine waits for wait_source(), and the device is not why
};

}  // namespace

std::unique_ptr<Backend> make_fault_sender(std::unique_ptr<Backend> inner,
                                           const FrameFaultPlan& plan, const Clock& clock,
                                           FrameFaultCounters& counters) {
  FrameFaultChoice choice(plan, false);
  if (choice.empty()) return inner;
  return std::make_unique<FaultTransmit>(std::move(inner), std::move(choice), clock, counters);
}

}  // namespace bellpull::netdrv
