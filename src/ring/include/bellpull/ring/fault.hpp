// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>

namespace bellpull::ring {

/// What was wrong with one chain. The device half gives such a chain back with length 0, counts
/// the reason, and goes on with the next.
enum class ChainFault : std::uint8_t {
  none,                     ///< nothing
  next_out_of_range,        ///< a descriptor's next lies outside of its table
  too_long,                 ///< more descriptors than the queue has entries, as every loop has
  indirect_not_negotiated,  ///< an indirect descriptor without the feature
  indirect_nested,          ///< an indirect descriptor inside an indirect table
  indirect_with_next,       ///< a descriptor that is indirect and has a next one
  indirect_length,    ///< a table of no descriptors, of a part of one, or longer than the queue
  indirect_unmapped,  ///< a table outside of the peer's memory
  address_unmapped,   ///< a buffer outside of the peer's memory, or past the end of 2^64
  too_many_bytes,     ///< more than 2^32 bytes in all, or more than the device's own limit
  readable_after_writable,  ///< virtio 1.4 section 2.7.4.2: what the device reads comes first
  too_many_pieces,          ///< more pieces than the caller of take() has room for
};

/// How many values ChainFault has, for tables indexed by it.
inline constexpr std::size_t kChainFaultCount = 12;

/// What broke a whole queue. Nothing in it can be believed any more: the half stops touching the
/// ring until it is reset and attached again. Other queues are not concerned.
enum class QueueFault : std::uint8_t {
  none,                  ///< nothing
  avail_index_jump,      ///< the driver claims more chains than fit, or takes some back
  head_out_of_range,     ///< the driver names a head outside of the table
  head_in_flight,        ///< the driver makes a chain available that the device still has
  id_out_of_range,       ///< packed: a buffer id that is not below the size of the queue
  descriptor_not_ready,  ///< packed: a chain goes on into a descriptor that is not available
  ring_overrun,          ///< packed: more descriptors in flight than the ring has
  used_index_jump,       ///< the device claims more used chains than it was given
  used_id_unknown,       ///< the device names a chain that is not in flight
  used_out_of_order,     ///< in-order: the device skipped further than it was given
};

/// How many values QueueFault has, for tables indexed by it.
inline constexpr std::size_t kQueueFaultCount = 10;

/// The fault as a phrase for a message or a counter's name. Never null.
[[nodiscard]] constexpr const char* describe(ChainFault fault) noexcept {
  switch (fault) {
    case ChainFault::none:
      return "no fault";
    case ChainFault::next_out_of_range:
      return "next descriptor outside of the table";
    case ChainFault::too_long:
      return "chain longer than the queue";
    case ChainFault::indirect_not_negotiated:
      return "indirect descriptor without the feature";
    case ChainFault::indirect_nested:
      return "indirect descriptor inside an indirect table";
    case ChainFault::indirect_with_next:
      return "indirect descriptor with a next one";
    case ChainFault::indirect_length:
      return "indirect table of a wrong length";
    case ChainFault::indirect_unmapped:
      return "indirect table outside of the peer's memory";
    case ChainFault::address_unmapped:
      return "buffer outside of the peer's memory";
    case ChainFault::too_many_bytes:
      return "chain of too many bytes";
    case ChainFault::readable_after_writable:
      return "readable descriptor after a writable one";
    case ChainFault::too_many_pieces:
      return "chain of too many pieces";
  }
  return "unknown chain fault";
}

/// See above.
[[nodiscard]] constexpr const char* describe(QueueFault fault) noexcept {
  switch (fault) {
    case QueueFault::none:
      return "no fault";
    case QueueFault::avail_index_jump:
      return "available index jumped";
    case QueueFault::head_out_of_range:
      return "head outside of the table";
    case QueueFault::head_in_flight:
      return "head made available twice";
    case QueueFault::id_out_of_range:
      return "buffer id outside of the queue";
    case QueueFault::descriptor_not_ready:
      return "chain runs into a descriptor that is not available";
    case QueueFault::ring_overrun:
      return "more descriptors in flight than the ring has";
    case QueueFault::used_index_jump:
      return "used index jumped";
    case QueueFault::used_id_unknown:
      return "used id is not in flight";
    case QueueFault::used_out_of_order:
      return "used id is out of order";
  }
  return "unknown queue fault";
}

}  // namespace bellpull::ring
