// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <span>
#include <stdexcept>

#include "bellpull/ring/mpsc_consumer.hpp"
#include "bellpull/ring/mpsc_producer.hpp"
#include "bellpull/ring/spsc_consumer.hpp"
#include "bellpull/ring/spsc_producer.hpp"
#include "value_element.hpp"
#include "value_memory.hpp"

namespace bellpull::bench {

/// Memory that holds a ring of ours, and what both kinds do in it: bursts are written and read in
/// place, single elements go by push() and pop(). Halves as they ship, counters and all.
template <class T, ring::ValueRing kKind>
class OurRing {
 public:
  using Value = T;
  OurRing(unsigned capacity, unsigned producers)
      : bytes_(ring::value_ring_bytes(kKind, ring::shape_of<T>(capacity, producers))) {
    require(ring::format_value_ring({bytes_.data(), bytes_.size()}, kKind,
                                    ring::shape_of<T>(capacity, producers), memory_));
  }

 protected:
  static void require(ring::SetupError error) {
    if (error != ring::SetupError::none) throw std::runtime_error("the ring does not attach");
  }

  template <class Producer>
  [[gnu::always_inline]] static unsigned put_into(Producer& producer, unsigned burst,
                                                  Source<T>& source) {
    if (burst == 1) return producer.push(source.make()) ? source.sent(1) : 0;
    auto batch = producer.reserve(burst);
    if (!batch) return 0;
    const ring::Runs<T> slots = batch.slots();
    source.fill(slots.first.data(), slots.first.size());
    source.sent(slots.first.size());
    source.fill(slots.second.data(), slots.second.size());
    source.sent(slots.second.size());
    batch.commit();
    return static_cast<unsigned>(slots.size());
  }

  template <class Consumer, class Sink>
  [[gnu::always_inline]] static unsigned get_from(Consumer& consumer, unsigned burst, Sink& sink) {
    if (burst == 1) {
      T value;
      return consumer.pop(value) ? sink.take(&value, 1) : 0;
    }
    const ring::Runs<T> values = consumer.peek(burst);
    if (values.empty()) return 0;
    sink.take(values.first.data(), values.first.size());
    sink.take(values.second.data(), values.second.size());
    consumer.release(static_cast<std::uint32_t>(values.size()));
    return static_cast<unsigned>(values.size());
  }

  ring::ValueMemory memory_;

 private:
  PageBytes bytes_;
};

/// Ours of one producer, with the calls that its documentation advises: in place, but copied where
/// a burst is half of the ring or more, since slots that are being filled or read are the other
/// side's to wait for.
template <class T>
class OurSpsc : public OurRing<T, ring::ValueRing::spsc> {
 public:
  OurSpsc(unsigned capacity, unsigned, unsigned)
      : OurRing<T, ring::ValueRing::spsc>(capacity, 1), capacity_(capacity) {
    this->require(producer_.attach(this->memory_));
    this->require(consumer_.attach(this->memory_));
  }
  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    if (2 * burst < capacity_) return this->put_into(producer_, burst, source);
    return source.sent(producer_.push(std::span<const T>(source.staged(burst), burst)));
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    if (2 * burst < capacity_) return this->get_from(consumer_, burst, sink);
    return sink.take(sink.stage(), consumer_.pop(std::span<T>(sink.stage(), burst)));
  }

 private:
  unsigned capacity_;
  alignas(128) ring::SpscProducer<T> producer_;
  alignas(128) ring::SpscConsumer<T> consumer_;
};

/// The same with elements copied in and out, as the copying peers do: the slots are free again
/// before their elements are looked at.
template <class T>
class OurCopyingSpsc : public OurRing<T, ring::ValueRing::spsc> {
 public:
  OurCopyingSpsc(unsigned capacity, unsigned, unsigned)
      : OurRing<T, ring::ValueRing::spsc>(capacity, 1) {
    this->require(producer_.attach(this->memory_));
    this->require(consumer_.attach(this->memory_));
  }
  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    return source.sent(producer_.push(std::span<const T>(source.staged(burst), burst)));
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    return sink.take(sink.stage(), consumer_.pop(std::span<T>(sink.stage(), burst)));
  }

 private:
  alignas(128) ring::SpscProducer<T> producer_;
  alignas(128) ring::SpscConsumer<T> consumer_;
};

/// Ours of several.
template <class T>
class OurMpsc : public OurRing<T, ring::ValueRing::mpsc> {
 public:
  OurMpsc(unsigned capacity, unsigned, unsigned producers)
      : OurRing<T, ring::ValueRing::mpsc>(capacity, producers) {
    for (unsigned i = 0; i < producers; ++i) {
      this->require(producers_[i].half.attach(this->memory_, i));
    }
    this->require(consumer_.attach(this->memory_));
  }
  [[gnu::always_inline]] unsigned put(unsigned producer, unsigned burst, Source<T>& source) {
    return this->put_into(producers_[producer].half, burst, source);
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    return this->get_from(consumer_, burst, sink);
  }

 private:
  struct alignas(128) Producer {
    ring::MpscProducer<T> half;
  };
  std::array<Producer, kMostProducers> producers_;
  alignas(128) ring::MpscConsumer<T> consumer_;
};

}  // namespace bellpull::bench
