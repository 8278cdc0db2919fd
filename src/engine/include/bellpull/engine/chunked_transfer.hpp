// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <optional>

#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/prepare.hpp"

namespace bellpull::engine {

struct ChunkedResult;

/// One operation on lists that are longer than a transfer of the channel can have, or than its
/// ring: it is submitted in portions, one after the other, and has one completion, at its end. Who
/// makes one has asked for it: no channel cuts up on its own what does not fit its ring.
///
///     submit() -> issue() -> poll() -> take() gives nothing: issue(), and poll() again
///                                      take() gives the completion: it is over
///
/// It submits and starts nothing: portions wait for the channel's issue() like any transfer, so
/// nothing of other transfers is started either. Portions have ordinary cookies; what fails in one
/// ends the whole, and those behind it are never submitted. Owner thread of the channel only;
/// nothing blocks. Must not outlive the channel, nor be destroyed while a portion is in flight
/// unless its completion may be lost.
class ChunkedTransfer {
 public:
  /// Checks a request as prepare() does, but for the number of its segments, of which there may be
  /// 65535 in a list that are not empty, and for the size of the ring, which must have room for one
  /// segment of each list. Reads the request; the lists it names stay until the end. Allocates;
  /// throws std::bad_alloc.
  [[nodiscard]] static ChunkedResult make(OperationChannel& channel,
                                          const OperationRequest& request);

  /// Holds nothing.
  ChunkedTransfer() noexcept;
  /// Takes the transfer over; `other` holds none afterwards.
  ChunkedTransfer(ChunkedTransfer&& other) noexcept;
  /// Drops what it holds, then takes over that of `other`.
  ChunkedTransfer& operator=(ChunkedTransfer&& other) noexcept;
  ~ChunkedTransfer();

  /// Submits the next portion, or does nothing while one is in flight or when all is over. The
  /// error is `would_block` when the ring has too few free slots now: call it again when some came
  /// back. Call issue() after it.
  PrepareError submit() noexcept;

  /// Shows it a completion that was polled. When that ended the last portion, returns the
  /// completion of the whole: its token, all its bytes, and a failing segment as numbered in its
  /// own list; the cookie is that of the last portion. When it ended another portion, submits the
  /// next. Otherwise the completion is not its own.
  [[nodiscard]] std::optional<OperationCompletion> take(
      const OperationCompletion& completion) noexcept;

  /// Whether a portion waits for slots: submit() it.
  [[nodiscard]] bool due() const noexcept;

 private:
  struct State;
  explicit ChunkedTransfer(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

/// Answer of ChunkedTransfer::make(): a transfer, or the reason.
struct [[nodiscard]] ChunkedResult {
  ChunkedTransfer transfer;  ///< holds nothing when it failed
  PrepareError error;        ///< kind none when it did not
  /// Whether there is a transfer.
  explicit operator bool() const noexcept { return error.kind == PrepareError::Kind::none; }
};

}  // namespace bellpull::engine
