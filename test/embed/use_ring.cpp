// SPDX-License-Identifier: BSD-2-Clause
// A user of the component ring: both halves of a queue, a question sent and its answer read.
#include <array>
#include <bellpull/ring/shared_region.hpp>
#include <bellpull/ring/version.hpp>
#include <bellpull/ring/virtqueue.hpp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>

namespace ring = bellpull::ring;

namespace {

constexpr std::uint32_t kSize = 8;

ring::Segment segment_of(std::span<char> bytes) {
  return {reinterpret_cast<std::uintptr_t>(bytes.data()), static_cast<std::uint32_t>(bytes.size())};
}

template <class Layout>
bool answer(ring::Device<Layout>& device) {
  std::array<ring::Piece, kSize> pieces;
  ring::Budget budget;
  unsigned answered = 0;
  device.poll(budget, pieces, [&](const ring::Chain& chain) {
    const ring::Piece question = chain.readable_of(pieces)[0];
    const ring::Piece room = chain.writable_of(pieces)[0];
    if (std::memcmp(question.data, "ping", 4) != 0 || room.length < 4) return;
    std::memcpy(room.data, "pong", 4);
    device.complete(chain, 4);
    ++answered;
  });
  device.publish();
  return answered == 1;
}

template <class Layout>
bool exchange() {
  // In shared memory, which needs the archive and not just the headers.
  ring::RegionPlan plan;
  ring::SharedRegion region;
  if (plan.add_queue<Layout>(kSize) != ring::SetupError::none) return false;
  if (!region.create("embedded", plan)) return false;
  std::array<ring::DriverSlot, kSize> slots{};
  typename Layout::Memory memory{};
  if (region.queue<Layout>(0, memory) != ring::SetupError::none) return false;
  ring::Driver<Layout> driver;
  ring::Device<Layout> device;
  if (driver.attach(memory, {.slots = slots}) != ring::SetupError::none) return false;
  if (device.attach(memory, {}) != ring::SetupError::none) return false;

  std::array<char, 4> question{'p', 'i', 'n', 'g'};
  std::array<char, 16> reply{};
  const ring::Segment out = segment_of(question);
  const ring::Segment in = segment_of(reply);
  if (driver.post({&out, 1}, {&in, 1}, 42) == ring::kNoHead) return false;
  if (answer(device)) return false;  // it was not published yet
  driver.publish();
  if (!answer(device)) return false;

  bool right = false;
  const unsigned polled = driver.poll(kSize, [&](const ring::Used& used) {
    right = used.token == 42 && used.length == 4 && std::memcmp(reply.data(), "pong", 4) == 0;
  });
  return polled == 1 && right && driver.free_descriptors() == kSize;
}

}  // namespace

int main() {
  if (!exchange<ring::Split>() || !exchange<ring::Packed>()) {
    std::puts("ring: the answer did not come back");
    return 1;
  }
  std::printf("ring %d.%d.%d\n", BELLPULL_VERSION_MAJOR, BELLPULL_VERSION_MINOR,
              BELLPULL_VERSION_PATCH);
}
