// SPDX-License-Identifier: BSD-2-Clause
#include "plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "random.hpp"

namespace bellpull::tools::dmatest {

namespace {

using engine::Operation;

constexpr std::uint64_t kEdge = 16;  // once in so many the length is the least, or the most
constexpr std::size_t kMostShift = kLine - 1;

[[nodiscard]] std::size_t rounded_up(std::size_t value, std::size_t unit) noexcept {
  return (value + unit - 1) / unit * unit;
}

// Every magnitude is as likely as any other: most faults live in short transfers.
[[nodiscard]] std::size_t random_length(const Shape& shape, Random& random) noexcept {
  const std::size_t range = shape.most - shape.least;
  std::size_t length = shape.most;
  if (random.once_in(kEdge)) {
    length = shape.least;
  } else if (range != 0 && !random.once_in(kEdge)) {
    const std::uint64_t bits = 1 + random.below(static_cast<std::uint64_t>(std::bit_width(range)));
    const std::uint64_t more = random.next() >> (64 - bits);
    length = shape.least + static_cast<std::size_t>(more % (range + 1));
  }
  return std::max(length / shape.alignment * shape.alignment, shape.alignment);
}

// Segments of any length, of none too, each behind a guard and at an address of its own.
void split(const Shape& shape, std::size_t length, Random& random, std::vector<Part>& parts) {
  const std::uint64_t count = random.once_in(2) ? 1 : 1 + random.below(shape.segments);
  parts.resize(count);
  for (Part& part : parts) {
    part.length = random.below(length / shape.alignment + 1) * shape.alignment;
  }
  parts.back().length = length;
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return a.length < b.length; });
  std::size_t offset = 0;
  std::size_t before = 0;
  for (Part& part : parts) {
    const std::size_t shift = random.below(kMostShift + 1);
    part.offset = rounded_up(offset + kGuard + shift, shape.alignment);
    part.length -= before;
    before += part.length;
    offset = part.offset + part.length;
  }
}

[[nodiscard]] std::string segments_of(const std::vector<Part>& parts) {
  std::string text;
  for (const Part& part : parts) {
    text += fmt::format("{}{}+{}", text.empty() ? "" : ", ", part.length, part.offset % kLine);
  }
  return text;
}

}  // namespace

std::size_t memory_for(const Shape& shape) noexcept {
  const std::size_t most = rounded_up(shape.most, shape.alignment);
  const std::size_t per_segment = kGuard + kMostShift + shape.alignment;
  return rounded_up(most + shape.segments * per_segment + kGuard, kLine);
}

void make_plan(const Shape& shape, std::uint64_t seed, unsigned thread, std::uint64_t iteration,
               Plan& plan) {
  Random random(mixed(mixed(mixed(seed) + thread) + iteration));
  plan.thread = thread;
  plan.iteration = iteration;
  plan.key = random.next();
  plan.operation = shape.operations[random.below(shape.operations.size())];
  plan.source.clear();
  plan.destination.clear();
  plan.length = plan.operation == Operation::nop ? 0 : random_length(shape, random);
  if (reads_source(plan.operation)) split(shape, plan.length, random, plan.source);
  if (has_destination(plan.operation)) split(shape, plan.length, random, plan.destination);
  plan.pattern = random.next();
  plan.pattern_bytes = static_cast<unsigned>(1 + random.below(sizeof plan.pattern));
  plan.seed = random.once_in(2) ? 0 : static_cast<std::uint32_t>(random.next());
  plan.differs_at = plan.length;
  if (plan.operation == Operation::compare && random.once_in(2)) {
    plan.differs_at = random.below(plan.length);
  }
}

std::uint64_t digest_of(const Plan& plan) noexcept {
  std::uint64_t digest = mixed(plan.key);
  const auto add = [&digest](std::uint64_t value) noexcept { digest = mixed(digest + value); };
  add(plan.thread);
  add(plan.iteration);
  add(static_cast<std::uint64_t>(plan.operation));
  add(plan.length);
  for (const auto* const list : {&plan.source, &plan.destination}) {
    add(list->size());
    for (const Part& part : *list) {
      add(part.offset);
      add(part.length);
    }
  }
  add(plan.pattern);
  add(plan.pattern_bytes);
  add(plan.seed);
  add(plan.differs_at);
  return digest;
}

std::string describe(const Plan& plan) {
  std::string text = fmt::format("thread {}, iteration {}, {} of {} bytes", plan.thread,
                                 plan.iteration, name_of(plan.operation), plan.length);
  if (!plan.source.empty()) text += fmt::format(", source [{}]", segments_of(plan.source));
  if (!plan.destination.empty()) {
    text += fmt::format(", destination [{}]", segments_of(plan.destination));
  }
  if (plan.operation == Operation::fill) {
    text += fmt::format(", pattern {:#x} of {} bytes", plan.pattern, plan.pattern_bytes);
  }
  if (makes_checksum(plan.operation)) text += fmt::format(", seed {:#010x}", plan.seed);
  if (plan.operation == Operation::compare && plan.differs_at != plan.length) {
    text += fmt::format(", differs at {}", plan.differs_at);
  }
  return text;
}

}  // namespace bellpull::tools::dmatest
