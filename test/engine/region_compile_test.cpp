// SPDX-License-Identifier: BSD-2-Clause
// What must not compile, each beside its like that does. The compiler decides; the tests name what
// was decided. region_misuse.cpp has what a concept cannot ask.
#include <doctest/doctest.h>

#include <span>
#include <type_traits>

#include "bellpull/engine/stream_channel.hpp"
#include "region_rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;
template <DeviceAccess access>
using CopyRegion = Region<CopyUnit, access>;
template <DeviceAccess access>
using CopyLent = Lent<CopyUnit, access>;

template <class Memory, class Piece>
concept Becomes = std::is_convertible_v<Memory&, Piece>;
template <class Memory>
concept LendsByName = requires(Memory memory) {
  memory.lend(1);
};
template <class Memory>
concept LendsMoved = requires(Memory memory) {
  std::move(memory).lend(1);
};
template <class Memory>
concept SplitsByName = requires(Memory memory) {
  memory.split(1);
};
template <class Memory>
concept SplitsMoved = requires(Memory memory) {
  std::move(memory).split(1);
};
template <class Memory>
concept ShowsBytes = requires(Memory memory) {
  memory.bytes();
};
template <class Memory, class End>
concept ReturnedBy = requires(Memory memory, End end) {
  memory.returned(end);
};

TEST_CASE("S3.3: memory of the wrong domain does not compile") {
  static_assert(Becomes<CopyLent<read>, Source<CopyUnit>>);
  static_assert(!Becomes<CopyLent<read>, Source<XorUnit>>);
  static_assert(Becomes<CopyLent<write>, Destination<CopyUnit>>);
  static_assert(!Becomes<CopyLent<write>, Destination<XorUnit>>);
  static_assert(std::is_assignable_v<CopyRegion<read>&, CopyRegion<read>>);
  static_assert(!std::is_assignable_v<CopyRegion<read>&, Region<XorUnit, read>>);
  static_assert(!std::is_convertible_v<Source<CopyUnit>, Source<XorUnit>>);
  CHECK(true);
}

TEST_CASE("the wrong direction does not compile") {
  static_assert(Becomes<CopyLent<read_write>, Source<CopyUnit>>);
  static_assert(Becomes<CopyLent<read_write>, Destination<CopyUnit>>);
  static_assert(Becomes<CopyLent<read_write>, Piece<CopyUnit, read_write>>);
  static_assert(!Becomes<CopyLent<read>, Destination<CopyUnit>>);
  static_assert(!Becomes<CopyLent<write>, Source<CopyUnit>>);
  static_assert(!Becomes<CopyLent<read>, Piece<CopyUnit, read_write>>);
  static_assert(!Becomes<CopyLent<write>, Piece<CopyUnit, read_write>>);
  static_assert(!std::is_assignable_v<CopyRegion<read>&, CopyRegion<write>>);
  static_assert(!std::is_convertible_v<Source<CopyUnit>, Destination<CopyUnit>>);
  CHECK(true);
}

TEST_CASE("S3.3: memory that was not mapped, or not lent, does not compile") {
  using From = Source<CopyUnit>;
  static_assert(Becomes<CopyLent<read>, From>);
  static_assert(!Becomes<CopyRegion<read>, From>);
  static_assert(!Becomes<std::byte*, From> && !Becomes<Segment, From>);
  static_assert(!Becomes<std::span<std::byte>, From>);
  static_assert(!std::is_constructible_v<From, std::span<std::byte>>);
  static_assert(!std::is_constructible_v<From, Segment> && !std::is_constructible_v<From>);
  // Of a temporary, nobody could give the memory back.
  static_assert(std::is_constructible_v<From, CopyLent<read>&>);
  static_assert(!std::is_constructible_v<From, CopyLent<read>>);
  CHECK(true);
}

TEST_CASE("use after lending does not compile: lent memory has no bytes, parts, loans or twins") {
  static_assert(LendsMoved<CopyRegion<read>> && !LendsByName<CopyRegion<read>>);
  static_assert(SplitsMoved<CopyRegion<read>> && !SplitsByName<CopyRegion<read>>);
  static_assert(ShowsBytes<CopyRegion<read>> && !ShowsBytes<CopyLent<read>>);
  static_assert(!LendsMoved<CopyLent<read>> && !SplitsMoved<CopyLent<read>>);
  static_assert(!std::is_copy_constructible_v<CopyRegion<read>>);
  static_assert(!std::is_copy_assignable_v<CopyRegion<read>>);
  static_assert(!std::is_copy_constructible_v<CopyLent<read>>);
  static_assert(!std::is_copy_assignable_v<CopyLent<read>>);
  static_assert(!std::is_copy_constructible_v<AnyRegion>);
  static_assert(!std::is_copy_assignable_v<AnyRegion>);
  static_assert(std::is_nothrow_move_constructible_v<CopyRegion<read>> &&
                std::is_nothrow_move_assignable_v<CopyRegion<read>>);
  static_assert(std::is_nothrow_move_constructible_v<CopyLent<read>> &&
                std::is_nothrow_move_assignable_v<CopyLent<read>>);
  static_assert(std::is_nothrow_move_constructible_v<AnyRegion> &&
                std::is_nothrow_move_assignable_v<AnyRegion>);
  // Only a domain makes one.
  static_assert(!std::is_constructible_v<CopyRegion<read>, std::span<std::byte>>);
  CHECK(true);
}

TEST_CASE("what does not end a transfer does not compile as its end") {
  static_assert(ReturnedBy<CopyLent<read>, Completion> && ReturnedBy<AnyRegion, Completion>);
  static_assert(!ReturnedBy<CopyLent<read>, Request> && !ReturnedBy<AnyRegion, Request>);
  static_assert(!ReturnedBy<CopyLent<read>, std::uint64_t>);
  static_assert(!ReturnedBy<CopyRegion<read>, Completion>);
  CHECK(true);
}

}  // namespace
}  // namespace bellpull::engine::test
