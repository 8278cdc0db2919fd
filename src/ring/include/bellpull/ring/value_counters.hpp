// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// What one producer of a value ring has counted since attach(). Its own thread reads it.
struct ProducerCounters {
  std::uint64_t values = 0;            ///< put into the ring
  std::uint64_t publishes = 0;         ///< batches shown to the consumer
  std::uint64_t full = 0;              ///< values that found no room and stayed with the caller
  std::uint64_t dropped = 0;           ///< values that found no room and were let go
  std::uint64_t cancelled = 0;         ///< slots reserved and not committed
  std::uint64_t bells = 0;             ///< tested publishes that said: ring
  std::uint64_t bells_suppressed = 0;  ///< tested publishes that said: nobody asked
  std::uint64_t misuses = 0;           ///< calls that asked for more than there was
  std::uint64_t peer_faults = 0;       ///< indices of the consumer that cannot be, not believed
};

/// What the consumer of a value ring has counted since attach(). Its own thread reads it.
struct ConsumerCounters {
  std::uint64_t values = 0;            ///< taken out of the ring
  std::uint64_t releases = 0;          ///< batches of slots given back
  std::uint64_t empty = 0;             ///< looks that found nothing
  std::uint64_t most_waiting = 0;      ///< the most values that one look found
  std::uint64_t skipped = 0;           ///< slots of cancelled or recovered reservations
  std::uint64_t overwritten = 0;       ///< values lost to overwrite_oldest
  std::uint64_t bells = 0;             ///< tested releases that said: ring
  std::uint64_t bells_suppressed = 0;  ///< tested releases that said: nobody asked
  std::uint64_t misuses = 0;           ///< calls that asked for more than there was
  std::uint64_t peer_faults = 0;       ///< indices of the producer that cannot be, not believed
};

}  // namespace bellpull::ring
