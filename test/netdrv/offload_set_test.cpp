// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include "bellpull/netdrv/offload.hpp"
#include "kernel_uapi.hpp"
#include "vnet_header.hpp"

using namespace bellpull::netdrv;
using enum OffloadFeature;

namespace {

TEST_CASE("a set has what was put in, and nothing without csum") {
  CHECK(OffloadSet{}.empty());
  CHECK(OffloadSet{tso4, tso6, uso}.empty());
  CHECK_FALSE(OffloadSet{uso}.has(uso));
  const OffloadSet set{csum, uso};
  CHECK(set.has(csum));
  CHECK(set.has(uso));
  CHECK_FALSE(set.has(tso4));
  CHECK(OffloadSet{uso} == OffloadSet{});
  CHECK(OffloadSet{uso} != set);
}

TEST_CASE("union, intersection and difference, whatever the order in which they are made") {
  CHECK((OffloadSet{tso4} | OffloadSet{csum}) == OffloadSet{csum, tso4});
  CHECK((OffloadSet::all() & OffloadSet{csum, uso}) == OffloadSet{csum, uso});
  CHECK((OffloadSet::all() - OffloadSet{uso}) == OffloadSet{csum, tso4, tso6});
  CHECK((OffloadSet::all() - OffloadSet{csum}).empty());
  CHECK((OffloadSet::all() & OffloadSet{tso4}).empty());
}

TEST_CASE("one set contains another if it has all that means something in it") {
  CHECK(OffloadSet{}.contains(OffloadSet{}));
  CHECK(OffloadSet{}.contains(OffloadSet{tso6}));
  CHECK_FALSE(OffloadSet{}.contains(OffloadSet{csum}));
  CHECK(OffloadSet::all().contains(OffloadSet{csum, tso6}));
  CHECK_FALSE(OffloadSet{csum, tso4}.contains(OffloadSet{csum, tso6}));
  CHECK_FALSE(OffloadSet{tso4}.contains(OffloadSet{csum, tso4}));
}

TEST_CASE("each feature is found by its name, and no other") {
  for (const OffloadFeature feature : kOffloadFeatures) {
    CHECK(offload_feature(name_of(feature)) == feature);
  }
  CHECK_FALSE(offload_feature("ufo").has_value());
  CHECK_FALSE(offload_feature("").has_value());
  CHECK_FALSE(offload_feature("tso").has_value());
}

TEST_CASE("each fault has a name of its own") {
  for (std::size_t i = 0; i < kOffloadFaults; ++i) {
    const auto name = name_of(static_cast<OffloadFault>(i));
    CHECK_FALSE(name.empty());
    for (std::size_t j = 0; j < i; ++j) CHECK(name != name_of(static_cast<OffloadFault>(j)));
  }
  CHECK(name_of(OffloadFault::oversize) == "oversize");
}

TEST_CASE("check 2: TUNSETOFFLOAD is given USO4 and USO6 together, and ECN with TSO") {
  CHECK(tun_offloads({}) == 0);
  CHECK(tun_offloads({tso4, uso}) == 0);
  CHECK(tun_offloads({csum}) == 0x01);
  CHECK(tun_offloads({csum, tso4}) == 0x0b);
  CHECK(tun_offloads({csum, tso6}) == 0x0d);
  CHECK(tun_offloads({csum, uso}) == 0x61);
  CHECK(tun_offloads(OffloadSet::all()) == 0x6f);
}

TEST_CASE("F19, F20: what a frame asks of its reader is in the reader's set or not") {
  Offload offload;
  CHECK(needed_for(offload) == OffloadSet{});
  offload.flags = kVnetDataValid;
  CHECK(needed_for(offload) == OffloadSet{});
  offload.flags = kVnetNeedsCsum;
  CHECK(needed_for(offload) == OffloadSet{csum});
  offload.gso_type = kVnetGsoTcp4;
  CHECK(needed_for(offload) == OffloadSet{csum, tso4});
  offload.gso_type = kVnetGsoTcp4 | kVnetGsoEcn;
  CHECK(needed_for(offload) == OffloadSet{csum, tso4});
  offload.gso_type = kVnetGsoTcp6 | kVnetGsoEcn;
  CHECK(needed_for(offload) == OffloadSet{csum, tso6});
  offload.gso_type = kVnetGsoUdpL4;
  CHECK(needed_for(offload) == OffloadSet{csum, uso});
}

}  // namespace
