// SPDX-License-Identifier: BSD-2-Clause
#include "stream_device.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace bellpull::engine {

StreamDevice::StreamDevice(QueueLayout layout, std::uint32_t size, std::unique_ptr<Backend> backend,
                           const Notify& notify, const CompletionSink& sink)
    : ChannelDevice(layout, size, std::move(backend), notify),
      sink_(sink),
      writes_(capabilities_.operations.contains(Operation::read)),
      per_chain_(std::min(capabilities_.max_segments, size)) {
  few_.resize(size);
  if (per_chain_ > kFew) many_.resize(std::size_t{size} * per_chain_);
  pieces_.resize(std::size_t{kTaken} * per_chain_);
  taken_chains_.resize(kTaken);
  chains_.resize(size);
  in_use_.resize(size);
  results_.resize(size);
  ops_.resize(size);
  done_.resize(kBatch);
}

// Inlined, or the result would be written in pieces and read whole, for which the processor waits.
[[gnu::always_inline]] inline void StreamDevice::end(std::uint16_t head,
                                                     const StreamResult& result) noexcept {
  completed.add(1);
  bytes.add(result.bytes);
  if (result.status != Status::ok) failed.add(1);
  if (sink_.push != nullptr) {
    const Ticket& ticket = tickets_[head];
    const bool may_repeat = !stopped_;
    if (may_repeat) reported_[repeatable_++] = head;
    sink_.push(sink_.context,
               Completion{ticket.token, ticket.cookie, result.bytes, result.status, result.error});
    if (may_repeat) return;
  } else {
    results_[head] = result;
  }
  give_back(head, writes_ ? result.bytes : 0);
}

void StreamDevice::give_back(std::uint16_t head, std::uint32_t written) noexcept {
  queue_.with([&](auto& ring) noexcept { ring.complete(chains_[head], written); });
}

// What the sink has not begun anew. Whoever was pushed a completion asks the ring for no length.
void StreamDevice::give_back_reported() noexcept {
  const unsigned count = std::exchange(repeatable_, 0);
  for (const std::uint16_t head : std::span(reported_).first(count)) give_back(head, 0);
}

// Most turns of most channels find nothing: told by a few comparisons and one look at the ring or
// at the back-end, which may have all that it takes while the ring has more. What is blocked then
// is stirred by its descriptor, and what has nothing by its client.
bool StreamDevice::idle() noexcept {
  if (held_ != 0 || reapable() || next_done_ != end_done_) return false;
  return (blocked_ && backend_->window() == 0) || !queue_.available();
}

unsigned StreamDevice::run(unsigned limit) noexcept {
  if (idle()) {
    rest();
    return 0;
  }
  const std::uint64_t before = completed.value();
  feed();
  unsigned reported = 0;
  Reaped reaped;
  for (bool more = true; reported < limit && !paused();) {
    if (next_done_ == end_done_) {
      if (!more || blocked_ || started_ == 0) break;
      const unsigned room = std::min(limit - reported, kBatch);
      reaped = reap(room);
      more = reaped.count == room;
    }
    reported += report(limit - reported);
    // Without a transfer in flight no event is due that would end the wait of the next one, and
    // none announces what a pause held back.
    blocked_ = reaped.would_block && started_ != 0 && next_done_ == end_done_;
    publish();
    feed();  // the next transfer is elected here and now, by nobody else
  }
  return static_cast<unsigned>(completed.value() - before);
}

Reaped StreamDevice::reap(unsigned room) noexcept {
  Reaped reaped = backend_->reap(std::span(done_).first(room));
  if (reaped.count > room) {
    bad_done.add(reaped.count - room);
    reaped.count = room;
  }
  next_done_ = 0;
  end_done_ = reaped.count;
  return reaped;
}

// Returns how many. Asked before each, so that a client which pauses from its sink gets no more.
unsigned StreamDevice::report(unsigned limit) noexcept {
  const unsigned first = next_done_;
  const unsigned last = first + std::min(limit, end_done_ - first);
  while (next_done_ != last && !paused()) finish(done_[next_done_++]);
  give_back_reported();
  return next_done_ - first;
}

void StreamDevice::pause() noexcept {
  Flow seen = Flow::running;
  // Relaxed: a pause hands nothing over.
  flow_.compare_exchange_strong(seen, Flow::paused, std::memory_order_relaxed);
}

bool StreamDevice::resume() noexcept {
  // Release pairs with the acquire in paused(); acquire with the release in sleep_paused().
  return flow_.exchange(Flow::running, std::memory_order_acq_rel) == Flow::paused_asleep;
}

// Before the engine sleeps on what a pause withholds. False: it was resumed meanwhile. One variable
// has one order of changes: a resume comes before the mark, and is seen, or after it, and wakes.
bool StreamDevice::sleep_paused() noexcept {
  Flow seen = Flow::paused;
  // Release pairs with the acquire in resume(), acquire with its release.
  return flow_.compare_exchange_strong(seen, Flow::paused_asleep, std::memory_order_acq_rel,
                                       std::memory_order_acquire) ||
         seen == Flow::paused_asleep;
}

bool StreamDevice::runnable() noexcept {
  if (stopped_) return queue_.available();
  // While paused, one that the back-end refused with others in flight waits for their end.
  if (reapable() ? !paused() : held_ != 0 && !blocked_) return true;
  // A back-end that refused a transfer is not offered it again before it can go on.
  if (held_ != 0 || backend_->window() == 0) return false;
  return queue_.available();
}

bool StreamDevice::arm() noexcept {
  if (runnable()) return true;
  if (reapable() && !sleep_paused()) return true;
  // Without room for another a kick could change nothing: the device's own progress will.
  if (!stopped_ && (held_ != 0 || backend_->window() == 0)) return false;
  return queue_.with([](auto& ring) noexcept { return ring.arm(); });
}

// Streams have no more to them than that they can be stopped.
void StreamDevice::control(Control wanted) noexcept {
  if (wanted == Control::stop) stop();
}

void StreamDevice::stop() noexcept {
  if (!stopped_) {
    // What has ended has ended well: no pause turns it into a loss.
    while (next_done_ != end_done_) finish(done_[next_done_++]);
    give_back_reported();
    backend_->stop();
    stopped_ = true;
    blocked_ = false;
    end_all();
  }
  feed();
}

// Oldest first, as in the client's poll(). What was started joins what was held in ops_.
void StreamDevice::end_all() noexcept {
  const std::uint64_t first_held = held_ != 0 ? ops_.front().id : ~std::uint64_t{0};
  for (std::uint64_t& id : in_use_) {
    if (id != 0) ops_[held_++].id = std::exchange(id, 0);
  }
  const std::span<Op> all = std::span(ops_).first(held_);
  std::sort(all.begin(), all.end(), [](const Op& a, const Op& b) { return a.id < b.id; });
  started_ = 0;
  held_ = 0;
  for (const Op& op : all) {
    end(head_of(op.id),
        StreamResult{.status = op.id < first_held ? Status::aborted : Status::not_attempted});
  }
}

std::uint16_t StreamDevice::repeat(std::span<const Segment> segments) noexcept {
  const std::uint16_t head = reported_[--repeatable_];
  hold(head, segments);
  return head;
}

void StreamDevice::feed() noexcept {
  const unsigned room = stopped_ ? size() : backend_->window();
  while (held_ < room) {
    const unsigned most = std::min(room - held_, kTaken);
    if (take(most) < most) break;  // there were no more
  }
  publish();  // what ended without being started
  if (held_ != 0) start_held();
}

// Takes at most `most` chains, and returns how many: behind those in ops_, or, once the device has
// stopped, to their end.
std::uint32_t StreamDevice::take(unsigned most) noexcept {
  std::uint32_t count = 0;
  ring::Budget budget{.chains = most};
  const std::span<ring::Chain> chains = std::span(taken_chains_).first(most);
  queue_.with([&](auto& ring) noexcept { (void)ring.take(budget, pieces_, chains, count); });
  for (const ring::Chain& chain : chains.first(count)) {
    chains_[chain.head] = chain;
    if (stopped_) {
      end(chain.head, StreamResult{.status = Status::not_attempted});
    } else if (chain.readable + chain.writable > per_chain_) {
      queue_.with([&](auto& ring) noexcept { ring.complete(chain, 0); });
    } else {
      hold(chain.head, std::span(pieces_).subspan(chain.first, chain.readable + chain.writable));
    }
  }
  return count;
}

// The segments are copied to where they stay until the transfer is done.
void StreamDevice::hold(std::uint16_t head, std::span<const Segment> segments) noexcept {
  Segment* kept = few_[head].data();
  if (segments.size() == 1) [[likely]] {
    *kept = segments.front();
  } else {
    if (segments.size() > kFew) kept = many_.data() + std::size_t{head} * per_chain_;
    for (std::size_t i = 0; i < segments.size(); ++i) kept[i] = segments[i];  // few: no call
  }
  const std::span<const Segment> all(kept, segments.size());
  Op& op = ops_[held_++];
  op.id = (++taken_ << kIdShift) | kIdMark | head;
  op.operation = writes_ ? Operation::read : Operation::write;
  (writes_ ? op.destination : op.source) = all;
}

void StreamDevice::start_held() noexcept {
  const std::span<Op> held = std::span(ops_).first(held_);
  const unsigned accepted = std::min(backend_->start(held), held_);
  if (accepted == 0) return;
  for (const Op& op : held.first(accepted)) in_use_[head_of(op.id)] = op.id;
  if (accepted != held_) std::move(held.begin() + accepted, held.end(), held.begin());
  started_ += accepted;
  held_ -= accepted;
}

void StreamDevice::finish(const Done& done) noexcept {
  const std::uint16_t head = head_of(done.id);
  if (done.id == 0 || head >= size() || in_use_[head] != done.id) {
    bad_done.add(1);
    return;
  }
  in_use_[head] = 0;
  --started_;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  StreamResult result{.bytes = static_cast<std::uint32_t>(std::min(done.bytes, kMost)),
                      .error = done.error};
  if (done.error != 0) {
    result.status = Status::failed;
  } else if (done.end) {
    result.status = Status::end_of_stream;
  }
  end(head, result);
}

}  // namespace bellpull::engine
