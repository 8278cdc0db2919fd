// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/order.hpp"
#include "bellpull/ring/trust.hpp"
#include "bellpull/ring/value_counters.hpp"
#include "bellpull/ring/value_event.hpp"
#include "bellpull/ring/value_layout.hpp"

namespace bellpull::ring::detail {

// The producer's side of a ring of one producer and one consumer, as positions: what is in the
// slots it does not know. The tail is its own; of the head it keeps what it saw last and looks
// again only when that does not do.
template <class Trust, class Access>
class SpscProducerPositions {
 public:
  [[nodiscard]] SetupError start(const ValueMemory& memory) noexcept {
    const std::uint64_t tail = Access::template load<Site::tail_poll>(memory.control->tail.value);
    const std::uint64_t head = Access::template load<Site::head_poll>(memory.control->head.value);
    if (tail - head > memory.capacity) return SetupError::state_invalid;
    control_ = memory.control;
    capacity_ = memory.capacity;
    tail_ = tail;
    limit_ = head + capacity_;
    tested_ = head;  // nobody knows what a former owner tested; a bell too many is harmless
    disarm();
    return SetupError::none;
  }

  [[nodiscard]] bool attached() const noexcept { return control_ != nullptr; }
  [[nodiscard]] std::uint64_t tail() const noexcept { return tail_; }

  // How many slots are free, up to `wanted`. Looks at the head only if it has to, and once.
  [[nodiscard, gnu::always_inline]] std::uint32_t room(std::uint32_t wanted,
                                                       ProducerCounters& counters) noexcept {
    std::uint64_t free = limit_ - tail_;
    if (free < wanted) {
      look<Site::head_poll>(counters);
      free = limit_ - tail_;
    }
    return free < wanted ? static_cast<std::uint32_t>(free) : wanted;
  }

  // Free slots as far as known without a look.
  [[nodiscard]] std::uint32_t known_room() const noexcept {
    return static_cast<std::uint32_t>(limit_ - tail_);
  }

  // `count` values more are in the slots: shows them.
  [[gnu::always_inline]] void publish(std::uint32_t count) noexcept {
    tail_ += count;
    Access::template store<Site::tail_publish>(control_->tail.value, tail_);
  }

  // publish(), and whether the consumer asked to hear of one of them, or of one since the last
  // test.
  [[nodiscard]] bool publish_and_test(std::uint32_t count) noexcept {
    tail_ += count;
    Access::template store<Site::tail_publish_tested>(control_->tail.value, tail_);
    const std::uint64_t event =
        Access::template load<Site::data_event_test>(control_->data_event.value);
    const std::uint64_t before = tested_;
    tested_ = tail_;
    return value_event_crossed(event, before, tail_);
  }

  // Asks to be told when a slot becomes free. True when one is.
  [[nodiscard]] bool arm(ProducerCounters& counters) noexcept {
    // The head's next step is the one that makes room in a ring that is full.
    Access::template store<Site::space_event_arm>(control_->space_event.value, limit_ - capacity_);
    look<Site::head_recheck>(counters);
    return limit_ != tail_;
  }

  void disarm() noexcept {
    Access::template store<Site::space_event_park>(control_->space_event.value,
                                                   value_event_parked(tail_));
  }

 private:
  template <Site site>
  void look(ProducerCounters& counters) noexcept {
    if (!attached()) return;
    const std::uint64_t head = Access::template load<site>(control_->head.value);
    if constexpr (Trust::kChecks) {
      // Not past what was published, and never back. Otherwise what was seen last holds.
      if (tail_ - head > capacity_ || head + capacity_ - limit_ > capacity_) [[unlikely]] {
        if constexpr (Access::kCounters) ++counters.peer_faults;
        return;
      }
    }
    limit_ = head + capacity_;
  }

  // Without a ring the tail is where no reservation of a ring can be.
  static constexpr std::uint64_t kNowhere = std::uint64_t{1} << 63U;

  ValueControl* control_ = nullptr;
  std::uint64_t tail_ = kNowhere;
  std::uint64_t limit_ =
      kNowhere;  // the head as last seen, and a capacity: where the tail must stop
  std::uint64_t tested_ = 0;
  std::uint64_t capacity_ = 0;
};

// The consumer's side.
template <class Trust, class Access>
class SpscConsumerPositions {
 public:
  [[nodiscard]] SetupError start(const ValueMemory& memory) noexcept {
    const std::uint64_t head = Access::template load<Site::head_poll>(memory.control->head.value);
    const std::uint64_t tail = Access::template load<Site::tail_poll>(memory.control->tail.value);
    if (tail - head > memory.capacity) return SetupError::state_invalid;
    control_ = memory.control;
    capacity_ = memory.capacity;
    head_ = head;
    seen_ = tail;
    tested_ = head - capacity_;  // as in the producer
    disarm();
    return SetupError::none;
  }

  [[nodiscard]] bool attached() const noexcept { return control_ != nullptr; }
  [[nodiscard]] std::uint64_t head() const noexcept { return head_; }

  // How many values wait, up to `wanted`. Looks at the tail only if it has to, and once.
  [[nodiscard, gnu::always_inline]] std::uint32_t ready(std::uint32_t wanted,
                                                        ConsumerCounters& counters) noexcept {
    std::uint64_t waiting = seen_ - head_;
    if (waiting < wanted) {
      look<Site::tail_poll>(counters);
      waiting = seen_ - head_;
      if constexpr (Access::kCounters) {
        if (waiting > counters.most_waiting) counters.most_waiting = waiting;
        if (waiting == 0) ++counters.empty;
      }
    }
    return waiting < wanted ? static_cast<std::uint32_t>(waiting) : wanted;
  }

  // Values that wait, as far as known without a look.
  [[nodiscard]] std::uint32_t known_ready() const noexcept {
    return static_cast<std::uint32_t>(seen_ - head_);
  }

  // The slots of `count` values are free.
  [[gnu::always_inline]] void release(std::uint32_t count) noexcept {
    head_ += count;
    Access::template store<Site::head_publish>(control_->head.value, head_);
  }

  // release(), and whether the producer asked to hear of one of them, or of one since the last
  // test.
  [[nodiscard]] bool release_and_test(std::uint32_t count) noexcept {
    head_ += count;
    Access::template store<Site::head_publish_tested>(control_->head.value, head_);
    const std::uint64_t event =
        Access::template load<Site::space_event_test>(control_->space_event.value);
    const std::uint64_t before = tested_;
    tested_ = head_;
    return value_event_crossed(event, before, head_);
  }

  // Asks to be told of the next value. True when there is one already.
  [[nodiscard]] bool arm(ConsumerCounters& counters) noexcept {
    Access::template store<Site::data_event_arm>(control_->data_event.value, seen_);
    look<Site::tail_recheck>(counters);
    return seen_ != head_;
  }

  void disarm() noexcept {
    Access::template store<Site::data_event_park>(control_->data_event.value,
                                                  value_event_parked(head_));
  }

 private:
  template <Site site>
  void look(ConsumerCounters& counters) noexcept {
    if (!attached()) return;
    const std::uint64_t tail = Access::template load<site>(control_->tail.value);
    if constexpr (Trust::kChecks) {
      // Not more than the ring holds, and never back. Otherwise what was seen last holds.
      if (tail - head_ > capacity_ || tail - head_ < seen_ - head_) [[unlikely]] {
        if constexpr (Access::kCounters) ++counters.peer_faults;
        return;
      }
    }
    seen_ = tail;
  }

  ValueControl* control_ = nullptr;
  std::uint64_t head_ = 0;
  std::uint64_t seen_ = 0;  // the tail as last seen
  std::uint64_t tested_ = 0;
  std::uint64_t capacity_ = 0;
};

}  // namespace bellpull::ring::detail
