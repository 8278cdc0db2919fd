// SPDX-License-Identifier: BSD-2-Clause
// Two processes over a virtqueue in shared memory: the child asks, the parent believes nothing.
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "bellpull/ring/doorbell.hpp"
#include "bellpull/ring/virtqueue.hpp"
using namespace bellpull::ring;

constexpr auto must = [](bool holds) { holds ? void() : _exit(1); };

int ask(int memfd, Doorbell& kick, Doorbell& bell) {
  SharedRegion region;  // mapped anew, at an address of its own
  PackedMemory queue;
  std::array<DriverSlot, 8> slots;
  Driver<Packed> driver;
  must(region.open(memfd) && region.queue<Packed>(0, queue) == SetupError::none);
  must(driver.attach(queue, {.slots = slots}) == SetupError::none);
  std::byte* const text = region.part(1).data();
  const Segment question{region.address_of(text), 5}, answer{region.address_of(text) + 64, 5};
  for (int i = 0; i < 100; ++i) {
    std::memcpy(text, "hello", 5);
    (void)driver.post({&question, 1}, {&answer, 1}, 0);
    if (driver.publish_and_test()) kick.ring();
    while (driver.poll(1, [](const Used&) {}) == 0)
      must(driver.arm() || bell.wait(10'000) == Wake::rang);
  }
  return std::memcmp(text + 64, "olleh", 5);
}

void serve(Device<Packed, Untrusted, RegionMap<>>& device, Doorbell& kick, Doorbell& bell) {
  epoll_event event{.events = EPOLLIN, .data = {}};
  const int epoll = epoll_create1(0);
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, kick.fd(), &event) == 0);
  for (int answered = 0; answered < 100; kick.hear()) {
    std::array<Piece, 2> pieces;
    for (Chain chain; device.take(pieces, chain); ++answered) {
      must(chain.readable == 1 && chain.writable == 1 && pieces[0].length <= pieces[1].length);
      std::reverse_copy(pieces[0].data, pieces[0].data + pieces[0].length, pieces[1].data);
      device.complete(chain, static_cast<std::uint32_t>(pieces[0].length));
    }
    if (device.publish_and_test()) bell.ring();
    if (answered < 100 && !device.arm()) must(epoll_wait(epoll, &event, 1, 10'000) == 1);
  }
}

int main() {
  RegionPlan plan;
  SharedRegion region;
  PackedMemory queue;
  Doorbell kick, bell;
  must(plan.add_queue<Packed>(8) == SetupError::none && plan.add_bytes(128) == SetupError::none);
  must(kick.make() && bell.make() && region.create("example", plan));
  must(region.queue<Packed>(0, queue) == SetupError::none);
  if (fork() == 0) _exit(ask(region.fd(), kick, bell));
  std::array<Region, 1> regions{region.as_region()};
  std::array<DeviceSlot, 8> slots;
  RegionTable table;
  must(RegionTable::make(regions, table) == SetupError::none);
  RegionMap<> map(table);
  Device<Packed, Untrusted, RegionMap<>> device;
  must(device.attach(queue, {.slots = slots, .map = &map}) == SetupError::none);
  serve(device, kick, bell);
  int status = 1;
  return wait(&status) > 0 && status == 0 ? 0 : 1;
}
