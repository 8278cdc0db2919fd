// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>
#include <stdexcept>

#include "bellpull/ring/spsc_consumer.hpp"
#include "bellpull/ring/spsc_producer.hpp"
#include "value_element.hpp"
#include "value_memory.hpp"

namespace bellpull::bench {

/// Ours as it ships, counters and all: bursts are written and read in place, single elements go by
/// push() and pop().
template <class T>
class OursSpsc {
 public:
  using Value = T;
  OursSpsc(unsigned capacity, unsigned, unsigned)
      : memory_(ring::value_ring_bytes(ring::ValueRing::spsc, ring::shape_of<T>(capacity))) {
    ring::ValueMemory memory;
    if (ring::format_value_ring({memory_.data(), memory_.size()}, ring::ValueRing::spsc,
                                ring::shape_of<T>(capacity), memory) != ring::SetupError::none ||
        producer_.attach(memory) != ring::SetupError::none ||
        consumer_.attach(memory) != ring::SetupError::none) {
      throw std::runtime_error("the ring does not attach");
    }
  }

  unsigned put(unsigned, unsigned burst, Source<T>& source) {
    if (burst == 1) return producer_.push(source.make()) ? source.sent(1) : 0;
    auto batch = producer_.reserve(burst);
    if (!batch) return 0;
    const ring::Runs<T> slots = batch.slots();
    source.fill(slots.first.data(), slots.first.size());
    source.sent(slots.first.size());
    source.fill(slots.second.data(), slots.second.size());
    source.sent(slots.second.size());
    batch.commit();
    return static_cast<unsigned>(slots.size());
  }

  template <class Sink>
  unsigned get(unsigned burst, Sink& sink) {
    if (burst == 1) {
      T value;
      return consumer_.pop(value) ? sink.take(&value, 1) : 0;
    }
    const ring::Runs<T> values = consumer_.peek(burst);
    if (values.empty()) return 0;
    sink.take(values.first.data(), values.first.size());
    sink.take(values.second.data(), values.second.size());
    consumer_.release(static_cast<std::uint32_t>(values.size()));
    return static_cast<unsigned>(values.size());
  }

 private:
  PageBytes memory_;
  alignas(128) ring::SpscProducer<T> producer_;
  alignas(128) ring::SpscConsumer<T> consumer_;
};

}  // namespace bellpull::bench
