// SPDX-License-Identifier: BSD-2-Clause
#include "explorer/fiber.hpp"

#include <cstdlib>
#include <utility>

#if defined(__has_feature)
#define BELLPULL_HAS_FEATURE(x) __has_feature(x)
#else
#define BELLPULL_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || BELLPULL_HAS_FEATURE(address_sanitizer)
#define BELLPULL_ASAN 1
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__) || BELLPULL_HAS_FEATURE(thread_sanitizer)
#define BELLPULL_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif

namespace bellpull::ring::explorer {
namespace {

constexpr std::size_t kStackBytes = std::size_t{128} * 1024;

// makecontext() can hand over integers only; what a switch is about goes through these two.
Fiber* leaving = nullptr;
Fiber* entering = nullptr;

}  // namespace

Fiber::Fiber() {
#ifdef BELLPULL_TSAN
  tsan_fiber_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)),
      stack_(std::make_unique<std::byte[]>(kStackBytes)),
      stack_bottom_(stack_.get()),
      stack_bytes_(kStackBytes) {
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, &Fiber::enter, 0);
#ifdef BELLPULL_TSAN
  tsan_fiber_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#ifdef BELLPULL_TSAN
  if (stack_) __tsan_destroy_fiber(tsan_fiber_);
#endif
}

void Fiber::enter() {
  Fiber& here = *entering;
  arrived(here);
  here.body_();
  std::abort();  // there is nothing below this frame to return to
}

void Fiber::arrived([[maybe_unused]] Fiber& here) {
#ifdef BELLPULL_ASAN
  // Also tells where the stack of the main fiber lies, which nobody else knows.
  __sanitizer_finish_switch_fiber(here.fake_stack_, &leaving->stack_bottom_,
                                  &leaving->stack_bytes_);
#endif
}

void Fiber::transfer(Fiber& from, Fiber& to) {
  leaving = &from;
  entering = &to;
#ifdef BELLPULL_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.stack_bottom_, to.stack_bytes_);
#endif
#ifdef BELLPULL_TSAN
  __tsan_switch_to_fiber(to.tsan_fiber_, 0);
#endif
#ifdef BELLPULL_ASAN
  // The same as swapcontext(), which AddressSanitizer wraps in a guess at what stacks there are;
  // it was told above.
  volatile bool back = false;
  getcontext(&from.context_);
  if (!back) {
    back = true;
    setcontext(&to.context_);
  }
#elif defined(BELLPULL_TSAN)
  swapcontext(&from.context_, &to.context_);
#else
  // Only the first time by setcontext(), whose system call takes longer than all the rest.
  if (_setjmp(from.left_) == 0) {
    if (!to.stack_ || std::exchange(to.begun_, true)) _longjmp(to.left_, 1);
    setcontext(&to.context_);
  }
#endif
  arrived(from);
}

}  // namespace bellpull::ring::explorer
