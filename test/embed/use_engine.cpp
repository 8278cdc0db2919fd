// SPDX-License-Identifier: BSD-2-Clause
// A user of the component engine: a message through two channels joined in memory; the engine has a
// thread of its own, so that the link needs all that the component needs.
#include <array>
#include <atomic>
#include <bellpull/engine/engine.hpp>
#include <bellpull/engine/loopback_backend.hpp>
#include <bellpull/ring/version.hpp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>

namespace engine = bellpull::engine;

namespace {

void raise_flag(void* flag) noexcept {
  static_cast<std::atomic<bool>*>(flag)->store(true);
  static_cast<std::atomic<bool>*>(flag)->notify_one();
}

bool post(engine::StreamChannel& channel, std::span<std::byte> bytes) {
  const engine::Segment segment{bytes.data(), bytes.size()};
  const engine::Request request{.segments = {&segment, 1}, .token = 7};
  if (channel.post({&request, 1}).kind != engine::PrepareError::Kind::none) return false;
  channel.issue();
  return true;
}

bool carry() {
  engine::Engine engine({.placement = engine::Placement::autonomous});
  engine::LoopbackPair pair = engine::make_loopback({});
  std::atomic<bool> rung{false};
  const auto tx = engine.open_stream({.size = 4}, std::move(pair.sender));
  const auto rx = engine.open_stream({.size = 4, .notify = {.ring = raise_flag, .context = &rung}},
                                     std::move(pair.receiver));

  std::array<std::byte, 64> room{};
  std::array<std::byte, 5> message{};
  std::memcpy(message.data(), "hello", message.size());
  if (!post(*rx, room) || !post(*tx, message)) return false;
  if (rx->arm() == engine::Armed::armed) rung.wait(false);

  engine::Completion done;
  while (rx->poll({&done, 1}) == 0) {
  }
  return done.status == engine::Status::ok && done.bytes == message.size() && done.token == 7 &&
         std::memcmp(room.data(), message.data(), message.size()) == 0;
}

}  // namespace

int main() {
  if (!carry()) {
    std::puts("engine: the message did not arrive");
    return 1;
  }
  std::printf("engine %d.%d.%d\n", BELLPULL_VERSION_MAJOR, BELLPULL_VERSION_MINOR,
              BELLPULL_VERSION_PATCH);
}
