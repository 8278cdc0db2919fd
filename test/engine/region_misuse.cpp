// SPDX-License-Identifier: BSD-2-Clause
// Misuse of regions, one function each, for region_misuse_test.sh: MISUSE is the number of the one
// that is compiled, with `right` in it, or, if WRONG is defined, with `wrong`. Behind each number
// is who refuses the wrong one (any, or clang alone) and a pattern of what it says.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "bellpull/engine/any_region.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/region.hpp"

#ifdef WRONG
#define EITHER(right, wrong) wrong
#else
#define EITHER(right, wrong) right
#endif

namespace bellpull::engine::test {

using enum DeviceAccess;

struct CopyUnit {
  static constexpr const char* kName = "copy unit";
};
struct XorUnit {
  static constexpr const char* kName = "xor unit";
};
struct Nameless {};

void copy(Destination<CopyUnit> to, Source<CopyUnit> from);
void add(Destination<XorUnit> to, Source<XorUnit> from);
std::size_t look(std::span<std::byte> bytes);

using Stripe = Region<CopyUnit, read_write>;
using LentStripe = Lent<CopyUnit, read_write>;

#if MISUSE == 1  // any: WrongDomain
void wrong_domain(LentStripe& to, Lent<EITHER(CopyUnit, XorUnit), read>& from) {
  copy(to, from);
}

#elif MISUSE == 2  // any: WrongDirection
void wrong_direction(LentStripe& from, Lent<CopyUnit, EITHER(write, read)>& to) {
  copy(to, from);
}

#elif MISUSE == 3  // any: WrongDirection
void wrong_direction_too(LentStripe& to, Lent<CopyUnit, EITHER(read, write)>& from) {
  copy(to, from);
}

#elif MISUSE == 4  // any: could not convert|no known conversion
void raw_memory(LentStripe& to, EITHER(LentStripe&, std::byte*) from) {
  copy(to, from);
}

#elif MISUSE == 5  // any: could not convert|no known conversion
void raw_segment(LentStripe& to, EITHER(LentStripe&, Segment) from) {
  copy(to, from);
}

#elif MISUSE == 6  // any: could not convert|no known conversion
void not_lent(LentStripe& to, EITHER(LentStripe, Stripe) & from) {
  copy(to, from);
}

#elif MISUSE == 7  // any: use of deleted function|deleted member function
LentStripe lent_by_name(Stripe& memory) {
  return EITHER(std::move(memory), memory).lend(1);
}

#elif MISUSE == 8  // any: use of deleted function|deleted copy constructor
LentStripe lent_twice(LentStripe& lent) {
  return EITHER(std::move(lent), lent);
}

#elif MISUSE == 9  // any: use of deleted function|deleted copy constructor
Stripe two_regions(Stripe& memory) {
  return EITHER(std::move(memory), memory);
}

#elif MISUSE == 10  // any: use of deleted function|deleted copy constructor
AnyRegion two_regions(AnyRegion& memory) {
  return EITHER(std::move(memory), memory);
}

#elif MISUSE == 11  // any: is private|a private member
std::size_t bytes_of_lent_memory(EITHER(Stripe, LentStripe) & memory) {
  return look(memory.bytes());
}

#elif MISUSE == 12  // any: has no member named|no member named
LentStripe lent_memory_lent(EITHER(Stripe, LentStripe) & memory) {
  return std::move(memory).lend(2);
}

#elif MISUSE == 13  // any: Temporary
void lent_to_nobody(Stripe& memory, LentStripe& to) {
  LentStripe lent = std::move(memory).lend(1);
  copy(to, EITHER(lent, std::move(lent)));
}

#elif MISUSE == 14  // any: nodiscard
void lent_and_dropped(Stripe& memory) {
  EITHER(LentStripe lent =, ) std::move(memory).lend(1);
  (void)EITHER(lent.returned(Completion{}), 0);
}

#elif MISUSE == 15  // any: nodiscard
void given_back_and_dropped(Stripe& memory, LentStripe& lent, const Completion& completion) {
  EITHER(memory =, ) lent.returned(completion);
}

#elif MISUSE == 16  // any: EndsTransfer
Stripe given_back_by_a_number(LentStripe& lent, const EITHER(Completion, std::uint64_t) & end) {
  return lent.returned(end);
}

#elif MISUSE == 17  // any: could not convert|no viable conversion
Region<CopyUnit, EITHER(read_write, read)> given_back_as_another(LentStripe& lent) {
  return lent.returned(Completion{});
}

#elif MISUSE == 18  // any: a domain's tag is a type with a static member kName
const std::string& nameless(MappingTable& table) {
  static DomainOf<EITHER(CopyUnit, Nameless)> domain(table);
  return domain.domain().name();
}

#elif MISUSE == 19  // clang: in the 'consumed' state
std::size_t used_after_lending(DomainOf<CopyUnit>& domain, std::span<std::byte> bytes) {
  Stripe memory = domain.map<read_write>(bytes).region;
  LentStripe lent = std::move(memory).lend(1);
  EITHER(memory = lent.returned(Completion{}), (void)0);
  return look(memory.bytes());
}

#elif MISUSE == 20  // clang: in the 'consumed' state
std::size_t used_after_moving(Stripe memory) {
  Stripe other = std::move(memory);
  return look(EITHER(other, memory).bytes());
}

#elif MISUSE == 21  // clang: in the 'consumed' state
std::size_t used_before_mapping(DomainOf<CopyUnit>& domain, std::span<std::byte> bytes) {
  Stripe memory;
  EITHER(memory = domain.map<read_write>(bytes).region, (void)domain; (void)bytes);
  return look(memory.bytes());
}

#else
#error "there is no such misuse"
#endif

}  // namespace bellpull::engine::test
