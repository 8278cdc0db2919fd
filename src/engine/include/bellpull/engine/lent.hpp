// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/device_access.hpp"
#include "bellpull/engine/mapping.hpp"
#include "bellpull/engine/mapping_error.hpp"

namespace bellpull::engine {

template <class Tag, DeviceAccess access>
class Region;
template <class Tag, DeviceAccess use>
class Piece;

/// Says how a transfer ended, and which one it was: Completion is one.
template <class T>
concept EndsTransfer = requires(const T& end) {
  { end.token } -> std::convertible_to<std::uint64_t>;
  end.cookie;
  end.status;
};

/// Memory that transfers have: the client can name it to the channels of its domain, for what it
/// was mapped for, and cannot reach a byte of it. A completion makes it a Region again.
///
/// Move-only. Used by one thread at a time. Destroying it while it holds memory abandons that: the
/// mapping never ends, because a device may still touch the bytes. It is counted
/// (DomainStats::abandoned).
template <class Tag, DeviceAccess access>
class [[nodiscard]] Lent {
 public:
  /// Where the memory is mapped.
  using DomainTag = Tag;
  /// What it is mapped for.
  static constexpr DeviceAccess kAccess = access;

  /// Holds no memory.
  Lent() = default;
  /// Takes the memory over; `other` holds none afterwards.
  Lent(Lent&& other) noexcept = default;
  /// Abandons the memory that it holds, then takes over that of `other`.
  Lent& operator=(Lent&& other) noexcept = default;
  ~Lent() = default;

  /// Whether it holds memory.
  explicit operator bool() const noexcept { return static_cast<bool>(loan_); }

  /// Counts the end of one transfer, whatever its status, and gives the memory back at the last one
  /// that it was lent to. The region is empty, and the memory stays lent, when there are more to
  /// come, and when the completion bears another token. Allocates nothing, takes no lock.
  template <EndsTransfer End>
  [[nodiscard]] Region<Tag, access> returned(const End& completion) noexcept {
    const bool ended = loan_.end(completion.token) == MappingError::none;
    return Region<Tag, access>(ended ? loan_.take() : detail::Part{});
  }

 private:
  friend class Region<Tag, access>;
  template <class, DeviceAccess>
  friend class Piece;

  explicit Lent(detail::Loan&& loan) noexcept : loan_(std::move(loan)) {}
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return loan_.part().bytes(); }

  detail::Loan loan_;
};

namespace detail {
template <class T>
inline constexpr bool kIsLent = false;
template <class Tag, DeviceAccess access>
inline constexpr bool kIsLent<Lent<Tag, access>> = true;
}  // namespace detail

/// Memory that transfers have: a Lent.
template <class Memory>
concept LentMemory = detail::kIsLent<Memory>;

/// Lent memory which the devices of the domain `Tag` cannot reach.
template <class Memory, class Tag>
concept LentElsewhere = LentMemory<Memory> && !std::same_as<typename Memory::DomainTag, Tag>;

/// Lent memory which the devices of the domain `Tag` may use so.
template <class Memory, class Tag, DeviceAccess use>
concept LentFor = LentMemory<Memory> && !LentElsewhere<Memory, Tag> && allows(Memory::kAccess, use);

/// Memory for one transfer of a device in the domain `Tag`, which will do `use` with it: what a
/// function that prepares a transfer takes. Only lent memory becomes one, and only if its domain
/// and what it was mapped for are right; pointers, spans, segments and regions do not.
///
/// A view of the Lent, to be used while that holds the memory.
template <class Tag, DeviceAccess use>
class Piece {
 public:
  /// All of the memory; no bytes if `lent` holds none.
  template <LentFor<Tag, use> Memory>
  Piece(const Memory& lent) noexcept : bytes_(lent.bytes()) {}
  /// Memory of another domain: the device cannot reach it.
  template <LentElsewhere<Tag> WrongDomain>
  Piece(const WrongDomain& lent) = delete;
  /// Memory that is not mapped for what the device would do with it.
  template <LentMemory WrongDirection>
  Piece(const WrongDirection& lent) = delete;
  /// Of a temporary: nobody would be left to give the memory back.
  template <LentMemory Temporary>
  Piece(const Temporary&& lent) = delete;

  /// `length` bytes from `offset` on. No bytes at all, which no channel takes, if they are not all
  /// in this piece.
  [[nodiscard]] Piece part(std::size_t offset, std::size_t length) const noexcept {
    const bool inside = offset <= bytes_.size() && length <= bytes_.size() - offset;
    return Piece(inside ? bytes_.subspan(offset, length) : std::span<std::byte>{});
  }

  /// For a request of a channel. From here on no type checks what is done with it.
  [[nodiscard]] Segment segment() const noexcept { return {bytes_.data(), bytes_.size()}; }

 private:
  explicit Piece(std::span<std::byte> bytes) noexcept : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

/// What a transfer reads.
template <class Tag>
using Source = Piece<Tag, DeviceAccess::read>;
/// What a transfer writes.
template <class Tag>
using Destination = Piece<Tag, DeviceAccess::write>;

}  // namespace bellpull::engine
