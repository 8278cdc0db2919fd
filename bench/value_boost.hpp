// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

#include "value_element.hpp"

namespace bellpull::bench {

/// Boost.Lockfree, one producer: its capacity is a constant, bursts go by push and pop of arrays.
template <class T, unsigned kCapacity>
class BoostSpsc {
 public:
  using Value = T;
  BoostSpsc(unsigned, unsigned, unsigned) {}

  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    if (burst == 1) return queue_.push(source.make()) ? source.sent(1) : 0;
    return source.sent(queue_.push(source.staged(burst), burst));
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    if (burst == 1) {
      T value;
      return queue_.pop(value) ? sink.take(&value, 1) : 0;
    }
    return sink.take(sink.stage(), queue_.pop(sink.stage(), burst));
  }

 private:
  alignas(128) boost::lockfree::spsc_queue<T, boost::lockfree::capacity<kCapacity>> queue_;
};

/// Boost.Lockfree, several producers: knows no bursts, one element after the other.
template <class T>
class BoostMpsc {
 public:
  using Value = T;
  BoostMpsc(unsigned capacity, unsigned, unsigned) : queue_(capacity) {}

  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    unsigned sent = 0;
    while (sent < burst && queue_.bounded_push(source.make())) sent += source.sent(1);
    return sent;
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    unsigned taken = 0;
    for (T value; taken < burst && queue_.pop(value);) taken += sink.take(&value, 1);
    return taken;
  }

 private:
  alignas(128) boost::lockfree::queue<T, boost::lockfree::fixed_sized<true>> queue_;
};

}  // namespace bellpull::bench
