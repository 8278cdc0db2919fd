// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bellpull/engine/channel_declaration.hpp"

namespace bellpull::engine {

/// What to do when several free channels match.
enum class Choice : std::uint8_t {
  only,  ///< that is an error: exactly one is expected
  any,   ///< take the one that was declared first
};

/// Which channel a client wants. Three ways to say it; what comes of them is the same.
class ChannelQuery {
 public:
  /// Decides from the declaration alone. Must not call the directory.
  using Predicate = std::function<bool(const ChannelOffer&)>;

  /// The channel of that name.
  [[nodiscard]] static ChannelQuery named(std::string name);
  /// The channel to which the directory's table of wires leads from that line of that client.
  [[nodiscard]] static ChannelQuery wired(std::string client, std::string line);
  /// A channel for which `wanted` is true.
  [[nodiscard]] static ChannelQuery matching(Predicate wanted, Choice choice = Choice::only);

  /// The same, but a channel that cannot do all of `operations` will not do.
  [[nodiscard]] ChannelQuery needing(OperationSet operations) &&;

  /// For people: "channel 'copy 0'".
  [[nodiscard]] std::string describe() const;

 private:
  friend class ChannelDirectory;
  enum class Way : std::uint8_t {
    name,       ///< of a channel
    wire,       ///< of the directory's table
    predicate,  ///< over offers
  };
  ChannelQuery(Way way, std::string name, std::string line)
      : way_(way), name_(std::move(name)), line_(std::move(line)) {}

  Way way_;
  Choice choice_ = Choice::only;
  OperationSet needed_{};
  std::string name_;  // of the channel, or of the client
  std::string line_;
  Predicate wanted_{};
};

/// Why no channel was found.
enum class FindReason : std::uint8_t {
  none,         ///< one was
  unknown,      ///< there is no such channel: nothing has the name, no wire leads there, or nothing
                ///< matches
  busy,         ///< there is, and it is in use
  ambiguous,    ///< several free ones match where one was expected
  not_capable,  ///< there is, but it cannot do what is needed
};

/// Its name, for people and logs. Never null.
[[nodiscard]] const char* name_of(FindReason reason) noexcept;

/// Why no channel was found, in full.
class FindError {
 public:
  /// No error.
  FindError() = default;
  /// An error.
  FindError(FindReason reason, std::string text) : reason_(reason), text_(std::move(text)) {}

  /// Which kind of error.
  [[nodiscard]] FindReason reason() const noexcept { return reason_; }
  /// One sentence: what was tried, on which channel, why it failed and what to do. Empty when there
  /// is no error.
  [[nodiscard]] const std::string& describe() const noexcept { return text_; }
  /// Whether there is an error.
  explicit operator bool() const noexcept { return reason_ != FindReason::none; }

 private:
  FindReason reason_ = FindReason::none;
  std::string text_;
};

}  // namespace bellpull::engine
