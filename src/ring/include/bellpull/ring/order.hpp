// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace bellpull::ring {

/// Every atomic access that the two halves of a queue make, by name. The table in order_of() is the
/// whole memory model of the library: which order each access has and which access it pairs with.
///
/// Two handshakes:
/// - *publish and consume*: the writer fills entries, then stores the index with release; the
///   reader loads the index with acquire, then reads the entries.
/// - *arm and ring*: one side stores its index and then loads the event word, the other stores the
///   event word and then loads the index. At least one of them must see the other's store, which
///   needs all four accesses in one total order: seq_cst (store buffering, "Dekker").
/// The order stands on the accesses and not on stand-alone fences, so that ThreadSanitizer checks
/// the very code that ships.
enum class Site : std::uint8_t {
  // driver half
  avail_publish,         ///< driver stores avail.idx, nobody can be asleep
  avail_publish_tested,  ///< driver stores avail.idx, then tests avail_event
  avail_event_test,      ///< driver loads avail_event after avail_publish_tested
  used_poll,             ///< driver loads used.idx to consume
  used_event_arm,        ///< driver stores used_event, then re-checks used.idx
  used_recheck,          ///< driver loads used.idx after used_event_arm
  used_event_park,       ///< driver moves used_event out of the way
  // device half
  avail_poll,           ///< device loads avail.idx to consume
  used_publish,         ///< device stores used.idx, nobody can be asleep
  used_publish_tested,  ///< device stores used.idx, then tests used_event
  used_event_test,      ///< device loads used_event after used_publish_tested
  avail_event_arm,      ///< device stores avail_event, then re-checks avail.idx
  avail_recheck,        ///< device loads avail.idx after avail_event_arm
  avail_event_park,     ///< device moves avail_event out of the way
};

/// How many sites there are, for tables indexed by Site.
inline constexpr std::size_t kSiteCount = 14;

/// The memory order of each site, with its partner.
[[nodiscard]] constexpr std::memory_order order_of(Site site) noexcept {
  // NOLINTBEGIN(bugprone-branch-clone): equal orders of neighbours are a coincidence
  switch (site) {
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
  }
  // NOLINTEND(bugprone-branch-clone)
  return std::memory_order_seq_cst;
}

/// How the halves touch shared memory when they run for real. Both halves take such a type as
/// their parameter, so that a model of memory can stand in its place and explore what the shipped
/// templates do (test/ring/explorer).
struct NativeAccess {
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

  /// Reads an entry that belongs to the caller since it saw the index that covers it.
  template <class Entry>
  [[nodiscard]] static Entry read(const Entry& entry) noexcept {
    return entry;
  }

  /// Writes an entry that belongs to the caller until it publishes the index that covers it.
  template <class Entry>
  static void write(Entry& entry, const Entry& value) noexcept {
    entry = value;
  }
};

}  // namespace bellpull::ring
