// SPDX-License-Identifier: BSD-2-Clause
// A header that compiles proves little about its templates: this compiles all of their members,
// with the flags that the ring component promises (no exceptions, no run-time type information).
#include <array>

#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::ring {

struct CountBytes {
  void operator()(std::uint64_t, std::uint64_t length) noexcept { bytes += length; }
  std::uint64_t bytes = 0;
};

template class Driver<Split, Trusted>;
template class Driver<Split, Untrusted>;
template class Driver<Packed, Trusted>;
template class Driver<Packed, Untrusted>;
template class RegionMap<>;
template class RegionMap<CountBytes>;

namespace {

template <class Layout, class Trust, class Map>
unsigned use(Device<Layout, Trust, Map>& device) {
  std::array<Piece, 4> pieces;
  Budget budget{.chains = 3};
  Chain chain;
  if (device.take(pieces, chain)) device.complete(chain, pieces, 0);
  (void)device.poll(budget, pieces, [](const Chain&) {});
  if constexpr (!Map::kLogs) device.complete(chain, 0);
  device.in_flight([](const InFlight&) {});
  device.publish();
  device.disarm();
  device.complete(device.resumed({}), pieces, 0);
  const bool asks = device.publish_and_test() || device.arm();
  (void)device.attach({}, {});
  (void)device.stop();
  return device.refresh() + device.ready() + (asks ? 1U : 0U);
}

template <class Layout, class Trust>
unsigned use(Driver<Layout, Trust>& driver) {
  return driver.poll(1, [](const Used&) {});
}

}  // namespace

template <class... Half>
unsigned use_all(Half&... halves) {
  return (use(halves) + ...);
}

template unsigned use_all(Driver<Split>&, Driver<Split, Untrusted>&, Driver<Packed>&,
                          Driver<Packed, Untrusted>&, Device<Split>&, Device<Packed>&,
                          Device<Split, Trusted, RegionMap<>>&,
                          Device<Packed, Trusted, RegionMap<>>&,
                          Device<Split, Untrusted, RegionMap<>>&,
                          Device<Packed, Untrusted, RegionMap<>>&,
                          Device<Split, Untrusted, RegionMap<CountBytes>>&,
                          Device<Packed, Untrusted, RegionMap<CountBytes>>&);

}  // namespace bellpull::ring
