// SPDX-License-Identifier: BSD-2-Clause
#include "transfer.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace bellpull::engine::conformance {

std::uint64_t Maker::max_length() const noexcept {
  const bool streams = capabilities_.operations.contains(Operation::read) ||
                       capabilities_.operations.contains(Operation::write);
  const std::uint64_t wanted = streams ? options_.stream_length : options_.max_length;
  const std::uint64_t unit = capabilities_.alignment;
  return std::max(std::min<std::uint64_t>(wanted, capabilities_.max_length) / unit,
                  std::uint64_t{1}) *
         unit;
}

std::uint64_t Maker::random_length() {
  const std::uint64_t units = std::max<std::uint64_t>(1, max_length() / capabilities_.alignment);
  // Each power of two is as likely as any other; the longest and the shortest are met on purpose.
  const std::uint64_t kind = random_() % 16;
  if (kind == 0) return max_length();
  if (kind == 1) return capabilities_.alignment;
  const std::uint64_t most = std::uint64_t{1} << (1 + random_() % std::bit_width(units));
  return (1 + random_() % std::min(most, units)) * capabilities_.alignment;
}

bool Maker::place(std::vector<Segment>& list, std::uint64_t length) {
  const std::uint64_t unit = capabilities_.alignment;
  const std::size_t most = std::min<std::uint64_t>(capabilities_.max_segments, kMaxSegments);
  std::size_t count = random_() % 4 == 0 ? most : 1 + below(random_, most);
  std::vector<std::uint64_t> cuts{0, length};
  while (cuts.size() < count + 1) cuts.push_back(below(random_, length / unit + 1) * unit);
  std::sort(cuts.begin(), cuts.end());
  if (empty_ && count > 1) cuts[1] = cuts[random_() % 2 == 0 ? 0 : 2];
  if (!empty_) cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  count = cuts.size() - 1;
  list.resize(count);
  // In the memory they lie in another order than in the list, half of the time.
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (random_() % 2 != 0) std::shuffle(order.begin(), order.end(), random_);
  for (const std::size_t i : order) {
    list[i] = {arena_.place(cuts[i + 1] - cuts[i], capabilities_.alignment, random_),
               cuts[i + 1] - cuts[i]};
    if (list[i].data == nullptr) return false;
  }
  return true;
}

std::unique_ptr<Transfer> Maker::make(Operation operation, std::optional<std::uint64_t> length) {
  auto made = std::make_unique<Transfer>();
  Op& op = made->op;
  // Neither in a row nor small: an id that was guessed shows.
  op.id = ++ids_ * 0x9E3779B97F4A7C15u | 1;
  op.operation = operation;
  if (operation != Operation::nop) {
    made->length = length.value_or(random_length());
    if (reads_source(operation) && !place(made->source, made->length)) return nullptr;
    if (has_destination(operation) && !place(made->destination, made->length)) return nullptr;
  }
  op.source = made->source;
  op.destination = made->destination;
  if (capabilities_.configurable && random_() % 2 != 0) {
    op.burst = static_cast<std::uint32_t>((1 + below(random_, 4096)) * capabilities_.alignment);
    // Not so many reaps that it takes for ever.
    op.burst = std::max(op.burst, static_cast<std::uint32_t>(made->length / 64));
    op.burst -= op.burst % capabilities_.alignment;
  }
  expect(*made);
  return made;
}

void Maker::expect(Transfer& transfer) {
  Op& op = transfer.op;
  transfer.bytes = transfer.length;
  switch (op.operation) {
    case Operation::fill:
      op.pattern = random_();
      op.pattern_bytes = static_cast<std::uint8_t>(1 + below(random_, 8));
      transfer.expected.resize(transfer.length);
      for (std::uint64_t i = 0; i < transfer.length; ++i) {
        transfer.expected[i] = static_cast<std::byte>(op.pattern >> 8 * (i % op.pattern_bytes));
      }
      break;
    case Operation::copy:
      transfer.expected = gather(transfer.source);
      break;
    case Operation::crc32c:
    case Operation::copy_crc32c: {
      const std::vector<std::byte> bytes = gather(transfer.source);
      op.seed = random_() % 4 == 0 ? 0 : chained_;
      chained_ = slow_crc32c(op.seed, bytes);
      transfer.value = chained_;
      if (op.operation == Operation::copy_crc32c) transfer.expected = bytes;
      break;
    }
    case Operation::compare:
      expect_compare(transfer);
      break;
    default:
      break;
  }
}

void Maker::expect_compare(Transfer& transfer) {
  std::vector<std::byte> bytes = gather(transfer.source);
  if (random_() % 3 != 0) {
    // Close to the ends, or anywhere; a second one behind it is not to be found.
    const std::uint64_t at = random_() % 4 == 0   ? 0
                             : random_() % 4 == 0 ? transfer.length - 1
                                                  : below(random_, transfer.length);
    bytes[at] ^= std::byte{1} << below(random_, 8);
    transfer.differs = true;
    transfer.bytes = at;
    if (at + 1 < transfer.length) {
      bytes[at + 1 + below(random_, transfer.length - at - 1)] ^= std::byte{0x80};
    }
  }
  std::size_t at = 0;
  for (const Segment& segment : transfer.destination) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), segment.length, segment.data);
    at += segment.length;
  }
  arena_.accept(transfer.destination);
}

std::string describe(const Transfer& transfer) {
  const Op& op = transfer.op;
  std::string text = name_of(op.operation);
  if (op.operation == Operation::nop) return text;
  text += " of " + std::to_string(transfer.length) + " bytes";
  const auto list = [&](const char* word, const std::vector<Segment>& segments) {
    if (segments.empty()) return;
    text += std::string(word);
    for (std::size_t i = 0; i < std::min<std::size_t>(segments.size(), 8); ++i) {
      text += (i == 0 ? "" : "+") + std::to_string(segments[i].length);
    }
    if (segments.size() > 8) text += "+... (" + std::to_string(segments.size()) + " segments)";
  };
  list(" from ", transfer.source);
  list(" to ", transfer.destination);
  if (op.operation == Operation::fill) {
    text += ", pattern of " + std::to_string(op.pattern_bytes);
  }
  if (op.burst != 0) text += ", burst " + std::to_string(op.burst);
  return text;
}

std::vector<std::byte> gather(const std::vector<Segment>& list) {
  std::vector<std::byte> bytes;
  for (const Segment& segment : list) {
    bytes.insert(bytes.end(), segment.data, segment.data + segment.length);
  }
  return bytes;
}

std::uint64_t first_wrong(const std::vector<Segment>& list, const std::vector<std::byte>& expected,
                          std::uint64_t from, std::uint64_t to) {
  std::uint64_t begin = 0;
  for (const Segment& segment : list) {
    const std::uint64_t end = begin + segment.length;
    for (std::uint64_t i = std::max(begin, from); i < std::min(end, to); ++i) {
      if (segment.data[i - begin] != expected[i]) return i;
    }
    begin = end;
  }
  return to;
}

std::uint32_t slow_crc32c(std::uint32_t seed, const std::vector<std::byte>& bytes) {
  std::uint32_t crc = ~seed;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
  }
  return ~crc;
}

}  // namespace bellpull::engine::conformance
