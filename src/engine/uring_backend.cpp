// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/uring_backend.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "descriptor_backend.hpp"
#include "read_burst.hpp"
#include "uring.hpp"

namespace bellpull::engine {

namespace {

// For fewer, calls of their own are cheaper than the ring. Beside the copying of many bytes the
// difference is small, and calls are saved.
constexpr unsigned kLeastBatch = 4;
constexpr unsigned kLeastLargeBatch = 2;
constexpr std::uint64_t kLarge = 8192;  // bytes

class UringBackend final : public DescriptorBackend {
 public:
  UringBackend(const FdOptions& options, FdCounters& counters)
      : DescriptorBackend(options, counters),
        ring_(options.fd, counters.calls),
        vectors_(Uring::kBatch) {}

  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    if (!done.empty() && late_count_ != 0) {
      report_late(done, reaped);
      return reaped;
    }
    while (reaped.count < done.size() && !ops_.empty()) {
      const auto room = static_cast<unsigned>(done.size()) - reaped.count;
      const Step step = move(std::min(room, ops_.count()), done, reaped);
      reaped.would_block = step == Step::would_block;
      if (step == Step::failed || step == Step::would_block) break;
    }
    return reaped;
  }

  [[nodiscard]] bool quiet() noexcept override { return reads() && ring_.quiet(); }

  void stop() noexcept override {
    DescriptorBackend::stop();
    late_count_ = 0;
    ring_.close();
  }

 private:
  // At most `most` transfers, with one call. Returns how the last one ended.
  [[nodiscard]] Step move(unsigned most, std::span<Done> done, Reaped& reaped) noexcept {
    const unsigned wanted = std::min(most, reads() ? burst_.offer() : Uring::kBatch);
    const bool in_turn = reads() && options_.framing == Framing::bytes;
    const bool single =
        wanted < (large_ ? kLeastLargeBatch : kLeastBatch) || in_turn || !ring_.usable();
    const unsigned before = reaped.count;
    const Step step = single    ? one(done, reaped)
                      : reads() ? read(wanted, done, reaped)
                                : write(wanted, done, reaped);
    if (reaped.count != before) large_ = done[reaped.count - 1].bytes >= kLarge;
    if (step == Step::would_block) {
      burst_.dry(reaped.count - before);
    } else {
      burst_.filled(reaped.count - before);
    }
    return step;
  }

  [[nodiscard]] Step one(std::span<Done> done, Reaped& reaped) noexcept {
    const Step step = call(done[reaped.count]);
    if (step == Step::done || step == Step::failed) ++reaped.count;
    return step;
  }

  // Results come in the order of the frames. A buffer that got none stays where it was, in front.
  [[nodiscard]] Step read(unsigned count, std::span<Done> done, Reaped& reaped) noexcept {
    for (unsigned i = 0; i < count; ++i) {
      vectors_[i] = rest_of(i);
      ring_.read(vectors_[i].all());
    }
    Step step = Step::again;
    unsigned kept = 0;
    for (const std::int32_t result : ring_.run()) {
      Done ended;
      step = judge(ops_.at(kept), result, ended);
      if (step == Step::done) done[reaped.count++] = ended;
      if (step == Step::failed) late_[late_count_++] = ended;
      if (step == Step::done || step == Step::failed) {
        ops_.erase(kept);
      } else {
        ++kept;
      }
    }
    if (step == Step::would_block) counters_.would_block.add(1);
    if (late_count_ == 0) return step;
    report_late(done, reaped);
    return Step::failed;
  }

  // What follows one that was not taken whole was not tried.
  [[nodiscard]] Step write(unsigned count, std::span<Done> done, Reaped& reaped) noexcept {
    for (unsigned i = 0; i < count; ++i) {
      vectors_[i] = rest_of(i);
      ring_.write(vectors_[i].all(), i + 1 < count);
    }
    for (const std::int32_t result : ring_.run()) {
      const Step step = judge(ops_.front(), result, done[reaped.count]);
      if (step == Step::done || step == Step::failed) {
        ++reaped.count;
        ops_.pop();
      }
      if (step == Step::would_block) counters_.would_block.add(1);
      if (step != Step::done) return step;
    }
    return Step::done;
  }

  [[nodiscard]] Step judge(const Op& op, std::int32_t result, Done& done) noexcept {
    if (result == Uring::kNotTried) return Step::again;
    // The file knows no RWF_NOWAIT, or the device has no such operation: a plain call will tell.
    if (result == -EOPNOTSUPP) {
      ring_.close();
      return Step::again;
    }
    return settle(op, result, done);
  }

  // One of them: a failure ends a reap().
  void report_late(std::span<Done> done, Reaped& reaped) noexcept {
    done[reaped.count++] = late_.front();
    std::move(late_.begin() + 1, late_.begin() + late_count_, late_.begin());
    --late_count_;
  }

  Uring ring_;
  ReadBurst burst_{Uring::kBatch};
  bool large_ = false;  // what was moved last
  std::vector<Vectors> vectors_;
  std::array<Done, Uring::kBatch> late_;  // failed reads, not reported yet
  unsigned late_count_ = 0;
};

}  // namespace

std::unique_ptr<Backend> make_uring_backend(const FdOptions& options, FdCounters& counters) {
  return std::make_unique<UringBackend>(options, counters);
}

UringRefusal uring_refusal() {
  const int error = Uring::refusal();
  if (error == 0) return {};
  return {"io_uring_setup: " + std::generic_category().message(error), Uring::remedy_for(error)};
}

}  // namespace bellpull::engine
