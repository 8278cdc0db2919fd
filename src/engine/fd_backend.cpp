// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/fd_backend.hpp"

#include "descriptor_backend.hpp"

namespace bellpull::engine {

namespace {

class FdBackend final : public DescriptorBackend {
 public:
  FdBackend(const FdOptions& options, FdCounters& counters)
      : DescriptorBackend(options, counters) {}

  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    while (reaped.count < done.size() && !ops_.empty()) {
      const Step step = call(done[reaped.count]);
      if (step == Step::done || step == Step::failed) ++reaped.count;
      reaped.would_block = step == Step::would_block;
      if (step == Step::failed || step == Step::would_block) break;
      if (alone_ && reads()) break;
    }
    note(reaped);
    return reaped;
  }

 private:
  // Where they come one by one, each is handed over before the call that finds no other: who
  // answers it does not wait for that call.
  void note(const Reaped& reaped) noexcept {
    given_ += reaped.count;
    if (!reaped.would_block) {
      alone_ = false;
    } else if (given_ != 0) {
      alone_ = given_ == 1;
      given_ = 0;
    }
  }

  unsigned given_ = 0;  // since there was nothing
  bool alone_ = false;  // one is expected
};

}  // namespace

std::unique_ptr<Backend> make_fd_backend(const FdOptions& options, FdCounters& counters) {
  return std::make_unique<FdBackend>(options, counters);
}

}  // namespace bellpull::engine
