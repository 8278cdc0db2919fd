// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "bellpull/ring/order.hpp"
#include "explorer/explorer.hpp"

namespace bellpull::ring::explorer {

/// The name of a site, as it is spelt in the enumeration.
[[nodiscard]] constexpr std::string_view name_of(Site site) {
  switch (site) {
    case Site::avail_fill:
      return "avail_fill";
    case Site::avail_publish:
      return "avail_publish";
    case Site::avail_publish_tested:
      return "avail_publish_tested";
    case Site::avail_event_test:
      return "avail_event_test";
    case Site::used_poll:
      return "used_poll";
    case Site::used_event_arm:
      return "used_event_arm";
    case Site::used_recheck:
      return "used_recheck";
    case Site::used_event_park:
      return "used_event_park";
    case Site::avail_poll:
      return "avail_poll";
    case Site::avail_entry:
      return "avail_entry";
    case Site::used_fill:
      return "used_fill";
    case Site::used_publish:
      return "used_publish";
    case Site::used_publish_tested:
      return "used_publish_tested";
    case Site::used_event_test:
      return "used_event_test";
    case Site::avail_event_arm:
      return "avail_event_arm";
    case Site::avail_recheck:
      return "avail_recheck";
    case Site::avail_event_park:
      return "avail_event_park";
    case Site::tail_publish:
      return "tail_publish";
    case Site::tail_publish_tested:
      return "tail_publish_tested";
    case Site::data_event_test:
      return "data_event_test";
    case Site::head_poll:
      return "head_poll";
    case Site::space_event_arm:
      return "space_event_arm";
    case Site::head_recheck:
      return "head_recheck";
    case Site::space_event_park:
      return "space_event_park";
    case Site::tail_poll:
      return "tail_poll";
    case Site::head_publish:
      return "head_publish";
    case Site::head_publish_tested:
      return "head_publish_tested";
    case Site::space_event_test:
      return "space_event_test";
    case Site::data_event_arm:
      return "data_event_arm";
    case Site::tail_recheck:
      return "tail_recheck";
    case Site::data_event_park:
      return "data_event_park";
    case Site::claim_note:
      return "claim_note";
    case Site::claim_tail:
      return "claim_tail";
    case Site::claim_take:
      return "claim_take";
    case Site::claim_end:
      return "claim_end";
    case Site::tag_fill:
      return "tag_fill";
    case Site::tag_publish:
      return "tag_publish";
    case Site::tag_publish_tested:
      return "tag_publish_tested";
    case Site::tag_poll:
      return "tag_poll";
    case Site::tag_recheck:
      return "tag_recheck";
    case Site::recover_tail:
      return "recover_tail";
    case Site::recover_note:
      return "recover_note";
    case Site::floor_raise:
      return "floor_raise";
    case Site::word_store:
      return "word_store";
    case Site::word_load:
      return "word_load";
    case Site::floor_check:
      return "floor_check";
  }
  return "unknown";
}

/// The memory order of every site: the table that ships, unless a mutant changed it.
class Orders {
 public:
  Orders() {
    for (std::size_t i = 0; i < kSiteCount; ++i) orders_[i] = order_of(static_cast<Site>(i));
  }

  [[nodiscard]] std::memory_order of(Site site) const {
    return orders_[static_cast<std::size_t>(site)];
  }
  void set(Site site, std::memory_order order) { orders_[static_cast<std::size_t>(site)] = order; }

 private:
  std::array<std::memory_order, kSiteCount> orders_{};
};

/// Stands in the place of NativeAccess: the same interface, over the explorer's memory.
struct ModelAccess {
  static constexpr bool kCounters = false;

  template <Site site, class Word>
  [[nodiscard]] static Word load(const Word& word) noexcept {
    used.set(static_cast<std::size_t>(site));
    return static_cast<Word>(world->load(&word, word, orders.of(site), name_of(site)));
  }

  template <Site site, class Word>
  static void store(Word& word, Word value) noexcept {
    used.set(static_cast<std::size_t>(site));
    // Real memory keeps the value of before the first store, which is the word's first message.
    world->store(&word, word, value, orders.of(site), name_of(site));
  }

  template <Site site, class Word>
  [[nodiscard]] static bool compare_exchange(Word& word, Word expected, Word desired) noexcept {
    used.set(static_cast<std::size_t>(site));
    return world->exchange(&word, word, expected, desired, orders.of(site), name_of(site));
  }

  template <class Entry>
  [[nodiscard]] static Entry read(const Entry& entry) noexcept {
    world->read(&entry);
    return entry;
  }

  template <class Entry>
  [[nodiscard]] static Entry copy_once(const Entry& entry) noexcept {
    return read(entry);
  }
  static void copy_once(void* to, const void* from, std::size_t bytes) noexcept {
    world->read(from);
    std::memcpy(to, from, bytes);
  }

  template <class Entry>
  static void write(Entry& entry, const Entry& value) noexcept {
    world->write(&entry);
    entry = value;
  }

  // The interface is static, so what stands behind it has to be as well.
  static inline World* world = nullptr;
  static inline Orders orders;
  static inline std::bitset<kSiteCount> used;  ///< sites that were executed
};

}  // namespace bellpull::ring::explorer
