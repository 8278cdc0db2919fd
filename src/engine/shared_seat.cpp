// SPDX-License-Identifier: BSD-2-Clause
#include "shared_seat.hpp"

#include <bit>
#include <new>
#include <stdexcept>
#include <string>

namespace bellpull::engine {

std::uint32_t check_sharing(const char* tried, std::uint32_t submitters, std::uint32_t depth) {
  constexpr std::uint32_t kMostSubmitters = 1024;
  constexpr std::uint32_t kDeepest = 32768;
  const auto check = [tried](const char* what, std::uint32_t number, std::uint32_t most) {
    if (number != 0 && number <= most) return;
    throw std::invalid_argument(std::string(tried) + ": " + std::to_string(number) + ' ' + what +
                                "; 1 to " + std::to_string(most) + " are possible");
  };
  check("submitters", submitters, kMostSubmitters);
  check("transfers in flight each", depth, kDeepest);
  return submitters;
}

void SharedSeat::open(const Capabilities& limits, std::uint32_t size, std::uint32_t depth,
                      SharedDoor& door) {
  limits_ = limits;
  ring_size_ = size;
  door_ = &door;
  depth_ = depth;
  mask_ = std::bit_ceil(depth) - 1;
  records_.resize(std::size_t{mask_} + 1);
  results_.resize(std::size_t{mask_} + 1);
  // Who has nothing new to tell tells nothing, so no more values wait than transfers are in flight.
  if (issued_.make(depth) != ring::SetupError::none ||
      ended_.make(depth) != ring::SetupError::none) {
    throw std::bad_alloc();  // the shapes are right
  }
}

void SharedSeat::collect() noexcept {
  // First, so that what was issued before is seen.
  const State state = state_.load(std::memory_order_acquire);  // pairs with the stores in leave()
  owner.left = state == State::leaving || state == State::gone;
  owner.issued = newest(issued_.consumer(), owner.issued);
}

void SharedSeat::tell() noexcept {
  if (owner.told == owner.ended) return;
  owner.told = owner.ended;
  if (owner.left) return;
  if (put(ended_.producer(), owner.ended) && bell.ring != nullptr) bell.ring(bell.context);
}

void SharedSeat::vacate() noexcept {
  if (!owner.left || owner.ended != owner.issued) return;
  if (state_.load(std::memory_order_acquire) != State::gone) return;  // pairs with leave()
  // The submitter's half is nobody's now, and it must not show old results to the next one.
  (void)ended(0);
  disarm_ended();
  owner = {};
  state_.store(State::free, std::memory_order_release);  // pairs with the acquire in claim()
}

}  // namespace bellpull::engine
