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

// A slot is a buffer that the port has posted. It is empty outside (to be given to the inner
// back-end or filled with a copy), inside, arrived with a frame to be decided on, held, or ready to
// be reported. The inner back-end knows it by its number plus 1.
class FaultReceive final : public FaultyBackend {
 public:
  FaultReceive(std::unique_ptr<Backend> inner, FrameFaultChoice choice, const Clock& clock,
               FrameFaultCounters& counters)
      : FaultyBackend(std::move(inner), std::move(choice), clock, counters),
        slots_(size_),
        outside_(size_),
        arrived_(size_),
        doubles_(FrameCopies::kMost) {}

  unsigned start(std::span<const Op> ops) noexcept override {
    const auto count = static_cast<unsigned>(std::min(ops.size(), free_.size()));
    for (const Op& op : ops.first(count)) {
      const unsigned slot = free_.pop();
      slots_[slot].op = op;
      outside_.push(slot);
    }
    const bool none_inside = inside_ == 0;
    give();
    // The engine may sleep on a device that it has not asked, or while there is something to
    // report.
    if (asleep_ && (!ready_.empty() || (none_inside && inside_ != 0))) wait_.wake();
    return count;
  }

  engine::Reaped reap(std::span<Done> done) noexcept override {
    engine::Reaped reaped;
    asleep_ = false;
    again_ = false;
    if (!held_.empty()) held_.expire(wait_.now(), [this](unsigned slot) { ready_.push(slot); });
    bool dry = false;
    while (reaped.count < done.size()) {
      if (!ready_.empty()) {
        done[reaped.count++] = report(ready_.pop());
        if (done[reaped.count - 1].error != 0) return reaped;
      } else if (again_ || (arrived_.empty() && (dry || inside_ == 0))) {
        wait_.sleep(again_, held_);
        asleep_ = true;
        reaped.would_block = true;
        return reaped;
      } else if (!arrived_.empty()) {
        decide(arrived_.front());
      } else {
        dry = ask(done.size() - reaped.count);
        if (!dry && arrived_.empty()) return reaped;
      }
    }
    return reaped;
  }

  bool cancel(std::uint64_t id) noexcept override {
    for (unsigned slot = 0; slot < size_; ++slot) {
      if (!slots_[slot].inside || slots_[slot].op.id != id) continue;
      if (!inner_->cancel(slot + 1)) return false;
      slots_[slot].inside = false;
      --inside_;
      free_.push(slot);
      return true;
    }
    return false;
  }

  void stop() noexcept override {
    inner_->stop();
    counters_.lost.add(held_.size() + arrived_.size());
    for (; !ready_.empty(); ready_.pop()) {
      if (slots_[ready_.front()].done.error == 0) counters_.lost.add(1);
    }
    while (!doubles_.empty()) copies_.release(doubles_.pop());
    outside_.clear();
    arrived_.clear();
    held_.clear();
    free_.clear();
    for (unsigned slot = 0; slot < size_; ++slot) {
      slots_[slot] = {};
      free_.push(slot);
    }
    inside_ = 0;
    asleep_ = false;
  }

 private:
  struct Slot {
    Op op;
    Done done;
    bool inside = false;
  };

  [[nodiscard]] Done report(unsigned slot) noexcept {
    free_.push(slot);
    return slots_[slot].done;
  }

  // Finds a use for the empty buffers: for the other ones of frames that come twice, and inside.
  void give() noexcept {
    for (; !outside_.empty() && !doubles_.empty(); outside_.pop()) {
      Slot& slot = slots_[outside_.front()];
      const unsigned copy = doubles_.pop();
      slot.done = {.id = slot.op.id, .bytes = copies_.scatter(copy, slot.op.destination)};
      copies_.release(copy);
      counters_.add(FrameFaultKind::duplicate);
      ready_.push(outside_.front());
    }
    while (!outside_.empty()) {
      const unsigned slot = outside_.front();
      Op op = slots_[slot].op;
      op.id = slot + 1;
      if (inner_->start({&op, 1}) != 1) break;
      slots_[slot].inside = true;
      ++inside_;
      outside_.pop();
    }
  }

  // Returns whether the device has nothing before its wait source is ready.
  bool ask(std::size_t most) noexcept {
    bool would_block = false;
    for (const Done& done : reap_inner(most, would_block)) {
      const auto number = static_cast<unsigned>(done.id - 1);
      Slot& slot = slots_[number];
      slot.inside = false;
      slot.done = done;
      slot.done.id = slot.op.id;
      if (done.error == 0) counters_.frames.add(1);
      arrived_.push(number);
    }
    return would_block;
  }

  // What becomes of the first that arrived.
  void decide(unsigned slot) noexcept {
    Done& done = slots_[slot].done;
    const std::span<const engine::Segment> frame = slots_[slot].op.destination;
    FrameFault fault;
    if (done.error == 0) fault = choice_.next(look_at(frame, done.bytes));
    if (fault.rule == nullptr) return pass(slot);
    const FrameFaultRule& rule = *fault.rule;
    switch (rule.kind) {
      case FrameFaultKind::error:
        if (classify_read(rule.error).reach == ErrnoClass::transient) {
          counters_.again.add(1);
          again_ = true;  // it is still the first
          return;
        }
        done = {.id = done.id, .error = rule.error};
        break;
      case FrameFaultKind::drop:
        arrived_.pop();
        outside_.push(slot);
        counters_.add(rule.kind);
        return give();
      case FrameFaultKind::duplicate:
        if (!copies_.fits(done.bytes)) return pass_crowded(slot);
        doubles_.push(copies_.gather(frame, done.bytes));
        pass(slot);
        return give();
      case FrameFaultKind::corrupt: {
        const FlippedBit bit(fault, done.bytes);
        byte_at(frame, bit.at) ^= bit.mask;
        break;
      }
      case FrameFaultKind::short_read:
      case FrameFaultKind::truncate:
        done.bytes = cut_length(fault, done.bytes);
        break;
      case FrameFaultKind::reorder:
      case FrameFaultKind::delay:
        if (inside_ + arrived_.size() == 1) return pass_crowded(slot);  // the last buffer
        arrived_.pop();
        held_.hold(slot, rule, wait_.now());
        return counters_.add(rule.kind);
    }
    counters_.add(rule.kind);
    pass(slot);
  }

  void pass(unsigned slot) noexcept {
    arrived_.pop();
    ready_.push(slot);
    if (held_.empty()) return;
    held_.overtaken([this](unsigned other) { ready_.push(other); });
  }

  void pass_crowded(unsigned slot) noexcept {
    counters_.crowded.add(1);
    pass(slot);
  }

  std::vector<Slot> slots_;
  SlotFifo outside_;
  SlotFifo arrived_;
  SlotFifo doubles_;     // copies that wait for a buffer
  bool asleep_ = false;  // the engine waits for wait_source()
};

}  // namespace

std::unique_ptr<Backend> make_fault_receiver(std::unique_ptr<Backend> inner,
                                             const FrameFaultPlan& plan, const Clock& clock,
                                             FrameFaultCounters& counters) {
  FrameFaultChoice choice(plan, true);
  if (choice.empty()) return inner;
  return std::make_unique<FaultReceive>(std::move(inner), std::move(choice), clock, counters);
}

}  // namespace bellpull::netdrv
