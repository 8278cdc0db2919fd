// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/fault_backend.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "fault_choice.hpp"
#include "fault_effect.hpp"

namespace bellpull::engine {

namespace {

constexpr unsigned kMostHeld = 1024, kBatch = 64;

class FaultBackend final : public Backend {
 public:
  FaultBackend(std::unique_ptr<Backend> inner, const FaultPlan& plan, FaultCounters& counters)
      : inner_(std::move(inner)),
        capabilities_(inner_->capabilities()),
        most_(std::clamp(inner_->window(), 1u, kMostHeld)),
        choice_(plan, capabilities_.alignment),
        counters_(counters) {
    held_.reserve(most_);
    lists_.resize(std::size_t{most_} * 2 * capabilities_.max_segments);
    for (unsigned i = most_; i-- > 0;) free_lists_.push_back(i);
    // Two reports of each that one reap() of the inner one ends, and of those that wait for them.
    queue_.reserve(std::size_t{2} * (kBatch + most_));
  }

  [[nodiscard]] Capabilities capabilities() const noexcept override { return capabilities_; }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return inner_->wait_source(); }
  [[nodiscard]] unsigned window() const noexcept override {
    return std::min(inner_->window(), most_ - static_cast<unsigned>(held_.size()));
  }

  unsigned start(std::span<const Op> ops) noexcept override {
    unsigned started = 0;
    while (started < ops.size() && window() != 0 && take(ops[started])) ++started;
    counters_.transfers.add(started);
    return started;
  }

  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    for (Held& held : held_) {
      if (held.place != Place::inside && held.reaps != 0) --held.reaps;
    }
    if (sent_ == queue_.size()) reaped.would_block = collect(done.size());
    while (reaped.count < done.size() && sent_ < queue_.size()) {
      const Done& next = done[reaped.count++] = queue_[sent_++];
      if (next.error != 0) break;
    }
    reaped.would_block = reaped.would_block && sent_ == queue_.size();
    return reaped;
  }

  bool cancel(std::uint64_t id) noexcept override {
    const auto held = find(id);
    if (held == held_.end() || held->place == Place::ended) return false;
    if (held->place == Place::inside && !inner_->cancel(id)) return false;
    drop(held);
    return true;
  }

  void stop() noexcept override {
    inner_->stop();
    for (const Held& held : held_) free_lists_.push_back(held.lists);
    held_.clear();
    queue_.clear();
    sent_ = 0;
  }

  [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
    for (const Held& held : held_) {
      if (held.op.id != id) continue;
      if (held.place == Place::inside) return inner_->progress(id);
      return held.place == Place::ended ? held.done.bytes : 0;
    }
    for (std::size_t i = sent_; i < queue_.size(); ++i) {
      if (queue_[i].id == id) return queue_[i].bytes;
    }
    return 0;
  }

  void woken(std::uint32_t events) noexcept override { inner_->woken(events); }
  void pause() noexcept override { inner_->pause(); }
  void resume() noexcept override { inner_->resume(); }

 private:
  enum class Place : std::uint8_t {
    inside,   // the inner back-end has it
    waiting,  // it never got there, and fails in its turn
    parked,   // it never got there: stuck, or fails when its time is over
    ended,    // the inner back-end is done with it, the report waits
  };
  struct Held {
    Op op;  // as it came
    Done done;
    Fault fault;
    std::uint64_t reaps = 0;
    unsigned lists = 0;
    Place place = Place::inside;
    bool hit = false;
  };
  using Position = std::vector<Held>::iterator;

  bool take(const Op& op) noexcept {
    const std::optional<Fault> fault = choice_.look(op);
    Held held;
    held.op = op;
    held.fault = fault.value_or(Fault{});
    held.hit = fault.has_value();
    held.lists = free_lists_.back();
    Op given = op;
    if (held.hit) prepare(held, given);
    if (held.place == Place::inside && inner_->start({&given, 1}) != 1) return false;
    choice_.taken(op);
    free_lists_.pop_back();
    held_.push_back(held);
    if (held.hit && held.fault.kind == FaultKind::stuck) count(held);
    return true;
  }

  void prepare(Held& held, Op& given) noexcept {
    const Fault& fault = held.fault;
    held.done = {
        .id = given.id, .error = fault.error, .side = fault.side, .segment = fault.segment};
    held.reaps = fault.reaps;
    if (fault.kind == FaultKind::stuck || fault.kind == FaultKind::timeout) {
      held.place = Place::parked;
    } else if (shortens(fault.kind) && fault.cut == 0) {
      held.place = Place::waiting;
      if (fault.kind == FaultKind::false_success) {
        held.done = {.id = given.id, .bytes = bytes_of(given), .value = given.seed};
      }
    } else if (shortens(fault.kind)) {
      const auto lists =
          std::span(lists_).subspan(std::size_t{held.lists} * 2 * capabilities_.max_segments,
                                    std::size_t{2} * capabilities_.max_segments);
      given.source = cut_off(given.source, fault.cut, lists.first(capabilities_.max_segments));
      given.destination =
          cut_off(given.destination, fault.cut, lists.last(capabilities_.max_segments));
    }
  }

  // Fills the queue; true when it stays as it is until the wait source says otherwise.
  bool collect(std::size_t room) noexcept {
    queue_.clear();
    sent_ = 0;
    release();
    if (queue_.size() >= room) return false;
    const std::size_t most = std::min<std::size_t>(room - queue_.size(), kBatch);
    const Reaped reaped = inner_->reap(std::span(batch_).first(most));
    for (const Done& done : std::span(batch_).first(std::min<std::size_t>(reaped.count, most))) {
      end(done);
    }
    bool inside = false;
    for (const Held& held : held_) {
      if (held.place == Place::inside) {
        inside = true;
      } else if (held.fault.kind != FaultKind::stuck) {
        return false;  // time goes by in calls of reap() only: nothing would wake who sleeps
      }
    }
    return reaped.would_block && inside;
  }

  // Reports those whose time or turn has come.
  void release() noexcept {
    bool first = true;
    for (auto held = held_.begin(); held != held_.end();) {
      const FaultKind kind = held->fault.kind;
      const bool timed = held->place == Place::ended || held->place == Place::parked;
      first = first && held->place != Place::inside;
      const bool due = (held->place == Place::waiting && first) ||
                       (timed && kind != FaultKind::stuck && held->reaps == 0);
      if (due) {
        queue_.push_back(held->done);
        count(*held);
      }
      held = due ? drop(held) : held + 1;
    }
  }

  void end(const Done& done) noexcept {
    const auto held = find(done.id);
    if (held == held_.end() || held->place != Place::inside) {
      queue_.push_back(done);  // its own invention: not this one's to judge
      return;
    }
    if (!held->hit) {
      queue_.push_back(done);
    } else if (held->fault.kind == FaultKind::late && held->reaps != 0) {
      held->done = done;
      held->place = Place::ended;
      return;
    } else {
      spoil(*held, done);
    }
    drop(held);
    release();
  }

  void spoil(const Held& held, Done done) noexcept {
    if (apply(held.fault, held.op, done)) count(held);
    if (held.fault.kind == FaultKind::garbage_id) {
      std::uint64_t id = held.fault.random;
      while (find(id) != held_.end()) ++id;
      queue_.push_back({.id = id});
    } else if (held.fault.kind == FaultKind::duplicate) {
      queue_.push_back(done);
    }
    queue_.push_back(done);
  }

  void count(const Held& held) noexcept {
    counters_.faults[static_cast<unsigned>(held.fault.kind)].add(1);
  }

  [[nodiscard]] Position find(std::uint64_t id) noexcept {
    return std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.op.id == id; });
  }

  Position drop(Position held) noexcept {
    free_lists_.push_back(held->lists);
    return held_.erase(held);
  }

  const std::unique_ptr<Backend> inner_;
  const Capabilities capabilities_;
  const unsigned most_;
  FaultChoice choice_;
  FaultCounters& counters_;
  std::vector<Held> held_;      // in the order of start()
  std::vector<Segment> lists_;  // of those that were cut off
  std::vector<unsigned> free_lists_;
  std::vector<Done> queue_;  // reports that are to be given out
  std::size_t sent_ = 0;     // of these
  std::array<Done, kBatch> batch_;
};

}  // namespace

std::unique_ptr<Backend> make_fault_backend(std::unique_ptr<Backend> inner, const FaultPlan& plan,
                                            FaultCounters& counters) {
  if (!inner) throw std::invalid_argument("fault back-end: there is no back-end inside; make one");
  return std::make_unique<FaultBackend>(std::move(inner), plan, counters);
}

}  // namespace bellpull::engine
