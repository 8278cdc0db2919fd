// SPDX-License-Identifier: BSD-2-Clause
#include "arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace bellpull::engine::conformance {

namespace {

constexpr std::size_t kMargin = 128;     // nobody's bytes between two places, at least
constexpr std::size_t kPage = 1u << 16;  // a multiple of any page's size

// What the handler needs; a Seal sets it before it installs the handler, and it holds until the
// arena goes: another thread may have met a closed page, but not have come to the handler yet, when
// the seal is opened.
std::atomic<std::byte*> sealed_begin{nullptr};
std::atomic<std::size_t> sealed_size{0};
std::atomic<bool> sealed_touched{false};
struct sigaction previous_action;

void on_access(int signal, siginfo_t* info, void*) {
  std::byte* const begin = sealed_begin.load();
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  if (begin != nullptr && at >= first && at - first < sealed_size.load()) {
    const int before = errno;
    sealed_touched.store(true);
    ::mprotect(begin, sealed_size.load(), PROT_READ | PROT_WRITE);
    errno = before;
    return;
  }
  // Not ours: the same access again meets whoever was there before.
  ::sigaction(signal, &previous_action, nullptr);
}

bool install_handler() {
  struct sigaction action {};
  action.sa_sigaction = on_access;
  action.sa_flags = SA_SIGINFO;
  struct sigaction found {};
  if (::sigaction(SIGSEGV, &action, &found) != 0) return false;
  if (found.sa_sigaction != on_access) previous_action = found;
  return true;
}

void remove_handler() {
  struct sigaction found {};
  ::sigaction(SIGSEGV, nullptr, &found);
  if (found.sa_sigaction == on_access) ::sigaction(SIGSEGV, &previous_action, nullptr);
  sealed_begin.store(nullptr);
}

}  // namespace

Arena::Arena(std::size_t bytes, Random& random)
    : size_((bytes + kPage - 1) / kPage * kPage), image_(size_) {
  void* const memory =
      ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(),
                            "mmap: client memory for conformance checks");
  }
  memory_ = static_cast<std::byte*>(memory);
  randomize(size_, random);
}

Arena::~Arena() {
  if (sealed_begin.load() == memory_) remove_handler();
  ::munmap(memory_, size_);
}

std::size_t Arena::looked_at() const noexcept {
  return std::min((used_ / kPage + 2) * kPage, size_);
}

void Arena::randomize(std::size_t bytes, Random& random) noexcept {
  // A generator of its own: quick, and never a constant run of bytes.
  std::uint64_t state = random() | 1;
  for (std::size_t i = 0; i < bytes; i += sizeof state) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const std::uint64_t mixed = state ^ (state >> 29);
    std::memcpy(memory_ + i, &mixed, sizeof mixed);
  }
  std::memcpy(image_.data(), memory_, bytes);
}

void Arena::clear(Random& random) {
  randomize(looked_at(), random);
  used_ = 0;
}

std::byte* Arena::place(std::size_t bytes, std::uint32_t alignment, Random& random) {
  std::size_t at = used_ + kMargin + below(random, 64);
  at = (at + alignment - 1) / alignment * alignment;
  if (at + bytes + kMargin > size_) return nullptr;
  used_ = at + bytes;
  return memory_ + at;
}

void Arena::accept(std::span<const Segment> list) noexcept {
  for (const Segment& segment : list) {
    if (segment.length != 0) std::memcpy(image_of(segment.data), segment.data, segment.length);
  }
}

void Arena::accept_all() noexcept {
  std::memcpy(image_.data(), memory_, looked_at());
}

const std::byte* Arena::first_difference() const noexcept {
  if (std::memcmp(memory_, image_.data(), looked_at()) == 0) return nullptr;
  return std::mismatch(memory_, memory_ + looked_at(), image_.data()).first;
}

Seal::Seal(Arena& arena) {
  sealed_begin.store(arena.memory_);
  sealed_size.store(arena.size_);
  sealed_touched.store(false);
  sealed_ = install_handler() && ::mprotect(arena.memory_, arena.size_, PROT_NONE) == 0;
}

bool Seal::open() {
  if (!sealed_) return touched_;
  sealed_ = false;
  ::mprotect(sealed_begin.load(), sealed_size.load(), PROT_READ | PROT_WRITE);
  touched_ = sealed_touched.load();
  return touched_;
}

}  // namespace bellpull::engine::conformance
