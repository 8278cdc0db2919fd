// SPDX-License-Identifier: BSD-2-Clause
// The offload self-test on a pair of real TAPs with a bridge between them.
#include <fcntl.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bellpull/netdrv/fault_link.hpp"
#include "bellpull/netdrv/offload_self_test.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "fault_rig.hpp"
#include "tap_world.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using test::ip;

namespace {

const OffloadSet kCsum{OffloadFeature::csum};

// Two TAPs and a bridge; links over them, for which they are opened once more.
struct BridgedTaps {
  BridgedTaps() : taps{TapDevice::open("left0"), TapDevice::open("right0")} {
    ip("link add bridge0 type bridge");
    for (const char* const name : {"left0", "right0"}) {
      ip(std::string("link set ") + name + " master bridge0 up");
    }
    ip("link set bridge0 up");
    known = taps[0].probe_offloads();
  }
  ~BridgedTaps() { ip("link del bridge0"); }

  std::unique_ptr<TapLink> link(unsigned number, OffloadSet reader, OffloadSet writer,
                                Io io = Io::syscall) {
    UniqueFd fd(::fcntl(taps[number].fd(), F_DUPFD_CLOEXEC, 0));
    REQUIRE(fd.get() >= 0);
    TapDevice device = TapDevice::adopt(std::move(fd));
    device.set_offloads(reader);
    return std::make_unique<TapLink>(std::move(device), TapLinkOptions{.io = io, .tx = writer});
  }

  OffloadVerdict tested(OffloadSet reader, std::string_view from_plan, std::string_view to_plan) {
    const auto from = link(0, {}, known);
    const auto to = link(1, reader, {});
    FaultLink faulty_from(*from, test::plan_of(from_plan));
    FaultLink faulty_to(*to, test::plan_of(to_plan));
    return test_offloads(faulty_from, faulty_to);
  }

  TapDevice taps[2];
  OffloadSet known;
};

std::string reasons(const OffloadVerdict& verdict) {
  std::string text;
  for (const OffloadFailure& failure : verdict.failures) {
    text += std::string(name_of(failure.feature)) + ": " + failure.why + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("check 3: what the kernel cuts and completes is what Segmenter makes, byte for byte") {
  BridgedTaps world;
  const OffloadVerdict verdict = world.tested({}, "drop:chance=0", "drop:chance=0");
  CHECK(reasons(verdict) == "");
  CHECK(verdict.trusted == world.known);
}

TEST_CASE("check 3: what the kernel leaves to the reader, cut by Segmenter, is the same") {
  BridgedTaps world;
  for (const OffloadSet reader : {world.known, kCsum}) {
    const OffloadVerdict verdict = world.tested(reader, "drop:chance=0", "drop:chance=0");
    CHECK(reasons(verdict) == "");
    CHECK(verdict.trusted == world.known);
  }
}

TEST_CASE("check 3: the self-test works through io_uring as well") {
  BridgedTaps world;
  for (const OffloadSet reader : {OffloadSet{}, world.known}) {
    const auto from = world.link(0, {}, world.known, Io::uring);
    const auto to = world.link(1, reader, {}, Io::uring);
    const OffloadVerdict verdict = test_offloads(*from, *to);
    CHECK(reasons(verdict) == "");
    CHECK(verdict.trusted == world.known);
  }
}

TEST_CASE("check 3: an offload whose superframes are spoiled on their way out is not trusted") {
  BridgedTaps world;
  for (const char* const plan : {"tx:corrupt:gso", "tx:truncate:gso", "tx:drop:gso",
                                 "tx:duplicate:gso", "tx:errno=EINVAL:gso", "tx:errno=EIO:gso"}) {
    CAPTURE(plan);
    const OffloadVerdict verdict = world.tested({}, plan, "drop:chance=0");
    CHECK(verdict.trusted == kCsum);
    CHECK(verdict.failures.size() == 3);
    for (const OffloadFailure& failure : verdict.failures) CHECK(failure.why != "");
  }
}

TEST_CASE("check 3: an offload whose superframes are spoiled on their way in is not trusted") {
  BridgedTaps world;
  for (const char* const plan : {"rx:corrupt:gso", "rx:truncate:gso", "rx:drop:gso",
                                 "rx:duplicate:gso", "rx:errno=EINVAL:gso"}) {
    CAPTURE(plan);
    CHECK(world.tested({}, "drop:chance=0", plan).trusted == world.known);
    CHECK(world.tested(world.known, "drop:chance=0", plan).trusted == kCsum);
  }
}

TEST_CASE("check 3: without checksums nothing is trusted, and one reason is enough") {
  BridgedTaps world;
  for (const char* const plan : {"tx:corrupt", "tx:drop", "tx:errno=EINVAL"}) {
    CAPTURE(plan);
    const OffloadVerdict verdict = world.tested({}, plan, "drop:chance=0");
    CHECK(verdict.trusted.empty());
    CHECK(verdict.failures.size() == 1);
  }
}

TEST_CASE("check 3: one spoiled superframe of many is found, and told of") {
  BridgedTaps world;
  const OffloadVerdict verdict =
      world.tested({}, "tx:corrupt:gso:every=5:limit=1", "drop:chance=0");
  CHECK(verdict.trusted == world.known - OffloadSet{OffloadFeature::tso4});
  CHECK(reasons(world.tested({}, "tx:errno=EINVAL:gso:limit=1", "drop:chance=0")) ==
        "tso4: TCP over IPv4 with CWR, 3000 bytes by 1000: the kernel refused it\n");
  CHECK(reasons(world.tested({}, "tx:drop:gso:limit=1", "drop:chance=0")) ==
        "tso4: TCP over IPv4 with CWR, 3000 bytes by 1000: 0 of 3 frames came\n");
}

TEST_CASE("the self-test tries what the sender has, and no more") {
  BridgedTaps world;
  const OffloadSet some{OffloadFeature::csum, OffloadFeature::tso6};
  const auto from = world.link(0, {}, some);
  const auto to = world.link(1, world.known, {});
  CHECK(test_offloads(*from, *to).trusted == some);
  const auto none = world.link(0, {}, {});
  CHECK(test_offloads(*none, *world.link(1, {}, {})).trusted.empty());
}
