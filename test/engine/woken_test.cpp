// SPDX-License-Identifier: BSD-2-Clause
// What a wait source reported gets to the back-end, whatever is between.
#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "bellpull/engine/fault_backend.hpp"
#include "directory_rig.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

/// Notes with which events it was woken.
class WokenBackend final : public TestBackend {
 public:
  WokenBackend(BackendLog& log, std::vector<std::uint32_t>& woken)
      : TestBackend(log), woken_(woken), fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    REQUIRE(fd_ >= 0);
  }
  ~WokenBackend() override { ::close(fd_); }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {fd_, EPOLLOUT}; }
  void woken(std::uint32_t events) noexcept override { woken_.push_back(events); }

 private:
  std::vector<std::uint32_t>& woken_;
  const int fd_;
};

void check_woken(Engine& engine, const std::vector<std::uint32_t>& woken) {
  REQUIRE(engine.wait_sources().size() == 1);
  engine.source_ready(0, EPOLLERR | EPOLLOUT);
  engine.source_ready(0);
  CHECK(woken == std::vector<std::uint32_t>{EPOLLERR | EPOLLOUT, ~0U});
}

TEST_CASE("the events of a wait source reach the back-end") {
  Engine engine{{.placement = Placement::driven}};
  BackendLog log;
  std::vector<std::uint32_t> woken;
  const auto channel = engine.open_stream({.size = 8}, std::make_unique<WokenBackend>(log, woken));
  check_woken(engine, woken);
}

TEST_CASE("the events of a wait source reach the back-end behind a plan of faults") {
  Engine engine{{.placement = Placement::driven}};
  BackendLog log;
  FaultCounters counters;
  std::vector<std::uint32_t> woken;
  const auto channel = engine.open_stream(
      {.size = 8}, make_fault_backend(std::make_unique<WokenBackend>(log, woken), {}, counters));
  check_woken(engine, woken);
}

TEST_CASE(
    "the events of a wait source reach the back-end of a channel that is declared with less") {
  Engine engine{{.placement = Placement::driven}};
  BackendLog log;
  std::vector<std::uint32_t> woken;
  auto backend = std::make_unique<WokenBackend>(log, woken);
  Capabilities less = backend->capabilities();
  less.max_length /= 2;
  DeviceDeclaration device = copy_device(engine, 0);
  device.channels.push_back(
      {.name = "out", .make = [&] { return std::move(backend); }, .capabilities = less});
  ChannelDirectory directory;
  directory.add(device);
  const ChannelLease lease = directory.request(ChannelQuery::named("out")).lease;
  REQUIRE(lease.stream() != nullptr);
  CHECK(lease.stream()->capabilities().max_length == less.max_length);
  check_woken(engine, woken);
}

}  // namespace
}  // namespace bellpull::engine::test
