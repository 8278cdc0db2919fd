// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <span>

#include "bellpull/engine/lent.hpp"
#include "bellpull/engine/operation.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/request_parts.hpp"

namespace bellpull::engine {

/// A request for a channel of the domain `Tag`, with lists of up to `kSegments` segments (1 to
/// kMaxSegments). Made of lent memory only, mapped in that domain for what the operation does with
/// it: pointers, spans, segments and regions do not compile, nor does memory of another domain, or
/// mapped the other way.
///
/// Holds its lists by value and nothing else: it can be copied and allocates nothing. To be used
/// while the Lents that it names hold their memory. Used by one thread at a time.
template <class Tag, std::size_t kSegments = 1>
class [[nodiscard]] TypedRequest {
 public:
  /// Memory that the transfer reads; a Lent becomes one.
  using From = Source<Tag>;
  /// Memory that the transfer writes; a Lent becomes one.
  using To = Destination<Tag>;
  /// Lists of them, read during the call only. Of more than `kSegments` the request is of no use:
  /// see fits().
  using FromList = std::span<const From>;
  /// The same.
  using ToList = std::span<const To>;

  /// Nothing, in its turn.
  static TypedRequest nop(const RequestExtras& extras = {}) noexcept {
    return make(Operation::nop, FromList{}, ToList{}, extras);
  }
  /// Operation::copy.
  static TypedRequest copy(To to, From from, const RequestExtras& extras = {}) noexcept {
    return copy(ToList(&to, 1), FromList(&from, 1), extras);
  }
  /// The same from list to list, of any two shapes.
  static TypedRequest copy(ToList to, FromList from, const RequestExtras& extras = {}) noexcept {
    return make(Operation::copy, from, to, extras);
  }
  /// Operation::fill; the pattern is in `extras`.
  static TypedRequest fill(To to, const RequestExtras& extras) noexcept {
    return fill(ToList(&to, 1), extras);
  }
  /// The same for a list.
  static TypedRequest fill(ToList to, const RequestExtras& extras) noexcept {
    return make(Operation::fill, FromList{}, to, extras);
  }
  /// Operation::crc32c.
  static TypedRequest crc32c(From from, const RequestExtras& extras = {}) noexcept {
    return crc32c(FromList(&from, 1), extras);
  }
  /// The same for a list.
  static TypedRequest crc32c(FromList from, const RequestExtras& extras = {}) noexcept {
    return make(Operation::crc32c, from, ToList{}, extras);
  }
  /// Operation::copy_crc32c.
  static TypedRequest copy_crc32c(To to, From from, const RequestExtras& extras = {}) noexcept {
    return copy_crc32c(ToList(&to, 1), FromList(&from, 1), extras);
  }
  /// The same from list to list.
  static TypedRequest copy_crc32c(ToList to, FromList from,
                                  const RequestExtras& extras = {}) noexcept {
    return make(Operation::copy_crc32c, from, to, extras);
  }
  /// Operation::compare, which reads both.
  static TypedRequest compare(From one, From other, const RequestExtras& extras = {}) noexcept {
    return compare(FromList(&one, 1), FromList(&other, 1), extras);
  }
  /// The same for lists, of any two shapes.
  static TypedRequest compare(FromList one, FromList other,
                              const RequestExtras& extras = {}) noexcept {
    return make(Operation::compare, one, other, extras);
  }

  /// Whether its lists had at most `kSegments` segments. TypedChannel and TransferGraph ask.
  [[nodiscard]] bool fits() const noexcept { return parts_.fits(); }

  /// For a call of the channel: its lists are in this object. From here on no type checks what is
  /// done with it.
  [[nodiscard]] OperationRequest request() const& noexcept { return parts_.request(); }
  /// The lists would be gone.
  OperationRequest request() const&& = delete;

 private:
  TypedRequest(Operation operation, const RequestExtras& extras) noexcept
      : parts_(operation, extras) {}

  template <class SecondList>
  static TypedRequest make(Operation operation, FromList source, SecondList destination,
                           const RequestExtras& extras) noexcept {
    TypedRequest made(operation, extras);
    for (const auto& piece : source) made.parts_.add(Side::source, piece.segment());
    for (const auto& piece : destination) made.parts_.add(Side::destination, piece.segment());
    return made;
  }

  detail::RequestParts<kSegments> parts_;
};

}  // namespace bellpull::engine
