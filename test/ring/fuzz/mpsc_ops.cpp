// SPDX-License-Identifier: BSD-2-Clause
// All operations of a value ring of up to three producers: against a queue of slots, or with a peer
// that writes over everything.
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "bellpull/ring/mpsc_consumer.hpp"
#include "bellpull/ring/mpsc_producer.hpp"
#include "entry.hpp"
#include "value_memory.hpp"

namespace bellpull::ring::fuzz {
namespace {

using Value = std::uint32_t;

template <class Trust>
class MpscWorld {
 public:
  static void run(Input in) {
    const std::uint32_t producers = 1 + in.below(3);
    MpscWorld world(in, producers);
    while (!in.empty()) world.act(in);
    world.finish();
  }

 private:
  using Producer = MpscProducer<Value, Trust>;
  using Batch = Reservation<Producer>;
  enum class Slot { open, value, skip };
  struct Claimed {
    Slot slot = Slot::open;
    std::uint32_t owner = 0;
    Value value = 0;
  };
  // A producer with what it reserved. One that dies does not cancel that.
  struct Worker {
    Producer half;
    alignas(Batch) std::array<std::byte, sizeof(Batch)> place;
    Batch* batch = nullptr;
    std::uint64_t position = 0;             // of the reservation, counted from the start
    bool dead = false;                      // and its slots are claimed
    std::optional<std::uint64_t> untested;  // the oldest position that it showed without a test
  };

  MpscWorld(Input& in, std::uint32_t producers)
      : ring_(ValueRing::mpsc, in, producers), workers_(producers) {
    for (std::uint32_t i = 0; i < producers; ++i) {
      check(workers_[i].half.attach(ring_.memory, i) == SetupError::none, "a producer is attached");
    }
    check(workers_[0].half.attach(ring_.memory, producers) == SetupError::producers_unfit,
          "a number that the ring does not have is refused");
    check(consumer_.attach(ring_.memory) == SetupError::none, "a consumer is attached");
  }

  void act(Input& in) {
    const std::uint32_t which = in.below(workers_.size());
    const std::uint32_t most = in.byte() % (ring_.shape.capacity + 3);
    switch (in.byte() % 16) {
      case 0:
      case 1:
      case 2:
        return reserve(which, most, in.once_in(2));
      case 3:
      case 4:
        return commit(in, which, most);
      case 5:
        return cancel(which);
      case 6:
        return push(which, most, in.once_in(2));
      case 7:
      case 8:
        return pop(most);
      case 9:
        return peek(most);
      case 10:
        return release(most);
      case 11:
        return arm();
      case 12:
        consumer_.disarm();
        if (consumer_.attached()) armed_ = false;
        return;
      case 13:
        return die(which);
      case 14:
        return recover(which);
      default:
        return hand_over(in, which);
    }
  }

  [[nodiscard]] std::uint32_t free() const {
    return ring_.shape.capacity - static_cast<std::uint32_t>(model_.size());
  }
  // Claims `count` slots for a producer, at the end of all.
  void claim(std::uint32_t which, std::uint32_t count) {
    workers_[which].position = head_ + model_.size();
    for (std::uint32_t i = 0; i < count; ++i) model_.push_back({Slot::open, which, 0});
  }
  [[nodiscard]] Claimed& at(std::uint64_t position) { return model_[position - head_]; }

  void reserve(std::uint32_t which, std::uint32_t most, bool all) {
    Worker& worker = workers_[which];
    if (worker.batch != nullptr || worker.dead) return;
    std::uint32_t wanted = std::min(most, free());
    if ((all && wanted != most) || !worker.half.attached()) wanted = 0;
    worker.batch = ::new (worker.place.data())
        Batch(all ? worker.half.reserve_all(most) : worker.half.reserve(most));
    check(worker.batch->size() == wanted, "as many slots are reserved as are free");
    check_runs(worker.batch->slots(), ring_.memory, most, number_);
    claim(which, wanted);
  }
  void commit(Input& in, std::uint32_t which, std::uint32_t most) {
    Worker& worker = workers_[which];
    if (worker.batch == nullptr || worker.dead) return;
    const std::uint32_t size = worker.batch->size();
    const std::uint32_t shown = std::min(most, size);
    for (std::uint32_t i = 0; i < size; ++i) {
      Claimed& claimed = at(worker.position + i);
      claimed.slot = i < shown ? Slot::value : Slot::skip;
      claimed.value = worker.batch->slots()[i] = ++number_;
    }
    if (in.once_in(2)) {
      const bool rang = worker.batch->commit_and_test(most);
      const std::uint64_t since = worker.untested.value_or(worker.position);
      check(rang == (size != 0 && armed_ && event_ >= since && event_ <= worker.position),
            "it rings for the slot that the consumer waits for, and for no other");
      if (size != 0) worker.untested.reset();
    } else {
      worker.batch->commit(most);
      if (size != 0) shown_untested(worker, worker.position);
    }
    std::destroy_at(worker.batch);
    worker.batch = nullptr;
  }
  static void shown_untested(Worker& worker, std::uint64_t position) {
    if (!worker.untested) worker.untested = position;
  }
  void cancel(std::uint32_t which) {
    Worker& worker = workers_[which];
    if (worker.batch == nullptr || worker.dead) return;
    skip(worker);
    if (worker.batch->size() != 0) shown_untested(worker, worker.position);
    std::destroy_at(worker.batch);
    worker.batch = nullptr;
  }
  void skip(Worker& worker) {
    for (std::uint32_t i = 0; i < worker.batch->size(); ++i) {
      at(worker.position + i).slot = Slot::skip;
    }
  }
  void push(std::uint32_t which, std::uint32_t most, bool one) {
    Worker& worker = workers_[which];
    if (worker.dead) return;
    if (worker.batch != nullptr) {
      check(worker.batch->size() == 0 || !worker.half.push(number_), "a claim is the only one");
      return;
    }
    std::vector<Value> values(one ? 1 : most);
    for (Value& value : values) value = ++number_;
    std::uint32_t wanted = std::min(static_cast<std::uint32_t>(values.size()), free());
    if (!worker.half.attached()) wanted = 0;
    const std::uint32_t count = one ? (worker.half.push(values[0]) ? 1U : 0U)
                                    : worker.half.push(std::span<const Value>(values));
    check(count == wanted, "as many values go in as there is room for");
    if (count != 0) shown_untested(worker, head_ + model_.size());
    for (std::uint32_t i = 0; i < count; ++i) model_.push_back({Slot::value, which, values[i]});
  }

  // What the consumer sees if it wants `most`: slots to be skipped that come first are gone then.
  [[nodiscard]] std::uint32_t ready(std::uint32_t most) {
    if (most == 0 || !consumer_.attached()) return 0;
    while (!model_.empty() && model_.front().slot == Slot::skip) {
      model_.pop_front();
      ++head_;
    }
    std::uint32_t count = 0;
    while (count < most && count < model_.size() && model_[count].slot == Slot::value) ++count;
    return count;
  }
  void went(std::uint32_t count) {
    model_.erase(model_.begin(), model_.begin() + count);
    head_ += count;
  }
  void pop(std::uint32_t most) {
    std::vector<Value> values(most);
    const std::uint32_t wanted = ready(most);
    check(consumer_.pop(std::span(values)) == wanted, "as many values come out as are committed");
    for (std::uint32_t i = 0; i < wanted; ++i) check(values[i] == model_[i].value, "in order");
    went(wanted);
    seen_ = std::max(seen_, wanted) - wanted;
  }
  void peek(std::uint32_t most) {
    const std::uint32_t wanted = ready(most);
    const Runs<Value> values = consumer_.peek(most);
    check(values.size() == wanted, "as many values are seen as are committed");
    for (std::uint32_t i = 0; i < wanted; ++i) check(values[i] == model_[i].value, "in order");
    seen_ = std::max(seen_, wanted);
  }
  void release(std::uint32_t most) {
    const std::uint32_t count = std::min(most, seen_);
    consumer_.release(count);
    went(count);
    seen_ -= count;
  }
  void arm() {
    const bool pending = consumer_.arm();
    if (!consumer_.attached()) return check(!pending, "a detached half does nothing");
    const bool committed = !model_.empty() && model_.front().slot != Slot::open;
    check(pending == committed, "arm() says whether the next slot is committed");
    if (seen_ != 0) return;
    armed_ = true;
    event_ = head_;
  }

  void die(std::uint32_t which) {
    Worker& worker = workers_[which];
    if (worker.dead || worker.batch == nullptr) return;
    worker.dead = worker.batch->size() != 0;
    if (!worker.dead) std::destroy_at(worker.batch);
    if (worker.dead) return;
    worker.batch = nullptr;
  }
  void recover(std::uint32_t which) {
    Worker& worker = workers_[which];
    if (worker.batch != nullptr && !worker.dead) return;
    const Recovery recovery = consumer_.recover(which);
    if (!consumer_.attached() || !worker.dead) {
      return check(recovery == Recovery::nothing, "nothing was to be recovered");
    }
    check(recovery == Recovery::recovered, "what a dead producer had claimed is recovered");
    skip(worker);
    worker.dead = false;
    worker.batch = nullptr;
    worker.untested.reset();
    check(worker.half.attach(ring_.memory, which) == SetupError::none, "a successor is attached");
  }
  void hand_over(Input& in, std::uint32_t which) {
    if (in.once_in(2)) {
      seen_ = 0;
      if (in.once_in(2)) return consumer_.detach();
      check(consumer_.attach(ring_.memory) == SetupError::none, "a consumer is attached");
      armed_ = false;
      return;
    }
    Worker& worker = workers_[which];
    if (worker.dead) {
      Producer another;
      check(another.attach(ring_.memory, which) == SetupError::producer_taken,
            "nobody takes the number of one who left slots");
    } else if (worker.batch == nullptr) {
      if (in.once_in(2)) return worker.half.detach();
      worker.untested.reset();
      check(worker.half.attach(ring_.memory, which) == SetupError::none, "a producer is attached");
    }
  }

  void finish() {
    check(consumer_.attach(ring_.memory) == SetupError::none, "a consumer is attached");
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
      workers_[i].dead ? recover(i) : cancel(i);
      check(workers_[i].half.counters().peer_faults == 0, "an honest peer has no faults");
    }
    while (!model_.empty()) pop(ring_.shape.capacity);
    pop(1);
  }

  MadeRing<Value> ring_;
  std::vector<Worker> workers_;
  MpscConsumer<Value, Trust> consumer_;
  std::deque<Claimed> model_;  // from the head to the tail
  std::uint64_t head_ = 0;
  std::uint64_t event_ = 0;
  bool armed_ = false;
  std::uint32_t seen_ = 0;
  std::uint32_t number_ = 0;
};

// Each half against a peer that writes everything, also between two accesses.
void run_hostile(Input in) {
  MadeRing<Value> ring(ValueRing::mpsc, in, 3);
  Scribbler peer(ring.memory, ring.storage->bytes(), in);
  std::array<MpscProducer<Value, Untrusted, RacyAccess>, 2> producers;
  MpscConsumer<Value, Untrusted, RacyAccess> consumer;
  std::uint32_t number = 0;
  std::vector<Value> values(40);
  while (!in.empty()) {
    auto& producer = producers[in.below(2)];
    const std::uint32_t most = in.byte() % 40;
    switch (in.byte() % 10) {
      case 0: {
        auto batch = in.once_in(2) ? producer.reserve_all(most) : producer.reserve(most);
        check_runs(batch.slots(), ring.memory, most, number);
        if (in.once_in(2)) {
          (void)batch.commit_and_test(in.byte() % 40);
        } else if (in.once_in(2)) {
          batch.commit();
        }
        break;
      }
      case 1:
        check(producer.push(std::span<const Value>(values).first(most)) <= ring.shape.capacity,
              "no more goes in than the ring holds");
        break;
      case 2:
        check_runs(consumer.peek(most), ring.memory, most, number);
        break;
      case 3:
        consumer.release(most);
        break;
      case 4:
        check(consumer.pop(std::span(values).first(most)) <= ring.shape.capacity,
              "no more comes out than the ring holds");
        break;
      case 5:
        in.once_in(4) ? consumer.disarm() : (void)consumer.arm();
        break;
      case 6:
        (void)consumer.recover(in.byte() % 4);
        break;
      case 7:
        peer.scribble();
        break;
      case 8:
        in.once_in(4) ? producer.detach() : (void)producer.attach(ring.memory, in.byte() % 4);
        break;
      default:
        in.once_in(4) ? consumer.detach() : (void)consumer.attach(ring.memory);
    }
  }
}

}  // namespace
}  // namespace bellpull::ring::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace bellpull::ring;
  fuzz::Input in({data, bytes});
  switch (in.byte() % 3) {
    case 0:
      fuzz::MpscWorld<Trusted>::run(in);
      break;
    case 1:
      fuzz::MpscWorld<Untrusted>::run(in);
      break;
    default:
      fuzz::run_hostile(in);
  }
  return 0;
}
