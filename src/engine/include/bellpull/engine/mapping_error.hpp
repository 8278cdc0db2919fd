// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::engine {

/// Why memory was not mapped, lent, reached or given back. Nothing was changed when it is not
/// `none`.
enum class MappingError : std::uint8_t {
  none,              ///< it was done
  no_bytes,          ///< map: the range is empty
  wraps,             ///< map: the range goes on past the end of the address space
  owned_elsewhere,   ///< map: a mapping of another domain has some of the bytes
  already_mapped,    ///< map: a mapping of this very domain has some of the bytes
  not_mapped,        ///< the region is empty: never mapped, unmapped, or moved from
  lent,              ///< a transfer has the memory
  not_lent,          ///< the client has the memory: no transfer may touch it
  wrong_domain,      ///< the device works in another domain than the region is mapped in
  wrong_access,      ///< the region was mapped for reading only, or for writing only
  wrong_completion,  ///< the completion is that of a transfer which was not lent the memory
  under_way,         ///< the memory is lent to more transfers, which have not completed yet
  out_of_range,      ///< the bytes asked for are not all in the region, or are none
};

/// What was refused, why, and what to do, as a phrase for an error message. Never null.
[[nodiscard]] constexpr const char* describe(MappingError error) noexcept {
  switch (error) {
    case MappingError::none:
      return "no error";
    case MappingError::no_bytes:
      return "map: there are no bytes in the range; map at least one";
    case MappingError::wraps:
      return "map: the range goes on past the end of the address space; check address and length";
    case MappingError::owned_elsewhere:
      return "map: a mapping in another domain has some of the bytes, and they belong to that "
             "domain's devices until the client unmaps them; unmap there first, or use channels "
             "of one domain and map once";
    case MappingError::already_mapped:
      return "map: a mapping in this domain has some of the bytes already; one is enough for all "
             "channels of the domain: lend the region that there is";
    case MappingError::not_mapped:
      return "use of a region: it holds no memory, because it was moved from, unmapped or never "
             "mapped; map the memory first";
    case MappingError::lent:
      return "use by the client: a transfer has the memory; wait for its completion and give it to "
             "returned() first";
    case MappingError::not_lent:
      return "use by a transfer: the memory is the client's; lend it first";
    case MappingError::wrong_domain:
      return "use by a transfer: the channel's device works in another domain and cannot reach the "
             "memory; map it in the domain of the channel";
    case MappingError::wrong_access:
      return "use by a transfer: the memory is not mapped for what the device would do with it; "
             "map it for reading, writing or both, as the transfer needs it";
    case MappingError::wrong_completion:
      return "return: the completion is that of another transfer; hand it to the region that was "
             "lent under its token";
    case MappingError::under_way:
      return "return: the memory is lent to more transfers; go on until the last has completed";
    case MappingError::out_of_range:
      return "use of a part: the bytes are not all in the region, or there are none; check offset "
             "and length";
  }
  return "an unknown error";
}

}  // namespace bellpull::engine
