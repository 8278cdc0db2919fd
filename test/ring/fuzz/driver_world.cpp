// SPDX-License-Identifier: BSD-2-Clause
#include "driver_world.hpp"

#include <algorithm>
#include <type_traits>

#include "driver_world_states.hpp"

namespace bellpull::ring::fuzz {
namespace {

constexpr unsigned kMostSteps = 400;
constexpr std::uint32_t kMostRoom = 0xffffffff;

}  // namespace

template <class Layout>
DriverConfig DriverWorld<Layout>::decode(Input& in) {
  DriverConfig config;
  const std::uint8_t size = in.byte();
  if constexpr (std::is_same_v<Layout, Split>) {
    config.size = size < 240 ? 1U << (size % 6) : 1U << (size % 11);
  } else {
    config.size = size < 240 ? 1U + size % 20 : 1 + in.below(700);
  }
  const std::uint8_t bits = in.byte();
  config.features = {
      .event_idx = (bits & 1) == 0, .indirect = (bits & 2) == 0, .in_order = (bits & 12) == 12};
  config.table_each = in.below(std::min<std::uint32_t>(config.size, 8) + 1);
  if (in.once_in(4)) config.table_address = in.wild(0x1000);
  return config;
}

template <class Layout>
DriverWorld<Layout>::DriverWorld(Input& in)
    : config_(decode(in)),
      memory_(DeviceLayout<Layout>::parts(config_.size), false),
      tables_(std::size_t{16} * config_.size * config_.table_each),
      device_(memory_, config_.size, config_.features),
      slots_(config_.size) {}

template <class Layout>
DriverOptions<Layout> DriverWorld<Layout>::options() {
  using Entry = typename Layout::TableEntry;
  return {.features = config_.features,
          .slots = slots_,
          .indirect = {.entries = {reinterpret_cast<Entry*>(tables_.data.get()),
                                   tables_.length / sizeof(Entry)},
                       .each = config_.table_each,
                       .address = config_.table_address},
          .resume = nullptr};
}

template <class Layout>
void DriverWorld<Layout>::run_on(Input& in) {
  start(in);
  RacyAccess::racer = this;
  for (unsigned steps = 0; !in.empty() && steps < kMostSteps; ++steps) act(in);
  finish();
}

template <class Layout>
void DriverWorld<Layout>::act(Input& in) {
  const std::uint8_t what = in.byte();
  if (what < 80) return act_as_device(in);
  switch (what % 20) {
    case 0:
    case 1:
    case 2:
    case 3:
      return reserve(in, true);
    case 4:
    case 5:
      return reserve(in, false);
    case 6:
    case 7:
      return offer(in);
    case 8:
      return cancel(in);
    case 9:
      return publish(false);
    case 10:
      return publish(true);
    case 11:
    case 12:
    case 13:
    case 14:
      return poll(in);
    case 15:
      return arm();
    case 16:
      half_.disarm();
      return settle(usable() ? Touch::ring : Touch::nothing);
    case 17:
      return hand_over(in);
    case 18:
      if (in.once_in(4) || half_.fault() != QueueFault::none) return reset(in);
      return attach_wrongly(in);
    default:
      if (plans_.size() < 8) plans_.push_back({in.below(16), in.part(8)});
      return;
  }
}

template <class Layout>
void DriverWorld<Layout>::act_as_device(Input& in) {
  // A packed ring is written by both sides.
  if constexpr (std::is_same_v<Layout, Packed>) ++scribbles_;
  switch (in.byte() % 12) {
    case 7:
      return device_.publish();
    case 8:
      return device_.wish(in);
    case 9:
      return in.once_in(16) ? device_.spoil_index(in) : device_.take();
    case 10: {  // any byte of any part of the ring, or of the tables
      if (!in.once_in(4)) return;
      Block& block = in.once_in(2) && tables_.length != 0 ? tables_ : memory_.ring(in.below(3));
      if (&block != &memory_.ring(2)) ++scribbles_;
      return block.poke(in.below(block.length), in.byte());
    }
    case 11: {  // all of the descriptors, which the driver must not read back
      if (!in.once_in(4)) return;
      ++scribbles_;
      const std::uint8_t with = in.byte();
      for (std::size_t i = 0; i < memory_.ring(0).length; ++i) {
        if (std::is_same_v<Layout, Split> || i % 16 < 8) memory_.ring(0).poke(i, with);
      }
      return;
    }
    default:
      return device_.give(in);
  }
}

// Between two accesses of the driver half.
template <class Layout>
void DriverWorld<Layout>::step() {
  if (stepping_ || plans_.empty()) return;
  if (plans_.front().steps-- != 0) return;
  stepping_ = true;
  Input what = plans_.front().what;
  plans_.erase(plans_.begin());
  while (!what.empty()) act_as_device(what);
  stepping_ = false;
}

template <class Layout>
typename DriverWorld<Layout>::Posted* DriverWorld<Layout>::newest_reserved() {
  return posted_.empty() || posted_.back().stage != Stage::reserved ? nullptr : &posted_.back();
}

template <class Layout>
void DriverWorld<Layout>::reserve(Input& in, bool offer_at_once) {
  const std::uint8_t shape = in.byte();
  std::uint32_t counts[2] = {shape % 3U, shape / 3 % 3U};
  if (shape >= 240) counts[shape & 1] = in.below(config_.size + 2);
  Posted posted{.token = ++tokens_ << 20,
                .head = 0,
                .descriptors = counts[0] + counts[1],
                .room = 0,
                .stage = offer_at_once ? Stage::offered : Stage::reserved,
                .table = false,
                .segments = {},
                .scribbles = scribbles_};
  std::vector<Segment> segments;
  std::uint64_t room = 0;
  for (std::uint32_t i = 0; i < counts[0] + counts[1]; ++i) {
    const bool writable = i >= counts[0];
    const bool last = i + 1 == counts[0] + counts[1];
    segments.push_back(
        {in.word(2), in.once_in(8) ? static_cast<std::uint32_t>(in.wild(64)) : in.byte()});
    if (writable) room += segments.back().length;
    posted.segments.push_back({segments.back().address, segments.back().length,
                               static_cast<std::uint16_t>((writable ? VRING_DESC_F_WRITE : 0) |
                                                          (last ? 0 : VRING_DESC_F_NEXT))});
  }
  posted.room = static_cast<std::uint32_t>(std::min<std::uint64_t>(room, kMostRoom));
  posted.table = config_.features.indirect && posted.descriptors > 1 &&
                 posted.descriptors <= config_.table_each;
  if (posted.table) posted.descriptors = 1;
  // In-order, what is offered at once must not overtake what is reserved.
  const bool overtakes = offer_at_once && config_.features.in_order && newest_reserved() != nullptr;
  const bool fits = usable() && posted.descriptors != 0 && !overtakes &&
                    posted.descriptors <= half_.free_descriptors();
  const auto readable = std::span<const Segment>(segments).first(counts[0]);
  const auto writable = std::span<const Segment>(segments).subspan(counts[0]);
  posted.head = offer_at_once ? half_.post(readable, writable, posted.token)
                              : half_.reserve(readable, writable, posted.token);
  check((posted.head != kNoHead) == fits, "a chain is taken exactly when there is room for it");
  if (fits) {
    check(posted.head < config_.size, "a head is below the size");
    for (const Posted& other : posted_) check(other.head != posted.head, "each head is its own");
    posted_.push_back(posted);
    if (offer_at_once) queue_.push_back(posted.token);
  }
  settle(fits ? Touch::ring : Touch::nothing);
}

template <class Layout>
void DriverWorld<Layout>::offer(Input& in) {
  auto head = static_cast<std::uint16_t>(in.wild(config_.size));
  const auto first = std::find_if(posted_.begin(), posted_.end(), [](const Posted& posted) {
    return posted.stage == Stage::reserved;
  });
  if (!in.once_in(8) && first != posted_.end()) {
    auto chosen = first;
    const auto reserved = std::count_if(
        first, posted_.end(), [](const Posted& posted) { return posted.stage == Stage::reserved; });
    for (auto skip = in.below(static_cast<std::uint64_t>(reserved)); skip != 0;) {
      if ((++chosen)->stage == Stage::reserved) --skip;
    }
    head = chosen->head;
  }
  const auto at = std::find_if(posted_.begin(), posted_.end(), [head](const Posted& posted) {
    return posted.head == head && posted.stage == Stage::reserved;
  });
  const bool good = usable() && at != posted_.end() && (!config_.features.in_order || at == first);
  check(half_.offer(head) == good, "what is reserved can be offered, in-order in its turn");
  if (good) {
    at->stage = Stage::offered;
    queue_.push_back(at->token);
  }
  settle(good ? Touch::ring : Touch::nothing);
}

template <class Layout>
void DriverWorld<Layout>::cancel(Input& in) {
  auto head = static_cast<std::uint16_t>(in.wild(config_.size));
  if (!in.once_in(4) && !posted_.empty()) head = posted_[in.below(posted_.size())].head;
  const auto at = std::find_if(posted_.begin(), posted_.end(), [head](const Posted& posted) {
    return posted.head == head && posted.stage == Stage::reserved;
  });
  const bool good = half_.attached() && at != posted_.end() &&
                    (!config_.features.in_order || at + 1 == posted_.end());
  check(half_.cancel(head) == good, "what is reserved can be cancelled, in-order from the newest");
  if (good) posted_.erase(at);
  settle(Touch::nothing);
}

template <class Layout>
void DriverWorld<Layout>::publish(bool test) {
  const bool was_usable = usable();
  const std::uint64_t before = scribbles_;
  const Position start = next_;
  const std::uint64_t publishes = half_.counters().publishes;
  if (test) {
    (void)half_.publish_and_test();
  } else {
    half_.publish();
  }
  const bool shows = was_usable && !queue_.empty();
  check(half_.counters().publishes == publishes + (shows ? 1 : 0),
        "there is something to publish when something was offered");
  if (shows) {
    // The ring's own contents can only be judged when nobody else wrote.
    const bool judge = before == scribbles_ && plans_.empty();
    for (const std::uint64_t token : queue_) {
      const auto at = std::find_if(posted_.begin(), posted_.end(),
                                   [token](const Posted& posted) { return posted.token == token; });
      check(at != posted_.end(), "what was offered is known");
      at->stage = Stage::published;
      if (judge && at->scribbles == scribbles_) check_chain(*at, next_);
      Shape::advance(next_, at->descriptors);
    }
    queue_.clear();
    check(!judge || Shape::visible(memory_, start, next_), "what is published is visible");
    check(half_.notification_data(7) == (7U | std::uint32_t{Shape::word(next_)} << 16),
          "a kick carries where the next chain will be");
  }
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout>
void DriverWorld<Layout>::check_chain(const Posted& posted, Position at) const {
  std::uint16_t id = 0;
  const auto chain = Shape::chain_at(memory_, config_.size, at, id);
  check(id == posted.head, "the ring names the chain's head");
  if (!posted.table) {
    check(chain == posted.segments, "the ring describes the chain as it was reserved");
    return;
  }
  const std::uint64_t offset = std::uint64_t{16} * posted.head * config_.table_each;
  const std::uint64_t base = config_.table_address != 0
                                 ? config_.table_address
                                 : reinterpret_cast<std::uintptr_t>(tables_.data.get());
  const auto count = static_cast<std::uint32_t>(posted.segments.size());
  check(chain == std::vector<SeenDescriptor>{{base + offset, 16 * count, VRING_DESC_F_INDIRECT}},
        "one descriptor names the table");
  auto expected = posted.segments;
  for (SeenDescriptor& segment : expected) {
    if (Shape::kTableNext == 0) segment.flags &= VRING_DESC_F_WRITE;
  }
  check(Shape::table(tables_, offset, count) == expected, "the table describes the chain");
}

// Split: what the next look at the used index must find, if a poll for up to `limit` chains takes
// one: it is neither ahead of what was published nor behind what was seen.
template <class Layout>
QueueFault DriverWorld<Layout>::expect_look(unsigned limit) {
  // Who acts in between changes the index at a moment that only the driver half knows.
  if (!plans_.empty()) foreseen_ = false;
  if (!foreseen_ || !usable()) return QueueFault::none;
  const auto was_ready = static_cast<std::uint16_t>(seen_ - consumed_);
  if (was_ready >= limit) return QueueFault::none;
  const auto index = memory_.ring(2).template peek<std::uint16_t>(2);
  const auto ready = static_cast<std::uint16_t>(index - consumed_);
  const auto published = std::count_if(posted_.begin(), posted_.end(), [](const Posted& posted) {
    return posted.stage == Stage::published;
  });
  if (ready > published || ready < was_ready) return QueueFault::used_index_jump;
  seen_ = index;
  return QueueFault::none;
}

template <class Layout>
void DriverWorld<Layout>::poll(Input& in) {
  const bool was_usable = usable();
  const unsigned limit = in.once_in(2) ? in.below(4) : config_.size;
  const std::uint8_t also = in.byte();
  const QueueFault expected = expect_look(limit);
  unsigned visited = 0;
  const unsigned polled = half_.poll(limit, [&](const Used& used) {
    got(used);
    ++visited;
    settle(Touch::ring);  // the event word may have been moved on
    if (also % 4 == 1) reserve(in, true);
    if (also % 8 == 5) publish(true);
  });
  check(polled == visited && polled <= limit, "a poll keeps to its limit");
  check(was_usable || polled == 0, "a queue that cannot be used yields nothing");
  if (foreseen_ && was_usable) {
    check((half_.fault() == QueueFault::used_index_jump) == (expected != QueueFault::none),
          "the used index breaks the queue exactly when it jumps");
    const auto known = static_cast<std::uint16_t>(seen_ - consumed_);
    check(polled <= known, "nothing is taken that the index does not show");
    consumed_ = static_cast<std::uint16_t>(consumed_ + polled);
  }
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout>
void DriverWorld<Layout>::got(const Used& used) {
  const auto at = std::find_if(posted_.begin(), posted_.end(),
                               [&](const Posted& posted) { return posted.token == used.token; });
  check(at != posted_.end(), "each token comes back once");
  check(at->stage == Stage::published, "only what the device was shown comes back");
  check(at->head == used.head, "a token comes back with its head");
  check(used.length <= at->room, "a length is within the room that was given");
  if (config_.features.in_order) {
    check(at == posted_.begin(), "in-order, the oldest chain comes back first");
  }
  posted_.erase(at);
}

template <class Layout>
void DriverWorld<Layout>::arm() {
  const bool was_usable = usable();
  const QueueFault expected = config_.features.in_order ? QueueFault::none : expect_look(~0U);
  if (config_.features.in_order) foreseen_ = false;  // it need not look
  const bool more = half_.arm();
  check(!foreseen_ || !was_usable || half_.fault() == expected,
        "the last look breaks the queue exactly when the index jumps");
  check(was_usable || !more, "a queue that cannot be used is not armed");
  settle(was_usable ? Touch::ring : Touch::nothing);
}

// After each call: which bytes changed, and that nothing got lost.
template <class Layout>
void DriverWorld<Layout>::settle(Touch touch) {
  for (unsigned part = 0; part < 4; ++part) {
    Block& block = part == 3 ? tables_ : memory_.ring(part);
    if (block.as_expected()) continue;
    for (std::size_t i = 0; i < block.length; ++i) {
      if (block.data[i] == block.shadow[i]) continue;
      check(part == 3 || Shape::ours(part, i), "the driver half writes what is its own only");
      check(touch == Touch::ring, "this call writes nothing");
    }
    block.expect_what_is();
  }
  if (!half_.attached()) return;
  std::uint32_t taken = 0;
  std::uint32_t in_flight = 0;
  for (const Posted& posted : posted_) {
    taken += posted.descriptors;
    in_flight += posted.stage == Stage::reserved ? 0 : 1;
  }
  check(half_.free_descriptors() + taken == config_.size, "each descriptor is free or in a chain");
  check(half_.in_flight() == in_flight, "what was offered is in flight until it comes back");
}

template <class Layout>
void DriverWorld<Layout>::finish() {
  const bool was_usable = usable();
  const std::uint32_t free = half_.free_descriptors();
  const DriverState state = half_.stop();
  settle(was_usable ? Touch::ring : Touch::nothing);
  std::vector<bool> seen(config_.size);
  std::uint32_t at = state.free_head;
  for (std::uint32_t i = 0; i < free; ++i) {
    check(at < config_.size && !seen[at], "the free descriptors hang together");
    seen[at] = true;
    at = slots_[at].next;
  }
}

template class DriverWorld<Split>;
template class DriverWorld<Packed>;

}  // namespace bellpull::ring::fuzz
