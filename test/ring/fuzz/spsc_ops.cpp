// SPDX-License-Identifier: BSD-2-Clause
// All operations of both halves of a value ring of one producer and one consumer: against a queue,
// or with a peer that writes over everything.
#include <deque>
#include <optional>
#include <vector>

#include "bellpull/ring/spsc_consumer.hpp"
#include "bellpull/ring/spsc_producer.hpp"
#include "entry.hpp"
#include "value_memory.hpp"

namespace bellpull::ring::fuzz {
namespace {

using Value = std::uint32_t;

/// Whether a side that was asked for a bell has to ring, or may.
struct Bell {
  bool must = false;
  bool may = false;
  bool stale = false;  // who asked went on without looking again

  void armed(bool pending) {
    may = true;
    must = !pending;
    stale = false;
  }
  void parked() { must = may = false; }
  // Who rings is another now, and does not know what the former one tested.
  void handed_over() {
    may = true;
    must = must && !stale;
  }
  void tested(bool rang) {
    check(rang || !must, "no wake-up is lost");
    check(!rang || may, "nobody rings who was not asked");
    if (rang) must = may = false;
  }
};

template <class Trust>
class SpscWorld {
 public:
  static void run(Input in) {
    SpscWorld world(in);
    while (!in.empty()) world.act(in);
    world.finish();
  }

 private:
  using Producer = SpscProducer<Value, Trust>;
  using Consumer = SpscConsumer<Value, Trust>;

  explicit SpscWorld(Input& in) : ring_(ValueRing::spsc, in, 1) {
    attach_producer();
    attach_consumer();
  }
  void attach_producer() {
    check(producer_.attach(ring_.memory) == SetupError::none, "a producer is attached");
    space_.parked();
    data_.handed_over();
    pushed_ = 0;
  }
  void attach_consumer() {
    check(consumer_.attach(ring_.memory) == SetupError::none, "a consumer is attached");
    data_.parked();
    space_.handed_over();
    popped_ = 0;
  }

  void act(Input& in) {
    const std::uint32_t most = in.byte() % (ring_.shape.capacity + 3);
    switch (in.byte() % 16) {
      case 0:
      case 1:
        return reserve(most, in.once_in(2));
      case 2:
        return commit(in, most);
      case 3:
        return batch_.reset();
      case 4:
      case 5:
        return push(most, in.once_in(3));
      case 6:
      case 7:
        return pop(most);
      case 8:
        return peek(most);
      case 9:
      case 10:
        return release(in, most);
      case 11:
        if (producer_.attached()) space_.armed(arm_producer());
        return;
      case 12:
        if (consumer_.attached()) data_.armed(arm_consumer());
        return;
      case 13:
        return in.once_in(2) ? park_producer() : park_consumer();
      default:
        return hand_over(in);
    }
  }

  [[nodiscard]] std::uint32_t free() const {
    return ring_.shape.capacity - static_cast<std::uint32_t>(model_.size());
  }

  void reserve(std::uint32_t most, bool all) {
    if (batch_) return;
    batch_.emplace(all ? producer_.reserve_all(most) : producer_.reserve(most));
    std::uint32_t wanted = std::min(most, free());
    if (all && wanted != most) wanted = 0;
    if (!producer_.attached()) wanted = 0;
    check(batch_->size() == wanted, "as many slots are reserved as are free");
    check_runs(batch_->slots(), ring_.memory, most, number_);
    batch_->slots().for_each([this](Value& slot) { slot = ++number_; });
  }
  void commit(Input& in, std::uint32_t most) {
    if (!batch_) return;
    const std::uint32_t size = batch_->size();
    const bool count = in.once_in(2);
    const std::uint32_t shown = count ? std::min(most, size) : size;
    for (std::uint32_t i = 0; i < shown; ++i) {
      model_.push_back(batch_->slots()[i]);
    }
    pushed_ += shown;
    space_.stale = true;
    if (in.once_in(2)) {
      const bool rang = count ? batch_->commit_and_test(most) : batch_->commit_and_test();
      if (shown == 0) check(!rang, "nothing shown, nothing rung");
      if (shown != 0) data_.tested(rang);
    } else {
      count ? batch_->commit(most) : batch_->commit();
    }
    batch_.reset();
  }
  void push(std::uint32_t most, bool one) {
    if (batch_) return;
    std::vector<Value> values(one ? 1 : most);
    for (Value& value : values) value = ++number_;
    std::uint32_t wanted = std::min(static_cast<std::uint32_t>(values.size()), free());
    if (!producer_.attached()) wanted = 0;
    const std::uint32_t count = one ? (producer_.push(values[0]) ? 1U : 0U)
                                    : producer_.push(std::span<const Value>(values));
    check(count == wanted, "as many values go in as there is room for");
    model_.insert(model_.end(), values.begin(), values.begin() + count);
    pushed_ += count;
    space_.stale = true;
  }
  [[nodiscard]] std::uint32_t ready(std::uint32_t most) const {
    return consumer_.attached() ? std::min(most, static_cast<std::uint32_t>(model_.size())) : 0;
  }
  void pop(std::uint32_t most) {
    std::vector<Value> values(most);
    const std::uint32_t wanted = ready(most);
    check(consumer_.pop(std::span(values)) == wanted, "as many values come out as there are");
    for (std::uint32_t i = 0; i < wanted; ++i) check(values[i] == model_[i], "in order");
    went(wanted);
    seen_ = 0;
  }
  void peek(std::uint32_t most) {
    const Runs<Value> values = consumer_.peek(most);
    check(values.size() == ready(most), "as many values are seen as there are");
    for (std::size_t i = 0; i < values.size(); ++i) check(values[i] == model_[i], "in order");
    seen_ = std::max(seen_, values.size());
  }
  void release(Input& in, std::uint32_t most) {
    // How many were seen only the half knows; never more than there are.
    const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(most, seen_));
    if (!consumer_.attached()) {
      consumer_.release(0);
      check(!consumer_.release_and_test(0), "a detached half does nothing");
      return;
    }
    went(count);
    seen_ -= count;
    if (!in.once_in(2)) return consumer_.release(count);
    const bool rang = consumer_.release_and_test(count);
    if (count == 0) check(!rang, "nothing released, nothing rung");
    if (count != 0) space_.tested(rang);
  }
  void went(std::uint32_t count) {
    model_.erase(model_.begin(), model_.begin() + count);
    popped_ += count;
    data_.stale = true;
  }
  bool arm_producer() {
    const bool room = producer_.arm();
    check(room == (free() != 0), "arm() says whether there is room");
    return room;
  }
  bool arm_consumer() {
    const bool data = consumer_.arm();
    check(data == !model_.empty(), "arm() says whether there is a value");
    return data;
  }
  void park_producer() {
    producer_.disarm();
    if (producer_.attached()) space_.parked();
  }
  void park_consumer() {
    consumer_.disarm();
    if (consumer_.attached()) data_.parked();
  }
  void hand_over(Input& in) {
    const bool producer = in.once_in(2);
    if (producer && batch_) return;
    check_counters();
    if (in.once_in(2)) {
      producer ? producer_.detach() : consumer_.detach();
      seen_ = producer ? seen_ : 0;
    } else if (producer) {
      attach_producer();
    } else {
      seen_ = 0;
      attach_consumer();
    }
  }
  void check_counters() const {
    check(producer_.counters().values == pushed_, "the producer counts its values");
    check(consumer_.counters().values == popped_, "the consumer counts its values");
    check(producer_.counters().peer_faults + consumer_.counters().peer_faults == 0,
          "an honest peer has no faults");
  }
  void finish() {
    batch_.reset();
    check_counters();
    seen_ = 0;
    attach_consumer();
    pop(ring_.shape.capacity);
    check(model_.empty(), "all values come out");
  }

  MadeRing<Value> ring_;
  Producer producer_;
  Consumer consumer_;
  std::optional<Reservation<Producer>> batch_;
  std::deque<Value> model_;
  Bell data_;
  Bell space_;
  std::uint64_t pushed_ = 0;
  std::uint64_t popped_ = 0;
  std::size_t seen_ = 0;
  std::uint32_t number_ = 0;
};

// Each half against a peer that writes everything, also between two accesses.
void run_hostile(Input in) {
  MadeRing<Value> ring(ValueRing::spsc, in, 1);
  Scribbler peer(ring.memory, ring.storage->bytes(), in);
  SpscProducer<Value, Untrusted, RacyAccess> producer;
  SpscConsumer<Value, Untrusted, RacyAccess> consumer;
  std::uint32_t number = 0;
  std::vector<Value> values(40);
  while (!in.empty()) {
    const std::uint32_t most = in.byte() % 40;
    switch (in.byte() % 10) {
      case 0: {
        auto batch = producer.reserve(most);
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
        (void)consumer.release_and_test(most);
        break;
      case 4:
        check(consumer.pop(std::span(values).first(most)) <= ring.shape.capacity,
              "no more comes out than the ring holds");
        break;
      case 5:
        (void)producer.arm();
        (void)consumer.arm();
        break;
      case 6:
        producer.disarm();
        consumer.disarm();
        break;
      case 7:
        peer.scribble();
        break;
      case 8:
        in.once_in(4) ? producer.detach() : (void)producer.attach(ring.memory);
        break;
      default:
        in.once_in(4) ? consumer.detach() : (void)consumer.attach(ring.memory);
    }
    check(producer.known_room() <= ring.shape.capacity, "no more room than the ring has");
  }
}

}  // namespace
}  // namespace bellpull::ring::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace bellpull::ring;
  fuzz::Input in({data, bytes});
  switch (in.byte() % 3) {
    case 0:
      fuzz::SpscWorld<Trusted>::run(in);
      break;
    case 1:
      fuzz::SpscWorld<Untrusted>::run(in);
      break;
    default:
      fuzz::run_hostile(in);
  }
  return 0;
}
