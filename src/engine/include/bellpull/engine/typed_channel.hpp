// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bellpull/engine/domain.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/prepare.hpp"
#include "bellpull/engine/region.hpp"
#include "bellpull/engine/typed_request.hpp"

namespace bellpull::engine {

/// An operation channel whose device works in the domain `Tag`, and which takes lent memory of that
/// domain only. That the device does work there is the word of who makes it: no device can be
/// asked.
///
/// A view: it can be copied; channel and domain outlive it. All else is called on the channel
/// itself. Owner thread of the channel only.
template <class Tag>
class TypedChannel {
 public:
  /// Of `channel`, whose device works in `domain`.
  TypedChannel(OperationChannel& channel, const DomainOf<Tag>& domain) noexcept
      : channel_(&channel), domain_(&domain.domain()) {}

  /// OperationChannel::prepare() for these requests: all of them or none. Refuses a request that
  /// does not fit its own lists as too_large.
  template <std::size_t... kSegments>
  PrepareResult prepare(const TypedRequest<Tag, kSegments>&... requests) noexcept {
    static_assert(sizeof...(requests) != 0, "name at least one request");
    PrepareError error;
    if (!(... && accept(requests, error))) return {Prepared{}, error};
    const std::array<OperationRequest, sizeof...(requests)> all{requests.request()...};
    return channel_->prepare(all);
  }

  /// prepare() and submit in one call.
  template <std::size_t... kSegments>
  PrepareError post(const TypedRequest<Tag, kSegments>&... requests) noexcept {
    PrepareResult result = prepare(requests...);
    if (result) channel_->submit(std::move(result.prepared));
    return result.error;
  }

  /// The channel.
  [[nodiscard]] OperationChannel& channel() const noexcept { return *channel_; }
  /// Where its device works.
  [[nodiscard]] const Domain& domain() const noexcept { return *domain_; }

 private:
  template <std::size_t kSegments>
  static bool accept(const TypedRequest<Tag, kSegments>& request, PrepareError& error) noexcept {
    const std::uint32_t at = error.request++;
    if (request.fits()) return true;
    error = {.kind = PrepareError::Kind::too_large,
             .max = kSegments,
             .request = at,
             .reason = PrepareReason::too_many_segments};
    return false;
  }

  OperationChannel* channel_;
  const Domain* domain_;
};

}  // namespace bellpull::engine
