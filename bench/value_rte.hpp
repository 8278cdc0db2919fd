// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>
#include <rte_ring_rts.h>

#include <stdexcept>

#include "value_element.hpp"
#include "value_memory.hpp"

namespace bellpull::bench {

/// An rte_ring in memory of our own, which needs nothing else of DPDK to run. It holds exactly the
/// capacity, for which it takes twice as many slots.
template <class T>
class RteRing {
 public:
  RteRing(unsigned capacity, unsigned flags)
      : memory_(static_cast<std::size_t>(rte_ring_get_memsize_elem(sizeof(T), 2 * capacity))),
        ring(reinterpret_cast<rte_ring*>(memory_.data())) {
    if (rte_ring_init(ring, "bench", capacity, RING_F_EXACT_SZ | flags) != 0) {
      throw std::runtime_error("rte_ring_init refuses the ring");
    }
  }

 private:
  PageBytes memory_;

 public:
  rte_ring* const ring;
};

/// The consumer of all that copy.
template <class T>
class RteCopyOut {
 public:
  using Value = T;
  RteCopyOut(unsigned capacity, unsigned flags) : ring_(capacity, RING_F_SC_DEQ | flags) {}

  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    if (burst == 1) {
      T value;
      return rte_ring_sc_dequeue_elem(ring_.ring, &value, sizeof(T)) == 0 ? sink.take(&value, 1)
                                                                          : 0;
    }
    return sink.take(sink.stage(), rte_ring_sc_dequeue_burst_elem(ring_.ring, sink.stage(),
                                                                  sizeof(T), burst, nullptr));
  }

 protected:
  RteRing<T> ring_;
};

/// One producer, elements copied in and out.
template <class T>
class RteSpsc : public RteCopyOut<T> {
 public:
  RteSpsc(unsigned capacity, unsigned, unsigned) : RteCopyOut<T>(capacity, RING_F_SP_ENQ) {}

  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    rte_ring* const ring = this->ring_.ring;
    if (burst == 1) {
      T value = source.make();
      return rte_ring_sp_enqueue_elem(ring, &value, sizeof(T)) == 0 ? source.sent(1) : 0;
    }
    return source.sent(
        rte_ring_sp_enqueue_burst_elem(ring, source.staged(burst), sizeof(T), burst, nullptr));
  }
};

/// One producer, elements written and read in the ring.
template <class T>
class RteZeroCopy {
 public:
  using Value = T;
  RteZeroCopy(unsigned capacity, unsigned, unsigned)
      : ring_(capacity, RING_F_SP_ENQ | RING_F_SC_DEQ) {}

  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    rte_ring_zc_data slots;
    const unsigned count =
        rte_ring_enqueue_zc_burst_elem_start(ring_.ring, sizeof(T), burst, &slots, nullptr);
    if (count == 0) return 0;
    source.fill(static_cast<T*>(slots.ptr1), slots.n1);
    source.sent(slots.n1);
    if (count > slots.n1) {
      source.fill(static_cast<T*>(slots.ptr2), count - slots.n1);
      source.sent(count - slots.n1);
    }
    rte_ring_enqueue_zc_elem_finish(ring_.ring, count);
    return count;
  }
  template <class Sink>
  [[gnu::always_inline]] unsigned get(unsigned burst, Sink& sink) {
    rte_ring_zc_data slots;
    const unsigned count =
        rte_ring_dequeue_zc_burst_elem_start(ring_.ring, sizeof(T), burst, &slots, nullptr);
    if (count == 0) return 0;
    sink.take(static_cast<const T*>(slots.ptr1), slots.n1);
    if (count > slots.n1) sink.take(static_cast<const T*>(slots.ptr2), count - slots.n1);
    rte_ring_dequeue_zc_elem_finish(ring_.ring, count);
    return count;
  }

 private:
  RteRing<T> ring_;
};

/// Several producers; relaxed: the mode that is made for producers who may lose their core.
template <class T, bool kRelaxed>
class RteMpsc : public RteCopyOut<T> {
 public:
  RteMpsc(unsigned capacity, unsigned, unsigned)
      : RteCopyOut<T>(capacity, kRelaxed ? RING_F_MP_RTS_ENQ : 0) {}

  [[gnu::always_inline]] unsigned put(unsigned, unsigned burst, Source<T>& source) {
    rte_ring* const ring = this->ring_.ring;
    const T* const from = source.staged(burst);
    if constexpr (kRelaxed) {
      return source.sent(rte_ring_mp_rts_enqueue_burst_elem(ring, from, sizeof(T), burst, nullptr));
    } else {
      return source.sent(rte_ring_mp_enqueue_burst_elem(ring, from, sizeof(T), burst, nullptr));
    }
  }
};

}  // namespace bellpull::bench
