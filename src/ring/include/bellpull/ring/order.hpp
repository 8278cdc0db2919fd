// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace bellpull::ring {

/// Every atomic access that the two halves of a queue or of a value ring make, by name. The table
/// in order_of() is the whole memory model of the library: which order each access has and which
/// access it pairs with.
///
/// Two handshakes:
/// - *publish and consume*: the writer fills entries, then stores the index with release; the
///   reader loads the index with acquire, then reads the entries.
/// - *arm and ring*: one side stores its index and then loads the event word, the other stores the
///   event word and then loads the index. At least one of them must see the other's store, which
///   needs all four accesses in one total order: seq_cst (store buffering, "Dekker").
/// An *index* below is a word of its own in the split layout (avail.idx, used.idx); in the packed
/// layout it is the flags of the first descriptor that was not shown yet, and loading the index is
/// loading the flags of the next descriptor. The event word is, in the split layout, used_event and
/// avail_event, or the flags of the rings; in the packed layout, the event suppression structures.
/// In a value ring the indices are called tail (the producer's) and head (the consumer's); in one
/// of several producers each slot has a tag, and the tag of the consumer's next slot is what it
/// polls.
///
/// The order stands on the accesses and not on stand-alone fences, so that ThreadSanitizer checks
/// the very code that ships.
enum class Site : std::uint8_t {
  // driver half
  avail_fill,            ///< packed: driver stores flags that avail_publish will cover
  avail_publish,         ///< driver stores the available index, nobody can be asleep
  avail_publish_tested,  ///< driver stores the available index, then tests the device's event word
  avail_event_test,      ///< driver loads the device's event word after avail_publish_tested
  used_poll,             ///< driver loads the used index to consume
  used_event_arm,        ///< driver stores its event word, then re-checks the used index
  used_recheck,          ///< driver loads the used index after used_event_arm
  used_event_park,       ///< driver moves its event word out of the way
  // device half
  avail_poll,           ///< device loads the available index to consume
  avail_entry,          ///< packed: device loads flags that avail_poll covers
  used_fill,            ///< packed: device stores flags that used_publish will cover
  used_publish,         ///< device stores the used index, nobody can be asleep
  used_publish_tested,  ///< device stores the used index, then tests the driver's event word
  used_event_test,      ///< device loads the driver's event word after used_publish_tested
  avail_event_arm,      ///< device stores its event word, then re-checks the available index
  avail_recheck,        ///< device loads the available index after avail_event_arm
  avail_event_park,     ///< device moves its event word out of the way
  // value rings, producer
  tail_publish,         ///< producer stores the tail, nobody can be asleep
  tail_publish_tested,  ///< producer stores the tail, then tests the consumer's event word
  data_event_test,      ///< producer loads the consumer's event word after a tested publish
  head_poll,            ///< producer loads the head to find room
  space_event_arm,      ///< producer stores its event word, then re-checks the head
  head_recheck,         ///< producer loads the head after space_event_arm
  space_event_park,     ///< producer moves its event word out of the way
  // value rings, consumer
  tail_poll,            ///< consumer loads the tail to consume
  head_publish,         ///< consumer stores the head, nobody can be asleep
  head_publish_tested,  ///< consumer stores the head, then tests the producer's event word
  space_event_test,     ///< consumer loads the producer's event word after head_publish_tested
  data_event_arm,       ///< consumer stores its event word, then re-checks for values
  tail_recheck,         ///< consumer loads the tail after data_event_arm
  data_event_park,      ///< consumer moves its event word out of the way
  // several producers
  claim_note,          ///< producer notes which slots it is about to claim
  claim_tail,          ///< producer loads the tail to claim from
  claim_take,          ///< producer moves the tail over the slots, if it still is where it was
  claim_end,           ///< producer strikes its note out
  tag_fill,            ///< producer stores the tags of a batch but the first, which covers them
  tag_publish,         ///< producer stores the first tag of a batch, nobody can be asleep
  tag_publish_tested,  ///< producer stores the first tag, then tests the consumer's event word
  tag_poll,            ///< consumer loads a tag to consume
  tag_recheck,         ///< consumer loads the next slot's tag after data_event_arm
  recover_tail,        ///< consumer loads the tail to see what was claimed
  recover_note,        ///< consumer loads the notes of the producers
  // a ring that may be overwritten
  floor_raise,  ///< producer says which values are about to be overwritten
  word_store,   ///< producer stores a word of a value
  word_load,    ///< consumer loads a word of a value, maybe while it is overwritten
  floor_check,  ///< consumer loads the floor after the words
};

/// How many sites there are, for tables indexed by Site.
inline constexpr std::size_t kSiteCount = 46;

/// The memory order of each site, with its partner.
[[nodiscard]] constexpr std::memory_order order_of(Site site) noexcept {
  // NOLINTBEGIN(bugprone-branch-clone): equal orders of neighbours are a coincidence
  switch (site) {
    case Site::avail_fill:  // behind avail_publish, which carries it
      return std::memory_order_relaxed;
    case Site::avail_publish:  // pairs with avail_poll and avail_recheck: descriptors, ring entries
      return std::memory_order_release;
    case Site::avail_publish_tested:  // as above, and before avail_event_test against the device's
      return std::memory_order_seq_cst;  // avail_event_arm, avail_recheck
    case Site::avail_event_test:         // pairs with avail_event_arm
      return std::memory_order_seq_cst;
    case Site::used_poll:  // pairs with used_publish, used_publish_tested: used entries, buffers
      return std::memory_order_acquire;
    case Site::used_event_arm:  // pairs with used_event_test
      return std::memory_order_seq_cst;
    case Site::used_recheck:  // pairs with used_publish_tested
      return std::memory_order_seq_cst;
    case Site::used_event_park:  // a late reader rings once too often, which arm() tolerates
      return std::memory_order_relaxed;
    case Site::avail_poll:  // pairs with avail_publish, avail_publish_tested
      return std::memory_order_acquire;
    case Site::avail_entry:  // covered by avail_poll of the chain or batch it belongs to
      return std::memory_order_relaxed;
    case Site::used_fill:  // behind used_publish, which carries it
      return std::memory_order_relaxed;
    case Site::used_publish:  // pairs with used_poll and used_recheck
      return std::memory_order_release;
    case Site::used_publish_tested:  // as above, and before used_event_test against the driver's
      return std::memory_order_seq_cst;  // used_event_arm, used_recheck
    case Site::used_event_test:          // pairs with used_event_arm
      return std::memory_order_seq_cst;
    case Site::avail_event_arm:  // pairs with avail_event_test
      return std::memory_order_seq_cst;
    case Site::avail_recheck:  // pairs with avail_publish_tested
      return std::memory_order_seq_cst;
    case Site::avail_event_park:  // a late reader kicks once too often, which is allowed
      return std::memory_order_relaxed;
    case Site::tail_publish:  // pairs with tail_poll and tail_recheck: the values
      return std::memory_order_release;
    case Site::tail_publish_tested:  // as above, and before data_event_test against the consumer's
      return std::memory_order_seq_cst;  // data_event_arm, tail_recheck
    case Site::data_event_test:          // pairs with data_event_arm
      return std::memory_order_seq_cst;
    case Site::head_poll:  // pairs with head_publish, head_publish_tested: the slots are free
      return std::memory_order_acquire;
    case Site::space_event_arm:  // pairs with space_event_test
      return std::memory_order_seq_cst;
    case Site::head_recheck:  // pairs with head_publish_tested
      return std::memory_order_seq_cst;
    case Site::space_event_park:  // a late reader rings once too often, which arm() tolerates
      return std::memory_order_relaxed;
    case Site::tail_poll:  // pairs with tail_publish, tail_publish_tested
      return std::memory_order_acquire;
    case Site::head_publish:  // pairs with head_poll and head_recheck: the values were read
      return std::memory_order_release;
    case Site::head_publish_tested:  // as above, and before space_event_test against the producer's
      return std::memory_order_seq_cst;  // space_event_arm, head_recheck
    case Site::space_event_test:         // pairs with space_event_arm
      return std::memory_order_seq_cst;
    case Site::data_event_arm:  // pairs with data_event_test
      return std::memory_order_seq_cst;
    case Site::tail_recheck:  // pairs with tail_publish_tested
      return std::memory_order_seq_cst;
    case Site::data_event_park:  // as space_event_park
      return std::memory_order_relaxed;
    case Site::claim_note:  // pairs with recover_note: what the note before stood for is tagged
      return std::memory_order_release;
    case Site::claim_tail:  // pairs with claim_take: the head is seen where that claimer saw it
      return std::memory_order_acquire;
    case Site::claim_take:  // pairs with claim_tail, and recover_tail: the note is seen with the
                            // claim
      return std::memory_order_release;
    case Site::claim_end:  // pairs with recover_note: the tags are seen where the note is gone
      return std::memory_order_release;
    case Site::tag_fill:  // behind tag_publish, which carries it
      return std::memory_order_relaxed;
    case Site::tag_publish:  // pairs with tag_poll and tag_recheck: the values
      return std::memory_order_release;
    case Site::tag_publish_tested:  // as above, and before data_event_test against the consumer's
      return std::memory_order_seq_cst;  // data_event_arm, tag_recheck
    case Site::tag_poll:                 // pairs with tag_publish, tag_publish_tested
      return std::memory_order_acquire;
    case Site::tag_recheck:  // pairs with tag_publish_tested
      return std::memory_order_seq_cst;
    case Site::recover_tail:  // pairs with claim_take
      return std::memory_order_acquire;
    case Site::recover_note:  // pairs with claim_end
      return std::memory_order_acquire;
    case Site::floor_raise:  // pairs with floor_check: the tail; and carried by word_store
      return std::memory_order_release;
    case Site::word_store:  // pairs with word_load: who sees the new word sees the floor above it
      return std::memory_order_release;
    case Site::word_load:  // pairs with word_store; floor_check stays behind it
      return std::memory_order_acquire;
    case Site::floor_check:  // pairs with floor_raise; behind word_load, which ordered it
      return std::memory_order_acquire;
  }
  // NOLINTEND(bugprone-branch-clone)
  return std::memory_order_seq_cst;
}

/// How the halves touch shared memory when they run for real. Both halves take such a type as
/// their parameter, so that a model of memory can stand in its place and explore what the shipped
/// templates do (test/ring/explorer).
struct NativeAccess {
  /// Whether the halves keep their counters. A type that derives from this one and says false
  /// leaves them at 0 and their upkeep out of the code.
  static constexpr bool kCounters = true;

  /// Atomically loads a word both sides use, with the order of `site`. Wait-free.
  template <Site site, class Word>
  [[nodiscard]] static Word load(const Word& word) noexcept {
    static_assert(std::atomic_ref<Word>::is_always_lock_free);
    // atomic_ref<const T> is C++26; the load does not write.
    return std::atomic_ref<Word>(const_cast<Word&>(word)).load(order_of(site));
  }

  /// Atomically stores a word both sides use, with the order of `site`. Wait-free.
  template <Site site, class Word>
  static void store(Word& word, Word value) noexcept {
    static_assert(std::atomic_ref<Word>::is_always_lock_free);
    std::atomic_ref<Word>(word).store(value, order_of(site));
  }

  /// Stores `desired` in a word both sides use if it holds `expected`, with the order of `site`;
  /// returns whether it did. Wait-free but for the contention of the word itself.
  template <Site site, class Word>
  [[nodiscard]] static bool compare_exchange(Word& word, Word expected, Word desired) noexcept {
    static_assert(std::atomic_ref<Word>::is_always_lock_free);
    return std::atomic_ref<Word>(word).compare_exchange_strong(expected, desired, order_of(site),
                                                               std::memory_order_relaxed);
  }

  /// Reads an entry that belongs to the caller since it saw the index that covers it.
  template <class Entry>
  [[nodiscard]] static Entry read(const Entry& entry) noexcept {
    return entry;
  }

  /// Copies an entry that a peer may change at any moment: each word of it is loaded once, and the
  /// compiler cannot go back to the original. `Entry` consists of words of at most 8 bytes.
  template <class Entry>
  [[nodiscard]] static Entry copy_once(const Entry& entry) noexcept {
    using Word = std::conditional_t<
        sizeof(Entry) % 8 == 0, std::uint64_t,
        std::conditional_t<sizeof(Entry) % 4 == 0, std::uint32_t, std::uint16_t>>;
    static_assert(sizeof(Entry) % sizeof(Word) == 0 && std::is_trivially_copyable_v<Entry>);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an entry may well be one word
    std::array<Word, sizeof(Entry) / sizeof(Word)> words;
    const auto* const from = reinterpret_cast<const AliasWord<Word>*>(&entry);
    for (std::size_t i = 0; i < words.size(); ++i) {
      words[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
    }
    return std::bit_cast<Entry>(words);
  }

  /// Copies `bytes` bytes that a peer may change at any moment, each loaded once.
  static void copy_once(void* to, const void* from, std::size_t bytes) noexcept {
    const auto* source = static_cast<const std::byte*>(from);
    auto* target = static_cast<std::byte*>(to);
    if (reinterpret_cast<std::uintptr_t>(from) % 8 == 0) {
      for (; bytes >= 8; bytes -= 8, source += 8, target += 8) {
        const std::uint64_t word = __atomic_load_n(
            reinterpret_cast<const AliasWord<std::uint64_t>*>(source), __ATOMIC_RELAXED);
        std::memcpy(target, &word, sizeof word);
      }
    }
    const auto* rest = reinterpret_cast<const unsigned char*>(source);
    for (; bytes != 0; --bytes) {
      *target++ = static_cast<std::byte>(__atomic_load_n(rest++, __ATOMIC_RELAXED));
    }
  }

  /// Writes an entry that belongs to the caller until it publishes the index that covers it.
  template <class Entry>
  static void write(Entry& entry, const Entry& value) noexcept {
    entry = value;
  }

 private:
  // What the peer wrote has the types of the layout; the words may alias them.
  template <class Word>
  using AliasWord [[gnu::may_alias]] = Word;
};

}  // namespace bellpull::ring
