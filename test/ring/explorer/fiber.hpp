// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace bellpull::ring::explorer {

/// A stack of its own that is switched to by hand, known to AddressSanitizer and ThreadSanitizer.
/// All fibers of a program run on one thread, one at a time.
class Fiber {
 public:
  /// The stack of whoever constructs it: a place to come back to.
  Fiber();
  /// A stack that calls `body` when it is first switched to. `body` must not return.
  explicit Fiber(std::function<void()> body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Leaves `from`, which is running, and goes on where `to` left last.
  static void transfer(Fiber& from, Fiber& to);

 private:
  static void enter();
  static void arrived(Fiber& here);

  ucontext_t context_{};
  [[maybe_unused]] jmp_buf left_{};  // where it goes on; not under a sanitizer
  [[maybe_unused]] bool begun_ = false;
  std::function<void()> body_;
  std::unique_ptr<std::byte[]> stack_;
  // What the sanitizers want to know; without them nobody does.
  [[maybe_unused]] const void* stack_bottom_ = nullptr;
  [[maybe_unused]] std::size_t stack_bytes_ = 0;
  [[maybe_unused]] void* fake_stack_ = nullptr;
  [[maybe_unused]] void* tsan_fiber_ = nullptr;
};

}  // namespace bellpull::ring::explorer
