// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace bellpull::ring::explorer {

/// Threads of a model, number 0 being the one that sets up before and checks after the others.
inline constexpr unsigned kMaxThreads = 5;
/// Atomic words of a model.
inline constexpr unsigned kMaxWords = 12;

/// What a thread, or a message, knows: per word the oldest message it may still read, and per
/// thread how far that thread's past happens before.
struct View {
  std::array<std::uint16_t, kMaxWords> seen{};
  std::array<std::uint32_t, kMaxThreads> clock{};

  void join(const View& other);
};

/// An operational model of the memory of C++20, for one execution.
///
/// *Atomic words.* Each has its list of messages in modification order. A store appends one; a load
/// may read any message that is not older than what its thread has seen of this word (coherence).
/// A release store puts the thread's view into its message, an acquire load takes the view of the
/// message over; relaxed ones carry only the message itself. This is the view-based reading of
/// release and acquire as in the literature on promise-free ("RC11-like") models.
///
/// *seq_cst.* C++20 wants one total order S of all seq_cst accesses that agrees with program order
/// and with coherence ([atomics.order]/4). S here is the order of execution: per word, a seq_cst
/// load cannot read what is older than the newest message that a seq_cst access of that word
/// stored or read before. Nothing is promised between different words beyond that, so a seq_cst
/// access is no fence and an access that is weaker takes no part, as in the standard: store
/// buffering is impossible when all four accesses are seq_cst and possible when one is not.
///
/// *Plain data.* Happens-before is kept as vector clocks; two accesses of one object, one of them a
/// write, that are not ordered by it are a data race, whatever the values. Without races a read
/// can only see the last write, so plain data stays in real memory.
///
/// *What is not covered.* Loads are executed in program order and read only from the past, so load
/// buffering, which the letter of the standard allows for relaxed accesses, does not occur; nor do
/// executions in which S contradicts program order plus reads-from. Fences do not exist. Of
/// read-modify-write operations there is compare-and-exchange, and what can be made of it: it reads
/// the newest message, as atomicity demands of one that succeeds; one that fails could read an
/// older one, and does not. Its message carries on what the one before carried (release sequences).
/// Whoever stores to a word must have seen its newest message (one writer, or writers that hand the
/// word to each other, as the flags of a packed descriptor are), which makes appending the only
/// possible place for a store; another store is reported.
class Memory {
 public:
  void reset();

  /// The number of the word at `address`, which is `initial` as long as nobody stored.
  unsigned word_at(const void* address, std::uint64_t initial);

  /// How many messages a load could read. Age 0 is the newest.
  [[nodiscard]] unsigned readable(unsigned thread, unsigned word, std::memory_order order) const;
  /// Reads the message of this age.
  std::uint64_t load(unsigned thread, unsigned word, std::memory_order order, unsigned age);
  /// Appends a message. False when the thread has not seen the newest one: the model cannot say
  /// where the store belongs.
  [[nodiscard]] bool store(unsigned thread, unsigned word, std::memory_order order,
                           std::uint64_t value);

  /// Appends a message if the newest one is `expected`; whether it was. A failure is a relaxed
  /// load.
  [[nodiscard]] bool exchange(unsigned thread, unsigned word, std::memory_order order,
                              std::uint64_t expected, std::uint64_t desired);

  /// What a read-modify-write operation would read.
  [[nodiscard]] std::uint64_t newest(unsigned word) const {
    return words_[word].messages.back().value;
  }

  /// A plain access. Names the other thread when it is a race.
  [[nodiscard]] std::optional<unsigned> read(unsigned thread, const void* object);
  [[nodiscard]] std::optional<unsigned> write(unsigned thread, const void* object);

  /// Lets `thread` know what `view` knows, or `view` what `thread` knows: starting and joining
  /// threads, ringing and hearing a bell.
  void acquire(unsigned thread, const View& view) { views_[thread].join(view); }
  void release(unsigned thread, View& view);
  [[nodiscard]] const View& view(unsigned thread) const { return views_[thread]; }

 private:
  struct Message {
    std::uint64_t value = 0;
    View view;
  };
  struct Word {
    const void* address = nullptr;
    std::uint16_t sc_seen = 0;
    std::vector<Message> messages;
  };
  struct Plain {
    const void* object = nullptr;
    unsigned writer = 0;
    std::uint32_t written = 0;
    std::array<std::uint32_t, kMaxThreads> reads{};
  };

  Plain& plain_at(const void* object);
  [[nodiscard]] std::uint16_t oldest(unsigned thread, unsigned word, std::memory_order order) const;

  unsigned words_used_ = 0;
  std::array<Word, kMaxWords> words_;
  std::vector<Plain> plain_;
  std::array<View, kMaxThreads> views_;
};

}  // namespace bellpull::ring::explorer
