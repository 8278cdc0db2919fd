// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/channel.hpp"
#include "bellpull/engine/completion.hpp"
#include "bellpull/engine/operation.hpp"
#include "bellpull/engine/reusable.hpp"

namespace bellpull::engine {

class OperationDevice;
struct OperationOptions;
struct RequestRecord;
struct ResultRecord;

/// What a client of an operation channel asks for: one transfer. Which lists an operation has, see
/// Operation; segments of no byte are allowed and take no slot. Source and destination must not
/// overlap unless the operation only reads.
struct OperationRequest {
  Operation operation = Operation::nop;  ///< what to do
  /// All earlier transfers of the channel end before this one begins, and when one of those since
  /// the last fence did not end well, it does not begin.
  bool fence = false;
  /// Where there are two lists, they need not be equally long: the operation is on as many bytes as
  /// the shorter one has. Otherwise such a request is refused.
  bool shorter = false;
  std::uint8_t pattern_bytes = 1;          ///< fill: bytes of the pattern, 1 to 8
  std::uint32_t seed = 0;                  ///< checksums: the checksum of what came before, or 0
  std::uint64_t pattern = 0;               ///< fill: the pattern, its first byte in the lowest
  std::span<const Segment> source{};       ///< read during the call only; the memory is lent
  std::span<const Segment> destination{};  ///< read during the call only; the memory is lent
  std::uint64_t token = 0;                 ///< comes back in the completion
};

/// What became of one transfer. With it the transfer's buffers belong to the client again,
/// whatever the status is.
struct OperationCompletion {
  std::uint64_t token = 0;     ///< the client's value from the request
  Cookie cookie = 0;           ///< which transfer of the channel
  std::uint64_t bytes = 0;     ///< done before it ended; compare: up to the first that differs
  Cookie cause = 0;            ///< not_attempted: the transfer that failed, or 0 when none did
  std::uint32_t value = 0;     ///< checksums: the checksum; compare: 0 when all bytes are equal
  std::int32_t error = 0;      ///< errno value when `failed`, otherwise 0
  std::uint16_t segment = 0;   ///< failed: which, not counting empty ones
  Side side = Side::source;    ///< failed: of which list
  Status status = Status::ok;  ///< how it ended
};

/// Where the completions of an operation channel go; see CompletionSink, which it is like.
struct OperationSink {
  /// Null: they stay in the used ring until poll() pulls them.
  void (*push)(void* context, const OperationCompletion& completion) noexcept = nullptr;
  void* context = nullptr;  ///< handed to push(); outlives the channel
};

/// Where a transfer is.
enum class TransferState : std::uint8_t {
  unknown,      ///< no such transfer was submitted
  in_progress,  ///< submitted and not over
  complete,     ///< over, whether polled or not
};

/// Answer of status().
struct TransferStatus {
  TransferState state = TransferState::unknown;  ///< see TransferState
  std::uint64_t left = 0;  ///< bytes not done yet, as finely as Capabilities::residue says
};

/// Settings of a channel whose back-end is configurable (dmaengine's dma_slave_config).
struct ChannelConfig {
  std::uint32_t burst = 0;  ///< bytes that it moves at a time; 0: as it likes
};

/// A channel for operations on memory: copies, fills, checksums, comparisons. Transfers end, and
/// are reported, in the order in which they were submitted. Opened by Engine::open_operations().
///
/// An error is a completion with status `failed`; it reaches nobody but the client of the channel.
class OperationChannel final : public Channel {
 public:
  /// Stops the channel. Completions that were not polled are lost to the client.
  ~OperationChannel();

  /// Takes the slots for all of `requests`, or for none. Reads the requests, lends no memory, moves
  /// nothing.
  PrepareResult prepare(std::span<const OperationRequest> requests) noexcept;

  /// prepare() and submit() in one call.
  PrepareError post(std::span<const OperationRequest> requests) noexcept;

  /// A transfer to be submitted again and again; see Reusable. What prepare() refuses it refuses as
  /// well. It goes by the configuration of this moment. Allocates; throws std::bad_alloc.
  ReusableResult prepare_reusable(const OperationRequest& request);

  using Channel::submit;
  /// Puts a reusable transfer in line and returns its cookie. Cannot fail, but returns 0 while it
  /// is in flight from the last time, and for one of another channel. Starts nothing.
  Cookie submit(Reusable& transfer) noexcept;

  /// Lets everything submitted begin; see Channel::issue().
  void issue() noexcept;

  /// Pulls at most completions.size() completions, oldest first, and returns how many. Transfers
  /// that are posted while the caller handles them do not extend the call. An empty span does
  /// nothing. With a push sink there is nothing to pull and it only takes the slots back.
  unsigned poll(std::span<OperationCompletion> completions) noexcept;

  /// Where the transfer is that got this cookie. A cookie is never used again, so one of long ago
  /// is `complete`.
  [[nodiscard]] TransferStatus status(Cookie cookie) const noexcept;

  /// For transfers that are prepared from now on; those before keep what they were prepared with.
  /// False when the back-end is not configurable; nothing changes then.
  bool configure(const ChannelConfig& config) noexcept;

  /// Whether what the next issue() starts moves only as far as the device outside allows. May be
  /// said between submit and issue, and holds for all later ones until it is said again. False when
  /// the back-end has no such control; nothing changes then.
  bool external_control(bool wanted) noexcept;

  /// Stands still: when it returned true no byte moves until resume(), and transfers keep what they
  /// have done. What is over can be polled, and rings. False when it stands still already or is
  /// stopped. Blocks until an autonomous engine has answered.
  bool pause() noexcept;

  /// Goes on at the byte where pause() left off. False when it does not stand still. Blocks until
  /// an autonomous engine has answered.
  bool resume() noexcept;

  /// Whether it stands still.
  [[nodiscard]] bool paused() const noexcept { return paused_; }

  /// Asks that all transfers submitted so far end, issued or not: aborted when begun, otherwise
  /// not_attempted. Does not wait; synchronize() does. Ends a pause. The channel stays usable.
  void terminate_async() noexcept;

  /// Returns when what terminate_async() asked for is done: no memory of those transfers is touched
  /// any more and each of them can be polled. Blocks until an autonomous engine has answered.
  void synchronize() noexcept;

  /// terminate_async() and synchronize().
  void terminate() noexcept;

  /// Whether a failure halted it; see ErrorPolicy::halt. May change at any time.
  [[nodiscard]] bool halted() const noexcept;

  /// The state of the channel for people to read: a line `name value` for each number, and one
  /// `failure COOKIE ERRNO` for each of the last failures. Any thread, while it runs as well; each
  /// number is right for some moment. Allocates.
  [[nodiscard]] std::string dump() const;

  /// Leaves the halted state: transfers that are issued from now on run. Blocks until an autonomous
  /// engine has answered.
  void reset() noexcept;

 private:
  friend class Engine;
  friend class Reusable;

  OperationChannel(Engine& engine, std::unique_ptr<OperationDevice> device,
                   const OperationOptions& options);
  [[nodiscard]] static Capabilities limits(const Capabilities& backend) noexcept;
  [[nodiscard]] PrepareError check(std::span<const OperationRequest> requests) const noexcept;
  template <bool kPost, class Driver>
  std::uint16_t place(Driver& driver, const OperationRequest& request) noexcept;
  template <bool kPost, class Driver>
  std::uint16_t place_pair(Driver& driver, const OperationRequest& request) noexcept;
  // A request as its chain has it, in `scratch_`.
  struct Chained {
    std::span<const ring::Segment> segments;  // first those that are read
    std::size_t readable = 0;
    std::size_t sources = 0;
    std::uint64_t length = 0;
  };
  [[nodiscard]] Chained chain(const OperationRequest& request) noexcept;
  [[nodiscard]] std::size_t gather(std::span<const Segment> segments, std::size_t at,
                                   std::uint64_t left) noexcept;
  std::uint16_t describe(std::uint16_t head, const OperationRequest& request, std::size_t sources,
                         std::uint64_t length) noexcept;
  [[nodiscard]] RequestRecord record_of(const OperationRequest& request,
                                        std::size_t sources) const noexcept;
  void release(const Reusable::State& state) noexcept;
  void reclaim_pushed() noexcept;

  bool pushes_ = false;
  bool paused_ = false;
  bool external_ = false;
  Cookie issued_;  // the last that issue() showed
  ChannelConfig config_;
  std::vector<ring::Segment> scratch_;
  std::unique_ptr<OperationDevice> device_;
  RequestRecord* const requests_;  // beside the ring, by head
  ResultRecord* const results_;
};

}  // namespace bellpull::engine
