// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/any_region.hpp"

namespace bellpull::engine {

Mapped<AnyRegion> AnyRegion::map(Domain& domain, std::span<std::byte> bytes, DeviceAccess access) {
  MapRefusal refusal;
  detail::Part part = domain.map(bytes, access, refusal);
  return {AnyRegion(std::move(part)), std::move(refusal)};
}

MappingError AnyRegion::why_not_the_clients() const noexcept {
  if (part_) return MappingError::none;
  return loan_ ? MappingError::lent : MappingError::not_mapped;
}

MappingError AnyRegion::unmap() noexcept {
  const MappingError error = why_not_the_clients();
  if (error == MappingError::none) part_ = {};
  return error;
}

Checked<std::span<std::byte>> AnyRegion::bytes() const noexcept {
  return {part_.bytes(), why_not_the_clients()};
}

Checked<AnyRegion> AnyRegion::split(std::size_t at) noexcept {
  if (const MappingError error = why_not_the_clients(); error != MappingError::none) {
    return {{}, error};
  }
  if (at == 0 || at >= part_.bytes().size()) return {{}, MappingError::out_of_range};
  return {AnyRegion(part_.split(at)), MappingError::none};
}

MappingError AnyRegion::lend(std::uint64_t token, std::uint32_t transfers) noexcept {
  const MappingError error = why_not_the_clients();
  if (error == MappingError::none) loan_ = detail::Loan(std::move(part_), token, transfers);
  return error;
}

Checked<Segment> AnyRegion::piece(const Domain& domain, DeviceAccess use) const noexcept {
  return piece(domain, use, 0, loan_.part().bytes().size());
}

Checked<Segment> AnyRegion::piece(const Domain& domain, DeviceAccess use, std::size_t offset,
                                  std::size_t length) const noexcept {
  if (part_) return {{}, MappingError::not_lent};
  if (!loan_) return {{}, MappingError::not_mapped};
  const detail::Mapping& mapping = *loan_.part().mapping();
  if (&mapping.domain != &domain.record_) return {{}, MappingError::wrong_domain};
  if (!allows(mapping.access, use)) return {{}, MappingError::wrong_access};
  const std::span<std::byte> bytes = loan_.part().bytes();
  if (length == 0 || offset > bytes.size() || length > bytes.size() - offset) {
    return {{}, MappingError::out_of_range};
  }
  const std::span<std::byte> some = bytes.subspan(offset, length);
  return {Segment{some.data(), some.size()}, MappingError::none};
}

MappingError AnyRegion::end(std::uint64_t token) noexcept {
  if (!part_ && !loan_) return MappingError::not_mapped;
  const MappingError error = loan_.end(token);
  if (error == MappingError::none) part_ = loan_.take();
  return error;
}

std::string AnyRegion::describe(MappingError error) const {
  const detail::Part& held = part_ ? part_ : loan_.part();
  if (!held) return engine::describe(error);
  const detail::Mapping& mapping = *held.mapping();
  return "domain '" + mapping.domain.name + "', mapped for " + engine::describe(mapping.access) +
         ", " +
         detail::range_text(reinterpret_cast<std::uintptr_t>(held.bytes().data()),
                            held.bytes().size()) +
         ": " + engine::describe(error);
}

}  // namespace bellpull::engine
