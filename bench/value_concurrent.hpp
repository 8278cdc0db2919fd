// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <concurrentqueue/concurrentqueue.h>

#include <optional>

#include "value_element.hpp"

namespace bellpull::bench {

/// concurrentqueue with tokens, kept to what it allocated first, which is more than the capacity. A
/// burst goes in whole or not at all.
template <class T>
class ConcurrentQueue {
 public:
  using Value = T;
  ConcurrentQueue(unsigned capacity, unsigned, unsigned producers)
      : queue_(capacity, producers, 0), consumer_(queue_) {
    for (unsigned i = 0; i < producers; ++i) producers_[i].token.emplace(queue_);
  }

  [[gnu::always_inline]] unsigned put(unsigned producer, unsigned burst, Source<T>& source) {
    moodycamel::ProducerToken& token = *producers_[producer].token;
    if (burst == 1) return queue_.try_enqueue(token, source.make()) ? source.sent(1) : 0;
    return queue_.try_enqueue_bulk(token, source.staged(burst), burst) ? source.sent(burst) : 0;
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    if (burst == 1) {
      T value;
      return queue_.try_dequeue(consumer_, value) ? sink.take(&value, 1) : 0;
    }
    return sink.take(sink.stage(), queue_.try_dequeue_bulk(consumer_, sink.stage(), burst));
  }

 private:
  struct alignas(128) Producer {
    std::optional<moodycamel::ProducerToken> token;
  };
  alignas(128) moodycamel::ConcurrentQueue<T> queue_;
  alignas(128) moodycamel::ConsumerToken consumer_;
  std::array<Producer, kMostProducers> producers_;
};

}  // namespace bellpull::bench
