// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace bellpull::bench {

constexpr unsigned kMostBurst = 64;
constexpr unsigned kMostProducers = 2;

/// What travels through a ring: a number that says which one it is, and more that follows from it.
template <std::size_t kBytes>
struct Element {
  static_assert(kBytes % 8 == 0);
  static constexpr auto kWords = std::make_index_sequence<kBytes / 8>();
  std::array<std::uint64_t, kBytes / 8> words;

  // Without a loop, so that an element which is passed on in registers never has to be in memory,
  // whichever ring it goes into.
  template <std::size_t... kWord>
  [[gnu::always_inline]] void set(std::uint64_t first, std::index_sequence<kWord...>) {
    ((words[kWord] = first + kWord), ...);
  }
  template <std::size_t... kWord>
  [[nodiscard, gnu::always_inline]] std::uint64_t difference(std::uint64_t first,
                                                             std::index_sequence<kWord...>) const {
    return ((words[kWord] ^ (first + kWord)) | ...);
  }
};

/// Makes the elements of one producer. One thread's own.
template <class T>
class alignas(128) Source {
 public:
  explicit Source(unsigned producer = 0) : next_(std::uint64_t{producer} << kShift) {}

  /// Writes the elements after the next `skip`, every byte of them, where they are to be.
  void fill(T* to, std::size_t count, std::size_t skip = 0) const {
    const std::uint64_t from = next_ + skip;
    for (std::size_t i = 0; i < count; ++i) to[i].set(from + i, T::kWords);
  }
  [[nodiscard, gnu::always_inline]] T make() const {
    T element;
    element.set(next_, T::kWords);
    return element;
  }
  /// The next elements in a place of the source, for a ring that copies. What found no room at all
  /// is not made a second time.
  [[nodiscard]] const T* staged(unsigned count) {
    if (staged_ != next_) {
      fill(stage_.data(), count);
      staged_ = next_;
    }
    return stage_.data();
  }
  /// So many are in the ring.
  unsigned sent(std::size_t count) {
    next_ += count;
    return static_cast<unsigned>(count);
  }
  [[nodiscard]] std::uint64_t next() const { return next_; }

  static constexpr unsigned kShift = 56;

 private:
  std::uint64_t next_;
  std::uint64_t staged_ = ~std::uint64_t{0};
  std::array<T, kMostBurst> stage_;
};

/// Checks that each element is the one that follows, every byte of it. One thread's own.
template <class T, bool kManyProducers>
class alignas(128) Sink {
 public:
  Sink() {
    for (unsigned i = 0; i < kMostProducers; ++i) next_[i] = std::uint64_t{i} << Source<T>::kShift;
  }
  [[gnu::always_inline]] unsigned take(const T* from, std::size_t count) {
    if constexpr (kManyProducers) {
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t of = from[i].words[0] >> Source<T>::kShift;
        if (of >= kMostProducers) {
          wrong_ = 1;
          return static_cast<unsigned>(count);
        }
        check(from[i], next_[of]++);
      }
    } else {
      for (std::size_t i = 0; i < count; ++i) check(from[i], next_[0] + i);
      next_[0] += count;
    }
    return static_cast<unsigned>(count);
  }
  /// A place of the sink for a ring that copies.
  [[nodiscard]] T* stage() { return stage_.data(); }
  /// Whether everything came once, whole and in its producer's order.
  [[nodiscard]] bool right() const { return wrong_ == 0; }

 private:
  [[gnu::always_inline]] void check(const T& element, std::uint64_t expected) {
    wrong_ |= element.difference(expected, T::kWords);
  }

  std::uint64_t wrong_ = 0;
  std::array<std::uint64_t, kMostProducers> next_;
  std::array<T, kMostBurst> stage_;
};

}  // namespace bellpull::bench
