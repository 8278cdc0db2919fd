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
    }
    return reaped;
  }
};

}  // namespace

std::unique_ptr<Backend> make_fd_backend(const FdOptions& options, FdCounters& counters) {
  check_descriptor(options);
  return std::make_unique<FdBackend>(options, counters);
}

}  // namespace bellpull::engine
