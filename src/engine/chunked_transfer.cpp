// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/chunked_transfer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "operation_check.hpp"
#include "transfer_parts.hpp"

namespace bellpull::engine {

namespace {

// Completions number segments with 16 bits.
constexpr unsigned kMostSegments = std::numeric_limits<std::uint16_t>::max();

// The largest portion that always finds slots in an empty ring.
[[nodiscard]] Capabilities portion_limits(const OperationChannel& channel, Operation operation) {
  Capabilities limits = channel.capabilities();
  const bool both = reads_source(operation) && has_destination(operation);
  limits.max_segments = std::min<unsigned>(kMaxSegments, channel.size() / (both ? 2 : 1));
  return limits;
}

[[nodiscard]] Op op_of(const OperationRequest& request) noexcept {
  return {.source = request.source,
          .destination = request.destination,
          .pattern = request.pattern,
          .seed = request.seed,
          .operation = request.operation,
          .pattern_bytes = request.pattern_bytes};
}

}  // namespace

struct ChunkedTransfer::State {
  State(OperationChannel& on, const OperationRequest& request, std::uint64_t total)
      : channel(on),
        whole(request),
        length(total),
        parts(portion_limits(on, request.operation)),
        op(op_of(request)) {
    parts.begin(op);
  }

  OperationChannel& channel;
  const OperationRequest whole;
  const std::uint64_t length;
  TransferParts parts;
  const Op op;
  const Op* next = nullptr;  // made, not submitted
  Cookie cookie = 0;         // of the portion in flight, or 0
  bool over = false;
};

ChunkedTransfer::ChunkedTransfer() noexcept = default;
ChunkedTransfer::ChunkedTransfer(std::unique_ptr<State> state) noexcept
    : state_(std::move(state)) {}
ChunkedTransfer::ChunkedTransfer(ChunkedTransfer&& other) noexcept = default;
ChunkedTransfer& ChunkedTransfer::operator=(ChunkedTransfer&& other) noexcept = default;
ChunkedTransfer::~ChunkedTransfer() = default;

ChunkedResult ChunkedTransfer::make(OperationChannel& channel, const OperationRequest& request) {
  Capabilities limits = channel.capabilities();
  limits.max_segments = kMostSegments;
  const CheckedOperation checked = check_operation(request, limits);
  if (checked.error.kind != PrepareError::Kind::none) return {{}, checked.error};
  if (portion_limits(channel, request.operation).max_segments == 0) {
    return {{},
            {.kind = PrepareError::Kind::too_large,
             .max = channel.size(),
             .reason = PrepareReason::ring_too_small}};
  }
  return {ChunkedTransfer(std::make_unique<State>(channel, request, checked.length)), {}};
}

PrepareError ChunkedTransfer::submit() noexcept {
  if (!state_ || state_->over || state_->cookie != 0) return {};
  if (state_->next == nullptr) state_->next = &state_->parts.next(0);
  OperationRequest portion = state_->whole;
  portion.fence = portion.fence && state_->parts.done() == 0;
  portion.source = state_->next->source;
  portion.destination = state_->next->destination;
  portion.pattern = state_->next->pattern;
  portion.seed = state_->next->seed;
  PrepareResult prepared = state_->channel.prepare({&portion, 1});
  if (!prepared) return prepared.error;
  state_->cookie = state_->channel.submit(std::move(prepared.prepared));
  state_->next = nullptr;
  return {};
}

std::optional<OperationCompletion> ChunkedTransfer::take(
    const OperationCompletion& completion) noexcept {
  if (!state_ || state_->cookie == 0 || completion.cookie != state_->cookie) return std::nullopt;
  state_->cookie = 0;
  TransferParts& parts = state_->parts;
  OperationCompletion end = completion;
  end.bytes += parts.done();
  const bool ok = completion.status == Status::ok;
  if (ok && completion.bytes == parts.part_bytes()) {
    parts.finished(completion.value);
    if (parts.done() < state_->length) {
      (void)submit();  // or it stays due
      return std::nullopt;
    }
  }
  if (!ok) end.segment = parts.segment_of_whole(completion.side, completion.segment);
  state_->over = true;
  return end;
}

bool ChunkedTransfer::due() const noexcept {
  return state_ && !state_->over && state_->cookie == 0;
}

}  // namespace bellpull::engine
