// SPDX-License-Identifier: BSD-2-Clause
// forwarder LEFT RIGHT SECONDS: joins two TAP interfaces, which it makes, inside an epoll loop of
// its own that has a timer and signals in it as well. What to do with a frame is one function.
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"

using namespace bellpull;

struct Forwarder final : netdrv::App {
  std::uint64_t frames = 0;
  void receive(unsigned port, std::span<netdrv::Packet> burst,
               netdrv::Egress& egress) noexcept override {
    frames += burst.size();
    for (netdrv::Packet& frame : burst) egress.send(1 - port, std::move(frame));
  }
};

void run(char** arguments, Forwarder& app) {
  engine::Engine engine({.placement = engine::Placement::driven});
  netdrv::TapLink left(netdrv::TapDevice::open(arguments[1]));
  netdrv::TapLink right(netdrv::TapDevice::open(arguments[2]));
  netdrv::Nic nic(engine, app, {});
  nic.add_port(left);
  nic.add_port(right);
  sigset_t signals{};
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  itimerspec after{};
  after.it_value.tv_sec = std::atoi(arguments[3]);
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  timerfd_settime(timer, 0, &after, nullptr);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (const int fd : {nic.fd(), timer, signalfd(-1, &signals, SFD_CLOEXEC)}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  nic.start();
  std::fputs("forwarder: ready\n", stderr);
  for (bool more = true, stop = false; !stop;) {
    epoll_event event{};
    if (epoll_wait(epoll, &event, 1, more ? 0 : -1) == 1) stop = event.data.fd != nic.fd();
    more = nic.run_once(0);
  }
  nic.drain(std::chrono::milliseconds(100));
}

int main(int, char** arguments) try {
  Forwarder app;
  run(arguments, app);
  std::printf("forwarder: %llu frames\n", static_cast<unsigned long long>(app.frames));
} catch (const std::exception& error) {
  std::fprintf(stderr, "forwarder: %s\n", error.what());
  return 1;
}
