// SPDX-License-Identifier: BSD-2-Clause
// Random calls of an operation channel over a back-end that ends transfers as chance has it,
// against a model that knows what may come of each.
#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>
#include <set>

#include "long_run.hpp"
#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

constexpr std::uint32_t kSize = 32;
constexpr std::size_t kPiece = 8;  // bytes of a segment; a multiple of the pattern, see token_of()

struct Transfer {
  std::size_t slots = 0;
  bool fence = false;
  bool issued = false;
  bool started = false;
  std::uint64_t moved = 0;           // bytes that were reported as done well
  std::int32_t error = 0;            // that was reported
  std::uint64_t ended_at = 0;        // the step in which the channel heard of its end
  std::uint64_t cleared_before = 0;  // failures of before then are no reason for anything
  bool terminated = false;           // it was submitted when that was asked for
  bool cancelled = false;            // behind a failure that halted the channel
  [[nodiscard]] std::uint64_t length() const { return slots * kPiece; }
  [[nodiscard]] bool ended() const { return ended_at != 0; }
};

// What can be known of the transfers from outside. Cookies count from 1.
struct Model {
  std::map<Cookie, Transfer> transfers;
  std::uint64_t step = 1;
  std::uint64_t cleared_at = 0;  // failures of before do not count for fences
  std::uint64_t reset_at = 0;    // and of before then, for halting
  bool halts = false;
  std::uint64_t wrong = 0;

  [[nodiscard]] bool failed_before(Cookie cookie, std::uint64_t since) const {
    for (const auto& [other, transfer] : transfers) {
      if (other >= cookie) break;
      if (transfer.error != 0 && transfer.ended_at > since) return true;
    }
    return false;
  }
  void start(Cookie cookie) {
    Transfer& transfer = transfers.at(cookie);
    wrong += !transfer.issued;
    wrong += transfer.ended();
    if (!transfer.started && transfer.fence) {
      for (const auto& [other, before] : transfers) {
        if (other >= cookie) break;
        wrong += before.started && !before.ended() && !before.terminated && !before.cancelled;
      }
      wrong += failed_before(cookie, cleared_at);
    }
    transfer.started = true;
  }
  void report(Cookie cookie, std::uint64_t bytes, std::int32_t error) {
    Transfer& transfer = transfers.at(cookie);
    transfer.moved += error == 0 ? bytes : 0;
    transfer.error = error;
    if (error != 0 || transfer.moved == transfer.length()) transfer.ended_at = step;
  }
};

// A fill's pattern is the same in each of its parts, and says whose they are.
class ModelBackend final : public Backend {
 public:
  ModelBackend(Model& model, std::mt19937_64& random, unsigned segments)
      : model_(model), random_(random), segments_(segments) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return {.operations = {Operation::fill}, .max_segments = segments_, .max_length = 1u << 20};
  }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override {
    return window_limit - std::min(window_limit, static_cast<unsigned>(held_.size()));
  }
  unsigned start(std::span<const Op> ops) noexcept override {
    // Now and then less than it said.
    unsigned count = std::min(window(), static_cast<unsigned>(ops.size()));
    if (random_() % 8 == 0) count = static_cast<unsigned>(random_() % (count + 1));
    for (const Op& op : ops.first(count)) {
      model_.wrong += op.destination.size() > segments_;
      model_.start(op.pattern);
      std::uint64_t bytes = 0;
      for (const Segment& segment : op.destination) bytes += segment.length;
      held_.push_back({op.id, op.pattern, bytes});
    }
    return count;
  }
  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    while (reaped.count < done.size() && may_end > 0) {
      if (random_() % 10 == 0) {
        done[reaped.count++] = {.id = random_()};
        ++garbage;
        continue;
      }
      if (held_.empty()) break;
      const auto at = held_.begin() + static_cast<std::ptrdiff_t>(random_() % held_.size());
      const std::int32_t error = random_() % 8 == 0 ? EIO : 0;
      model_.report(at->cookie, at->bytes, error);
      done[reaped.count++] = {.id = at->id, .bytes = error == 0 ? at->bytes : 0, .error = error};
      held_.erase(at);
      --may_end;
    }
    return reaped;
  }
  bool cancel(std::uint64_t id) noexcept override {
    return std::erase_if(held_, [&](const Held& held) {
             if (held.id != id) return false;
             model_.transfers.at(held.cookie).cancelled = true;
             return true;
           }) != 0;
  }
  void stop() noexcept override { held_.clear(); }

  unsigned window_limit = 8;
  unsigned may_end = 0;  // transfers that the next reaps may end
  std::uint64_t garbage = 0;

 private:
  struct Held {
    std::uint64_t id;
    Cookie cookie;
    std::uint64_t bytes;
  };
  Model& model_;
  std::mt19937_64& random_;
  const unsigned segments_;
  std::vector<Held> held_;
};

class World {
 public:
  World(const OperationSetting& setting, ErrorPolicy policy, unsigned segments, std::uint64_t seed)
      : random_(seed) {
    model_.halts = policy == ErrorPolicy::halt;
    auto backend = std::make_unique<ModelBackend>(model_, random_, segments);
    backend_ = backend.get();
    rig_.emplace(setting, std::move(backend), OperationOptions{.size = kSize, .on_error = policy});
  }

  void act() {
    ++model_.step;
    OperationChannel& channel = *rig_->channel;
    switch (random_() % 16) {
      case 0:
      case 1:
      case 2:
        post();
        break;
      case 3:
        drop();
        break;
      case 4:
      case 5:
        for (auto& [cookie, transfer] : model_.transfers) transfer.issued = true;
        channel.issue();
        break;
      case 6:
      case 7:
      case 8:
        run();
        break;
      case 9:
      case 10:
        poll(static_cast<unsigned>(random_() % 9));
        break;
      case 11:
        CHECK(channel.pause() == !paused_);
        paused_ = true;
        break;
      case 12:
        CHECK(channel.resume() == paused_);
        paused_ = false;
        break;
      case 13:
        backend_->window_limit = static_cast<unsigned>(random_() % 12);
        break;
      case 14:
        if (random_() % 4 == 0) terminate(random_() % 2 == 0);
        break;
      default:
        if (random_() % 2 == 0) {
          channel.reset();
          model_.cleared_at = model_.reset_at = model_.step;
        }
        status();
    }
    REQUIRE(model_.wrong == 0);
    REQUIRE(channel.free_slots() == kSize - slots_out_);
    REQUIRE(channel.in_flight() == submitted_ - polled_);
    REQUIRE(channel.stats().bad_done == backend_->garbage);
  }

  void drain() {
    OperationChannel& channel = *rig_->channel;
    if (channel.resume()) paused_ = false;
    for (auto& [cookie, transfer] : model_.transfers) transfer.issued = true;
    channel.issue();
    for (int i = 0; i < 2000 && polled_ != submitted_; ++i) {
      ++model_.step;
      backend_->window_limit = 8;
      run();
      poll(8);
    }
    const std::string state = channel.dump();
    CAPTURE(state);
    REQUIRE(polled_ == submitted_);
    REQUIRE(channel.free_slots() == kSize);
  }

  [[nodiscard]] const std::set<Status>& seen() const { return seen_; }

 private:
  void post() {
    const std::size_t count = 1 + random_() % 5;
    const OperationRequest request = make(count);
    const PrepareError error = rig_->channel->post({&request, 1});
    CHECK((error.kind == PrepareError::Kind::none) == (slots_out_ + count <= kSize));
    if (error.kind != PrepareError::Kind::none) return;
    ++submitted_;
    slots_out_ += count;
    model_.transfers[submitted_] =
        Transfer{.slots = count,
                 .fence = request.fence,
                 .cleared_before = model_.halts ? model_.reset_at : model_.cleared_at};
  }

  void drop() {
    const OperationRequest request = make(1 + random_() % 5);
    { const PrepareResult dropped = rig_->channel->prepare({&request, 1}); }
  }

  OperationRequest make(std::size_t count) {
    OperationRequest request{.operation = Operation::fill, .fence = random_() % 5 == 0};
    request.pattern = submitted_ + 1;
    request.pattern_bytes = 8;
    request.token = ~(submitted_ + 1);
    for (std::size_t i = 0; i < count; ++i) {
      // Never adjacent, so that no two segments of a part become one.
      segments_[i] = {memory_.data() + 2 * i * kPiece, kPiece};
    }
    request.destination = std::span(segments_).first(count);
    return request;
  }

  void run() {
    backend_->may_end = static_cast<unsigned>(random_() % 4);
    if (asynchronous_) clear_after_terminate();
    rig_->engine.run(static_cast<unsigned>(1 + random_() % 8));
  }

  void terminate(bool wait) {
    OperationChannel& channel = *rig_->channel;
    for (auto& [cookie, transfer] : model_.transfers) transfer.terminated = true;
    paused_ = false;
    channel.terminate_async();
    asynchronous_ = true;
    if (!wait) return;
    channel.synchronize();
    clear_after_terminate();
  }

  void clear_after_terminate() {
    asynchronous_ = false;
    // It is the first thing in this step; what fails in it fails behind.
    model_.cleared_at = model_.step - 1;
  }

  void poll(unsigned budget) {
    std::array<OperationCompletion, 8> done;
    const unsigned got = rig_->channel->poll(std::span(done).first(budget));
    CHECK(got <= budget);
    for (const OperationCompletion& each : std::span(done).first(got)) {
      REQUIRE(each.cookie == ++polled_);
      REQUIRE(each.token == ~each.cookie);
      judge(each);
      slots_out_ -= model_.transfers.at(each.cookie).slots;
    }
  }

  void judge(const OperationCompletion& done) {
    const Transfer& transfer = model_.transfers.at(done.cookie);
    CAPTURE(done.cookie);
    seen_.insert(done.status);
    switch (done.status) {
      case Status::ok:
        CHECK(transfer.moved == transfer.length());
        CHECK(done.bytes == transfer.length());
        break;
      case Status::failed:
        CHECK(done.error == EIO);
        CHECK(transfer.error == EIO);
        CHECK(done.bytes == transfer.moved);
        break;
      case Status::aborted:
        CHECK(transfer.started);
        CHECK((transfer.terminated || transfer.cancelled));
        CHECK_FALSE(transfer.ended());
        break;
      case Status::not_attempted: {
        CHECK(done.bytes == 0);
        CHECK((!transfer.started || transfer.cancelled));
        const bool reason = model_.failed_before(done.cookie, transfer.cleared_before);
        CHECK((transfer.terminated || (reason && (transfer.fence || model_.halts))));
        if (done.cause != 0) CHECK(done.cause < done.cookie + kSize);
        break;
      }
      default:
        FAIL("no such end");
    }
  }

  void status() {
    if (submitted_ == 0) return;
    const Cookie cookie = 1 + random_() % (submitted_ + 2);
    const TransferStatus status = rig_->channel->status(cookie);
    if (cookie > submitted_) {
      CHECK(status.state == TransferState::unknown);
    } else if (cookie <= polled_) {
      CHECK(status.state == TransferState::complete);
    } else if (status.state == TransferState::in_progress) {
      CHECK(status.left <= model_.transfers.at(cookie).length());
    }
  }

  std::mt19937_64 random_;
  Model model_;
  ModelBackend* backend_ = nullptr;
  std::optional<OperationRig> rig_;
  std::array<std::byte, 2 * 8 * kPiece> memory_{};
  std::array<Segment, 8> segments_;
  std::set<Status> seen_;
  Cookie submitted_ = 0;
  Cookie polled_ = 0;
  std::size_t slots_out_ = 0;
  bool paused_ = false;
  bool asynchronous_ = false;
};

TEST_CASE("check 25, check 9: random calls agree with a model, and every transfer ends once") {
  const std::uint64_t seed = ring::test::announce_seed("operation model", 0xca11);
  const std::uint64_t steps = long_run() ? 4'000'000 : scaled(20'000);
  std::set<Status> seen;
  for (std::uint64_t run = 0; run < 24; ++run) {
    const OperationSetting setting{.layout =
                                       run % 2 == 0 ? QueueLayout::split : QueueLayout::packed};
    const ErrorPolicy policy = run % 3 == 0 ? ErrorPolicy::halt : ErrorPolicy::go_on;
    const unsigned segments = run % 4 == 3 ? 2 : kMaxSegments;
    CAPTURE(seed + run);
    World world(setting, policy, segments, seed + run);
    for (std::uint64_t i = 0; i < steps; ++i) world.act();
    world.drain();
    seen.insert(world.seen().begin(), world.seen().end());
  }
  CHECK(seen ==
        std::set<Status>{Status::ok, Status::failed, Status::aborted, Status::not_attempted});
}

}  // namespace
}  // namespace bellpull::engine::test
