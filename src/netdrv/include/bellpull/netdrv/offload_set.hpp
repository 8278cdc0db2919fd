// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace bellpull::netdrv {

/// What a reader of frames can take upon itself instead of the writer.
enum class OffloadFeature : std::uint8_t {
  csum,  ///< completes checksums: VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM
  tso4,  ///< cuts TCP over IPv4, with ECN: VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 | TUN_F_TSO_ECN
  tso6,  ///< cuts TCP over IPv6, with ECN: VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 | TUN_F_TSO_ECN
  uso,   ///< cuts UDP over both: VIRTIO_NET_F_GUEST_USO4 and 6, TUN_F_USO4 | TUN_F_USO6 (6.2), of
         ///< which the kernel refuses one alone
};

/// Each of them, in the order in which programs print them.
inline constexpr std::array kOffloadFeatures = {OffloadFeature::csum, OffloadFeature::tso4,
                                                OffloadFeature::tso6, OffloadFeature::uso};

/// The feature as programs call it.
[[nodiscard]] constexpr std::string_view name_of(OffloadFeature feature) noexcept {
  constexpr std::array<std::string_view, kOffloadFeatures.size()> names = {"csum", "tso4", "tso6",
                                                                           "uso"};
  return names[static_cast<std::size_t>(feature)];
}

/// The feature that programs call `name`, if there is one.
[[nodiscard]] constexpr std::optional<OffloadFeature> offload_feature(
    std::string_view name) noexcept {
  for (const OffloadFeature feature : kOffloadFeatures) {
    if (name_of(feature) == name) return feature;
  }
  return {};
}

/// A set of features. Who cuts frames has to complete their checksums, so that without `csum` the
/// others mean nothing (virtio 1.4 section 5.1.3.1, and TUNSETOFFLOAD ignores them): whatever was
/// put in, has() and the comparisons see an empty set.
class OffloadSet {
 public:
  /// Empty.
  constexpr OffloadSet() noexcept = default;
  /// Those.
  constexpr OffloadSet(std::initializer_list<OffloadFeature> features) noexcept {
    for (const OffloadFeature feature : features) bits_ |= bit(feature);
  }
  /// Every feature.
  [[nodiscard]] static constexpr OffloadSet all() noexcept {
    return {OffloadFeature::csum, OffloadFeature::tso4, OffloadFeature::tso6, OffloadFeature::uso};
  }

  /// Whether the feature is in it and means something.
  [[nodiscard]] constexpr bool has(OffloadFeature feature) const noexcept {
    return (usable() & bit(feature)) != 0;
  }
  /// Whether it has everything that `other` has.
  [[nodiscard]] constexpr bool contains(OffloadSet other) const noexcept {
    return (other.usable() & ~usable()) == 0;
  }
  /// Whether it has nothing.
  [[nodiscard]] constexpr bool empty() const noexcept { return usable() == 0; }

  /// What is in either.
  [[nodiscard]] friend constexpr OffloadSet operator|(OffloadSet a, OffloadSet b) noexcept {
    return OffloadSet(a.bits_ | b.bits_);
  }
  /// What is in both.
  [[nodiscard]] friend constexpr OffloadSet operator&(OffloadSet a, OffloadSet b) noexcept {
    return OffloadSet(a.bits_ & b.bits_);
  }
  /// What is in `a` and not in `b`. Without `csum` nothing is left.
  [[nodiscard]] friend constexpr OffloadSet operator-(OffloadSet a, OffloadSet b) noexcept {
    return OffloadSet(a.bits_ & ~b.bits_);
  }
  /// Whether both have the same.
  [[nodiscard]] friend constexpr bool operator==(OffloadSet a, OffloadSet b) noexcept {
    return a.usable() == b.usable();
  }

 private:
  explicit constexpr OffloadSet(unsigned bits) noexcept : bits_(bits) {}
  [[nodiscard]] static constexpr unsigned bit(OffloadFeature feature) noexcept {
    return 1U << static_cast<unsigned>(feature);
  }
  [[nodiscard]] constexpr unsigned usable() const noexcept {
    return (bits_ & bit(OffloadFeature::csum)) != 0 ? bits_ : 0;
  }

  unsigned bits_ = 0;
};

}  // namespace bellpull::netdrv
