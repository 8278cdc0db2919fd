// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "plan_bytes.hpp"
#include "reference.hpp"
#include "transfer.hpp"

namespace bellpull::tools::dmatest {

namespace {

using engine::OperationCompletion;
using engine::Segment;
using engine::Status;

[[nodiscard]] std::string_view word_of(Status status) noexcept {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::failed:
      return "failed";
    case Status::end_of_stream:
      return "end of stream";
    case Status::aborted:
      return "aborted";
    case Status::not_attempted:
      return "not attempted";
  }
  return "an unknown status";
}

}  // namespace

std::optional<Failure> Transfer::check(const OperationCompletion& completion) {
  Failure failure{.kind = FailureKind::mismatch,
                  .thread = plan_.thread,
                  .what = {},
                  .fault = {},
                  .transfers = {}};
  if (completion.token != plan_.iteration) {
    failure.what = "the completion of iteration " + std::to_string(completion.token) +
                   " came in place of this one's";
  } else if (completion.status != Status::ok) {
    failure.kind = FailureKind::failed;
    failure.what = "ended as " + std::string(word_of(completion.status)) + " after " +
                   std::to_string(completion.bytes) + " bytes";
    if (completion.error != 0) {
      failure.what += ": " + std::generic_category().message(completion.error);
    }
  } else {
    if (verify_) failure.fault = find_fault(completion);
    if (!failure.fault) return std::nullopt;
  }
  failure.transfers.push_back(plan_);
  return failure;
}

std::optional<Fault> Transfer::find_fault(const OperationCompletion& completion) {
  if (plan_.operation == engine::Operation::compare) set_differences();
  std::optional<Fault> fault = wrong_source();
  if (!fault) fault = wrong_destination();
  if (!fault) fault = wrong_guard(Side::destination);
  if (!fault) fault = wrong_result(completion);
  return fault;
}

std::optional<Fault> Transfer::wrong_source() const {
  const RandomBytes original = source_bytes(plan_);
  std::size_t before = 0;
  for (const Part& part : plan_.source) {
    const auto bytes = source_memory_.bytes().subspan(part.offset, part.length);
    if (const auto at = original.mismatch(part.offset, bytes)) {
      return Fault{"source, which is only read", before + *at,
                   std::to_integer<std::uint64_t>(original.at(part.offset + *at)),
                   std::to_integer<std::uint64_t>(bytes[*at])};
    }
    before += part.length;
  }
  return wrong_guard(Side::source);
}

std::optional<Fault> Transfer::wrong_guard(Side side) const {
  const bool reads = side == Side::source;
  const RandomBytes original = reads ? source_bytes(plan_) : destination_bytes(plan_);
  const std::vector<Part>& parts = reads ? plan_.source : plan_.destination;
  const ListMemory& memory = reads ? source_memory_ : destination_memory_;
  const std::string name = reads ? " of the source" : " of the destination";
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= parts.size() && !parts.empty(); ++i) {
    const std::size_t end = i < parts.size() ? parts[i].offset : end_of(parts);
    const auto bytes = memory.bytes().subspan(begin, end - begin);
    if (const auto at = original.mismatch(begin, bytes)) {
      const std::string place = i == 0 ? "guard before segment 0" + name
                                       : "guard behind segment " + std::to_string(i - 1) + name;
      return Fault{place, *at, std::to_integer<std::uint64_t>(original.at(begin + *at)),
                   std::to_integer<std::uint64_t>(bytes[*at])};
    }
    if (i < parts.size()) begin = end + parts[i].length;
  }
  return std::nullopt;
}

std::optional<Fault> Transfer::wrong_destination() const {
  std::optional<Fault> fault;
  const auto judge = [&](std::size_t offset, std::byte expected, std::byte seen) {
    if (expected == seen) return true;
    fault = Fault{"destination", offset, std::to_integer<std::uint64_t>(expected),
                  std::to_integer<std::uint64_t>(seen)};
    return false;
  };
  if (plan_.operation == engine::Operation::fill) {
    std::size_t at = 0;
    for (const Segment& segment : destination_) {
      for (std::size_t i = 0; i < segment.length; ++i, ++at) {
        const auto expected =
            static_cast<std::byte>(plan_.pattern >> 8 * (at % plan_.pattern_bytes));
        if (!judge(at, expected, segment.data[i])) return fault;
      }
    }
    return fault;
  }
  each_run(source_, destination_, [&](std::size_t at, auto from, auto to) {
    if (std::memcmp(from.data(), to.data(), from.size()) == 0) return true;
    const auto differs = std::mismatch(from.begin(), from.end(), to.begin());
    return judge(at + static_cast<std::size_t>(differs.first - from.begin()), *differs.first,
                 *differs.second);
  });
  return fault;
}

std::optional<Fault> Transfer::wrong_result(const OperationCompletion& completion) const {
  const bool compares = plan_.operation == engine::Operation::compare;
  const bool equal = plan_.differs_at == plan_.length;
  if (compares && (completion.value == 0) != equal) {
    return Fault{"verdict of compare (0: equal)", plan_.differs_at, equal ? 0U : 1U,
                 completion.value};
  }
  const std::size_t bytes = compares ? plan_.differs_at : plan_.length;
  if (completion.bytes != bytes) {
    return Fault{compares ? "offset of the first difference" : "bytes that it says it did", 0,
                 bytes, completion.bytes};
  }
  if (!makes_checksum(plan_.operation)) return std::nullopt;
  std::uint32_t checksum = plan_.seed;
  for (const Segment& segment : source_) {
    checksum = reference_crc32c(checksum, {segment.data, segment.length});
  }
  if (completion.value == checksum) return std::nullopt;
  return Fault{"checksum", 0, checksum, completion.value};
}

}  // namespace bellpull::tools::dmatest
