// SPDX-License-Identifier: BSD-2-Clause
#include "rig.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

namespace bellpull::engine::test {

std::string describe(Placement placement) {
  return placement == Placement::driven ? "driven" : "autonomous";
}

std::string describe(const Setting& setting) {
  constexpr std::array<const char*, 3> names{"seqpacket socket", "datagram socket", "loopback"};
  return std::string(names[static_cast<std::size_t>(setting.medium)]) + ", " +
         describe(setting.placement) + ", " + describe(setting.layout);
}

std::string describe(QueueLayout layout) {
  return layout == QueueLayout::split ? "split ring" : "packed ring";
}

SocketPair::SocketPair(int type) {
  if (::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
}

SocketPair::~SocketPair() {
  close_left();
  close_right();
}

void SocketPair::close_left() {
  if (fds_[0] >= 0) ::close(std::exchange(fds_[0], -1));
}

void SocketPair::close_right() {
  if (fds_[1] >= 0) ::close(std::exchange(fds_[1], -1));
}

std::span<std::byte> bytes_of(std::string& text) {
  return std::as_writable_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

PrepareError post(StreamChannel& channel, std::span<std::byte> memory, std::uint64_t token) {
  const OneSegment one(memory, token);
  return channel.post(one.batch());
}

void step(Engine& engine) {
  if (engine.placement() == Placement::autonomous) {
    std::this_thread::yield();
    return;
  }
  engine.retry_blocked();
  engine.run(64);
}

void full_round(Engine& engine) {
  if (engine.placement() == Placement::driven) {
    step(engine);
    return;
  }
  // To open and close a channel parks the thread several times, each at the end of a round.
  LoopbackPair ends = make_loopback({.messages = 1, .max_length = 1, .window = 1});
  const auto channel = engine.open_stream({.size = 1}, std::move(ends.sender));
}

std::vector<Completion> collect(Engine& engine, StreamChannel& channel, std::size_t count) {
  std::vector<Completion> all(count);
  std::size_t got = 0;
  const auto poll = [&] {
    got += channel.poll(std::span(all).subspan(got));
    return got == count;
  };
  const bool done = until(engine, poll, [&] { return got; });
  if (!done) all.resize(got);
  return all;
}

Notify BellCounter::notify() {
  return {[](void* context) noexcept {
            static_cast<BellCounter*>(context)->rung.fetch_add(1, std::memory_order_relaxed);
          },
          this};
}

std::unique_ptr<Backend> writer(int fd, FdCounters& counters, unsigned window, Framing framing) {
  return make_fd_backend(
      {.fd = fd, .direction = Direction::memory_to_device, .framing = framing, .window = window},
      counters);
}

std::unique_ptr<Backend> reader(int fd, FdCounters& counters, unsigned window, Framing framing) {
  return make_fd_backend(
      {.fd = fd, .direction = Direction::device_to_memory, .framing = framing, .window = window},
      counters);
}

Rig::Rig(const Setting& setting, const RigOptions& options)
    : engine(EngineOptions{.placement = setting.placement}) {
  const StreamOptions tx_options{options.size, options.tx_bell, options.tx_sink, setting.layout};
  const StreamOptions rx_options{options.size, options.rx_bell, options.rx_sink, setting.layout};
  if (setting.medium == Medium::loopback) {
    LoopbackPair ends = make_loopback({.messages = options.messages, .window = options.window});
    tx = engine.open_stream(tx_options, std::move(ends.sender));
    rx = engine.open_stream(rx_options, std::move(ends.receiver));
    return;
  }
  sockets = std::make_unique<SocketPair>(setting.medium == Medium::seqpacket ? SOCK_SEQPACKET
                                                                             : SOCK_DGRAM);
  tx = engine.open_stream(tx_options, writer(sockets->left(), tx_counters, options.window));
  rx = engine.open_stream(rx_options, reader(sockets->right(), rx_counters, options.window));
}

}  // namespace bellpull::engine::test
