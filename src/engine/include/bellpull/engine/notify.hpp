// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/engine/completion.hpp"

namespace bellpull::engine {

/// The bell. Rung once after arm(), when a completion can be polled; then silent until armed
/// again. It carries no descriptor and says nothing but "look".
///
/// Called on the thread that runs the engine, possibly from inside the owner's own run() or stop().
/// It may only wake somebody: set a flag, write an eventfd. It must not call the channel or the
/// engine.
struct Notify {
  void (*ring)(void* context) noexcept = nullptr;  ///< null: nobody listens
  void* context = nullptr;                         ///< handed to ring(); outlives the channel
};

/// Where completions go; chosen when the channel is opened, for its life.
///
/// Without a function (the default) they stay in the used ring until poll() pulls them. With one,
/// it is called for each transfer at the moment the engine reaps it, on the thread that runs the
/// engine, and poll() then returns nothing but takes the slots back, as prepare() does.
///
/// push() must not stop, close or poll a channel, nor run the engine; Channel::run() gives it no
/// turn. It may pause and resume a StreamChannel. With a driven engine it may prepare, submit and
/// issue: it is on the owner's thread.
struct CompletionSink {
  void (*push)(void* context, const Completion& completion) noexcept = nullptr;  ///< null: pull
  void* context = nullptr;  ///< handed to push(); outlives the channel
};

}  // namespace bellpull::engine
