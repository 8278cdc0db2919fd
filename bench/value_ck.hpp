// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "ck_calls.h"
#include "value_element.hpp"
#include "value_memory.hpp"

namespace bellpull::bench {

/// ConcurrencyKit's ring of pointers. Elements of 8 bytes travel as the pointer itself, larger ones
/// lie in a pool of the producer, large enough that none is written again while it may be read, and
/// pointers to them travel. Holds one less than its size, which is the capacity.
template <class T, bool kManyProducers>
class CkRing {
 public:
  using Value = T;
  CkRing(unsigned capacity, unsigned burst, unsigned producers)
      : ring_(bench_ck_make(capacity)), pool_slots_(capacity + 2 * burst) {
    if (ring_ == nullptr) throw std::bad_alloc();
    for (unsigned i = 0; i < producers && !kInPointer; ++i) {
      pools_[i].elements = std::make_unique<PageBytes>(pool_slots_ * sizeof(T));
    }
  }

  [[gnu::always_inline]] unsigned put(unsigned producer, unsigned burst, Source<T>& source) {
    Pool& pool = pools_[producer];
    if (pool.made != source.next()) {
      make(pool, burst, source);
      pool.made = source.next();
    }
    const unsigned done = kManyProducers
                              ? bench_ck_put_mpsc(ring_.get(), pool.pointers.data(), burst)
                              : bench_ck_put_spsc(ring_.get(), pool.pointers.data(), burst);
    pool.next = wrapped(pool.next + done);
    return source.sent(done);
  }

  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    std::array<void*, kMostBurst> pointers;
    const unsigned count = kManyProducers ? bench_ck_get_mpsc(ring_.get(), pointers.data(), burst)
                                          : bench_ck_get_spsc(ring_.get(), pointers.data(), burst);
    for (unsigned i = 0; i < count; ++i) {
      if constexpr (kInPointer) {
        const T element = std::bit_cast<T>(pointers[i]);
        sink.take(&element, 1);
      } else {
        sink.take(static_cast<const T*>(pointers[i]), 1);
      }
    }
    return count;
  }

 private:
  static constexpr bool kInPointer = sizeof(T) == sizeof(void*);

  struct alignas(128) Pool {
    std::unique_ptr<PageBytes> elements;
    unsigned next = 0;
    std::uint64_t made = ~std::uint64_t{0};
    std::array<void*, kMostBurst> pointers;
  };
  struct Free {
    void operator()(bench_ck* ring) const { bench_ck_free(ring); }
  };

  [[nodiscard]] unsigned wrapped(unsigned slot) const {
    return slot < pool_slots_ ? slot : slot - pool_slots_;
  }
  void make(Pool& pool, unsigned burst, const Source<T>& source) {
    if constexpr (kInPointer) {
      source.fill(reinterpret_cast<T*>(pool.pointers.data()), burst);
    } else {
      T* const elements = reinterpret_cast<T*>(pool.elements->data());
      const unsigned to_end = pool_slots_ - pool.next;
      const unsigned first = burst < to_end ? burst : to_end;
      source.fill(elements + pool.next, first);
      source.fill(elements, burst - first, first);
      for (unsigned i = 0; i < burst; ++i) pool.pointers[i] = elements + wrapped(pool.next + i);
    }
  }

  std::unique_ptr<bench_ck, Free> ring_;
  unsigned pool_slots_;
  std::array<Pool, kMostProducers> pools_;
};

}  // namespace bellpull::bench
