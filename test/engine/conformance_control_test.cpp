// SPDX-License-Identifier: BSD-2-Clause
// Check 35: back-ends that do not do what stop, cancel, pause and progress ask for, and the check
// that finds each.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "bellpull/engine/copy_backend.hpp"
#include "conformance_rig.hpp"
#include "mutant_backends.hpp"

namespace bellpull::engine::test {
namespace {

TEST_CASE("check 35: memory that is touched after stop is found, written, read or reported") {
  struct Writes final : ByteBackend {
    Reaped reap(std::span<Done> done) noexcept override {
      if (stopped_ && held_.empty() && last_.data != nullptr) last_.data[0] = std::byte{};
      return ByteBackend::reap(done);
    }
    void stop() noexcept override {
      stopped_ = true;
      ByteBackend::stop();
    }
    bool stopped_ = false;
  };
  must_fail<Writes>("after stop no memory is touched");
  struct Reads final : ByteBackend {
    Reaped reap(std::span<Done> done) noexcept override {
      if (last_.data != nullptr && held_.empty()) sum_ = sum_ ^ last_.data[0];
      return ByteBackend::reap(done);
    }
    volatile std::byte sum_{};
  };
  must_fail<Reads>("after stop no memory is touched");
}

TEST_CASE("check 35, R7: a back-end that cannot be terminated is refused") {
  struct Mutant final : ByteBackend {
    void stop() noexcept override {}
  };
  must_fail<Mutant>("after stop no memory is touched");
  struct Full final : ByteBackend {
    [[nodiscard]] unsigned window() const noexcept override { return window_; }
    unsigned start(std::span<const Op> ops) noexcept override {
      const unsigned taken = ByteBackend::start(ops);
      window_ -= taken;
      return taken;
    }
    Reaped reap(std::span<Done> done) noexcept override {
      const Reaped reaped = ByteBackend::reap(done);
      window_ += reaped.count;
      return reaped;
    }
    unsigned window_ = kWindow;
  };
  must_fail<Full>("after stop no memory is touched");
}

TEST_CASE("check 35: a back-end that does nothing more after stop is found") {
  struct Mutant final : ByteBackend {
    Reaped reap(std::span<Done> done) noexcept override {
      return stopped_ ? Reaped{} : ByteBackend::reap(done);
    }
    void stop() noexcept override {
      stopped_ = true;
      ByteBackend::stop();
    }
    bool stopped_ = false;
  };
  must_fail<Mutant>("transfers can be started after stop");
}

TEST_CASE("check 35: a cancelled transfer that is reported, or moves, is found") {
  struct Reports final : ByteBackend {
    bool cancel(std::uint64_t id) noexcept override {
      return std::any_of(held_.begin(), held_.end(), [&](const Op& op) { return op.id == id; });
    }
  };
  must_fail<Reports>("cancel forgets a transfer or says that it cannot");
  struct Moves final : ByteBackend {
    Reaped reap(std::span<Done> done) noexcept override {
      for (const Op& op : cancelled_) scatter(op.destination, gather(op.source));
      cancelled_.clear();
      return ByteBackend::reap(done);
    }
    bool cancel(std::uint64_t id) noexcept override {
      for (const Op& op : held_) {
        if (op.id == id) cancelled_.push_back(op);
      }
      return ByteBackend::cancel(id);
    }
    std::vector<Op> cancelled_;
  };
  must_fail<Moves>("cancel forgets a transfer or says that it cannot");
  struct Agrees final : ByteBackend {
    bool cancel(std::uint64_t id) noexcept override {
      (void)ByteBackend::cancel(id);
      return true;
    }
  };
  must_fail<Agrees>("cancel forgets a transfer or says that it cannot");
}

TEST_CASE("check 35: bytes that move while it is paused are found") {
  // As a device would that was not told: it goes on whatever it is asked.
  struct Mutant final : ByteBackend {
    [[nodiscard]] std::uint64_t progress(std::uint64_t) const noexcept override {
      for (const Op& op : held_) scatter(op.destination, gather(op.source));
      return 0;
    }
  };
  must_fail<Mutant>("nothing moves from pause to resume");
}

TEST_CASE("check 35: progress that is early, too much, too fine or backward is found") {
  struct Wrong : WrappedBackend {
    Wrong() : WrappedBackend(make_copy_backend({.slice = 1000})) {}
  };
  struct Early final : Wrong {
    [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
      return Wrong::progress(id) + 1;
    }
  };
  must_fail<Early>("progress is true");
  struct TooMuch final : Wrong {
    [[nodiscard]] std::uint64_t progress(std::uint64_t) const noexcept override {
      return ~std::uint64_t{0};
    }
  };
  must_fail<TooMuch>("progress is true");
  struct Coarse final : Wrong {
    [[nodiscard]] Capabilities capabilities() const noexcept override {
      Capabilities declared = Wrong::capabilities();
      declared.residue = Granularity::segment;
      return declared;
    }
  };
  must_fail<Coarse>("progress is true");
  struct Backward final : Wrong {
    [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
      const std::uint64_t now = Wrong::progress(id);
      return now > 2000 ? 1000 : now;
    }
  };
  must_fail<Backward>("progress is true");
}

}  // namespace
}  // namespace bellpull::engine::test
