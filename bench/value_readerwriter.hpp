// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <readerwriterqueue/readerwritercircularbuffer.h>
#include <readerwriterqueue/readerwriterqueue.h>

#include "value_element.hpp"

namespace bellpull::bench {

/// readerwriterqueue, kept to what it allocated first: one block, one element less than the
/// capacity. Knows no bursts, one element after the other.
template <class T>
class ReaderWriterQueue {
 public:
  using Value = T;
  ReaderWriterQueue(unsigned capacity, unsigned, unsigned) : queue_(capacity - 1) {}

  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    unsigned sent = 0;
    while (sent < burst && queue_.try_enqueue(source.make())) sent += source.sent(1);
    return sent;
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    unsigned taken = 0;
    for (T value; taken < burst && queue_.try_dequeue(value);) taken += sink.take(&value, 1);
    return taken;
  }

 private:
  alignas(128) moodycamel::ReaderWriterQueue<T> queue_;
};

/// Its circular buffer, which can also block and counts for that in semaphores.
template <class T>
class ReaderWriterCircular {
 public:
  using Value = T;
  ReaderWriterCircular(unsigned capacity, unsigned, unsigned) : queue_(capacity) {}

  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    unsigned sent = 0;
    while (sent < burst && queue_.try_enqueue(source.make())) sent += source.sent(1);
    return sent;
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    unsigned taken = 0;
    for (T value; taken < burst && queue_.try_dequeue(value);) taken += sink.take(&value, 1);
    return taken;
  }

 private:
  alignas(128) moodycamel::BlockingReaderWriterCircularBuffer<T> queue_;
};

}  // namespace bellpull::bench
