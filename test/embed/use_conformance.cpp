// SPDX-License-Identifier: BSD-2-Clause
// A user of the component conformance: a complete back-end that can do nothing but copy, put
// through the kit. It moves up to kStep bytes per reap(), in the order in which transfers were
// started.
#include <algorithm>
#include <array>
#include <bellpull/engine/backend.hpp>
#include <bellpull/engine/conformance.hpp>
#include <bellpull/ring/version.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>

namespace engine = bellpull::engine;

namespace {

// A place in a list of segments.
struct Place {
  std::span<const engine::Segment> rest;
  std::size_t offset = 0;

  std::size_t bytes_together() {
    while (!rest.empty() && offset == rest.front().length) {
      rest = rest.subspan(1);
      offset = 0;
    }
    return rest.empty() ? 0 : rest.front().length - offset;
  }
  std::byte* take(std::size_t bytes) {
    std::byte* const data = rest.front().data + offset;
    offset += bytes;
    return data;
  }
};

class CopyOnly final : public engine::Backend {
 public:
  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return {.operations = {engine::Operation::copy},
            .max_segments = 16,
            .max_length = 1u << 30,
            .residue = engine::Granularity::burst};
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override { return kWindow - count_; }

  unsigned start(std::span<const engine::Op> ops) noexcept override {
    const auto taken = static_cast<unsigned>(std::min<std::size_t>(window(), ops.size()));
    std::copy_n(ops.begin(), taken, held_.begin() + count_);
    if (count_ == 0 && taken != 0) begin();
    count_ += taken;
    return taken;
  }

  engine::Reaped reap(std::span<engine::Done> done) noexcept override {
    engine::Reaped reaped;
    std::size_t left = kStep;
    while (count_ != 0 && reaped.count < done.size() && move(left)) {
      done[reaped.count++] = {.id = held_[0].id, .bytes = moved_};
      remove(0);
    }
    return reaped;
  }

  bool cancel(std::uint64_t id) noexcept override {
    for (unsigned i = 0; i < count_; ++i) {
      if (held_[i].id == id) return remove(i);
    }
    return false;
  }

  void stop() noexcept override { count_ = 0; }

  [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
    return count_ != 0 && held_[0].id == id ? moved_ : 0;
  }

 private:
  static constexpr unsigned kWindow = 32;
  static constexpr std::size_t kStep = 64u * 1024;

  void begin() noexcept {
    from_ = {held_[0].source};
    to_ = {held_[0].destination};
    moved_ = 0;
  }

  bool remove(unsigned at) noexcept {
    std::copy(held_.begin() + at + 1, held_.begin() + count_, held_.begin() + at);
    if (--count_ != 0 && at == 0) begin();
    return true;
  }

  // Moves the first on; true when it is over.
  bool move(std::size_t& left) noexcept {
    for (;;) {
      const std::size_t together = std::min(from_.bytes_together(), to_.bytes_together());
      if (together == 0) return true;
      const std::size_t bytes = std::min(together, left);
      if (bytes == 0) return false;
      std::memcpy(to_.take(bytes), from_.take(bytes), bytes);
      moved_ += bytes;
      left -= bytes;
    }
  }

  std::array<engine::Op, kWindow> held_;
  unsigned count_ = 0;
  Place from_, to_;  // of the first one
  std::uint64_t moved_ = 0;
};

}  // namespace

int main() {
  engine::conformance::Subject subject;
  subject.make = [] { return std::make_unique<CopyOnly>(); };
  const engine::conformance::Report report = engine::conformance::run(subject);
  if (!report.passed()) {
    std::fputs(report.text().c_str(), stdout);
    return 1;
  }
  std::printf("conformance %d.%d.%d\n", BELLPULL_VERSION_MAJOR, BELLPULL_VERSION_MINOR,
              BELLPULL_VERSION_PATCH);
}
