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
    case Site::avail_entry:
      return "avail_entry";
    case Site::avail_recheck:
      return "avail_recheck";
    case Site::avail_event_park:
      return "avail_event_park";
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
