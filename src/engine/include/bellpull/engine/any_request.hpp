// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>

#include "bellpull/engine/any_region.hpp"
#include "bellpull/engine/device_access.hpp"
#include "bellpull/engine/domain.hpp"
#include "bellpull/engine/mapping_error.hpp"
#include "bellpull/engine/operation.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/request_parts.hpp"

namespace bellpull::engine {

/// A TypedRequest whose domain is a value: what does not compile there is a MappingError here. Once
/// memory was refused the request has none at all, so that prepare() refuses it rather than take
/// less than was meant.
///
/// Holds its lists by value, allocates nothing. `domain` outlives it. To be used while the regions
/// that it names are lent. Used by one thread at a time.
template <std::size_t kSegments = 1>
class AnyRequest {
 public:
  /// For a channel whose device works in `domain`.
  AnyRequest(const Domain& domain, Operation operation, const RequestExtras& extras = {}) noexcept
      : domain_(&domain), parts_(operation, extras) {}

  /// Adds memory that the transfer reads. Refuses as AnyRegion::piece() does.
  [[nodiscard]] MappingError from(const AnyRegion& lent) noexcept {
    return add(Side::source, lent.piece(*domain_, DeviceAccess::read));
  }
  /// The same for `length` bytes from `offset` on.
  [[nodiscard]] MappingError from(const AnyRegion& lent, std::size_t offset,
                                  std::size_t length) noexcept {
    return add(Side::source, lent.piece(*domain_, DeviceAccess::read, offset, length));
  }
  /// Adds memory of the second list: the transfer writes it, or reads it, if it is a compare.
  [[nodiscard]] MappingError to(const AnyRegion& lent) noexcept {
    return add(Side::destination, lent.piece(*domain_, use_of_destination()));
  }
  /// The same for `length` bytes from `offset` on.
  [[nodiscard]] MappingError to(const AnyRegion& lent, std::size_t offset,
                                std::size_t length) noexcept {
    return add(Side::destination, lent.piece(*domain_, use_of_destination(), offset, length));
  }

  /// Where the device works that it is for.
  [[nodiscard]] const Domain& domain() const noexcept { return *domain_; }
  /// The first refusal, or none.
  [[nodiscard]] MappingError error() const noexcept { return error_; }
  /// Whether no memory was refused, and each list had room for its segments.
  [[nodiscard]] bool fits() const noexcept { return error_ == MappingError::none && parts_.fits(); }

  /// For a call of the channel: its lists are in this object.
  [[nodiscard]] OperationRequest request() const& noexcept {
    OperationRequest request = parts_.request();
    if (error_ != MappingError::none) request.source = request.destination = {};
    return request;
  }
  /// The lists would be gone.
  OperationRequest request() const&& = delete;

 private:
  [[nodiscard]] DeviceAccess use_of_destination() const noexcept {
    return writes_destination(parts_.operation()) ? DeviceAccess::write : DeviceAccess::read;
  }
  MappingError add(Side side, const Checked<Segment>& piece) noexcept {
    if (piece) {
      parts_.add(side, piece.value);
    } else if (error_ == MappingError::none) {
      error_ = piece.error;
    }
    return piece.error;
  }

  const Domain* domain_;
  MappingError error_ = MappingError::none;
  detail::RequestParts<kSegments> parts_;
};

}  // namespace bellpull::engine
