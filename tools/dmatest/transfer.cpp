// SPDX-License-Identifier: BSD-2-Clause
#include "transfer.hpp"

#include <algorithm>
#include <cstring>

#include "plan_bytes.hpp"

namespace bellpull::tools::dmatest {

namespace {

using engine::Segment;

constexpr std::byte kFlip{0x5A};

void lay_out(const std::vector<Part>& parts, std::span<std::byte> memory,
             std::vector<Segment>& segments) {
  segments.clear();
  for (const Part& part : parts) segments.push_back({memory.data() + part.offset, part.length});
}

}  // namespace

ListMemory::ListMemory(const Shape& shape)
    : size_(memory_for(shape)), bytes_(nullptr, Free{std::align_val_t{kLine}}) {
  const std::align_val_t alignment{std::max(kLine, shape.alignment)};
  bytes_ = {static_cast<std::byte*>(::operator new(size_, alignment)), Free{alignment}};
  std::memset(bytes_.get(), 0, size_);
}

Transfer::Transfer(const Shape& shape, bool verify)
    : verify_(verify), source_memory_(shape), destination_memory_(shape) {}

void Transfer::prepare() {
  lay_out(plan_.source, source_memory_.bytes(), source_);
  lay_out(plan_.destination, destination_memory_.bytes(), destination_);
  if (!verify_) return;
  source_bytes(plan_).fill(0, source_memory_.bytes().first(end_of(plan_.source)));
  destination_bytes(plan_).fill(0, destination_memory_.bytes().first(end_of(plan_.destination)));
  if (plan_.operation != engine::Operation::compare) return;
  each_run(source_, destination_, [](std::size_t, auto from, auto to) {
    std::copy(from.begin(), from.end(), to.begin());
    return true;
  });
  set_differences();
}

// Twice is the same as not at all. The second one shows who reports another than the first.
void Transfer::set_differences() noexcept {
  if (plan_.differs_at == plan_.length) return;
  destination_at(plan_.differs_at) ^= kFlip;
  const std::size_t second = plan_.differs_at + (plan_.length - plan_.differs_at) / 2;
  if (second != plan_.differs_at) destination_at(second) ^= kFlip;
}

std::byte& Transfer::destination_at(std::size_t offset) const noexcept {
  std::size_t segment = 0;
  for (; offset >= destination_[segment].length; ++segment) offset -= destination_[segment].length;
  return destination_[segment].data[offset];
}

engine::OperationRequest Transfer::request() const noexcept {
  return {.operation = plan_.operation,
          .pattern_bytes = static_cast<std::uint8_t>(plan_.pattern_bytes),
          .seed = plan_.seed,
          .pattern = verify_ ? plan_.pattern : 0,
          .source = source_,
          .destination = destination_,
          .token = plan_.iteration};
}

}  // namespace bellpull::tools::dmatest
