// SPDX-License-Identifier: BSD-2-Clause
#include "explorer/model.hpp"

#include <algorithm>
#include <cstdlib>

namespace bellpull::ring::explorer {
namespace {

bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

}  // namespace

void View::join(const View& other) {
  for (unsigned i = 0; i < kMaxWords; ++i) seen[i] = std::max(seen[i], other.seen[i]);
  for (unsigned i = 0; i < kMaxThreads; ++i) clock[i] = std::max(clock[i], other.clock[i]);
}

void Memory::reset() {
  for (Word& word : words_) word.messages.clear();
  words_used_ = 0;
  plain_.clear();
  views_.fill(View{});
  for (unsigned thread = 0; thread < kMaxThreads; ++thread) views_[thread].clock[thread] = 1;
}

unsigned Memory::word_at(const void* address, std::uint64_t initial) {
  for (unsigned i = 0; i < words_used_; ++i) {
    if (words_[i].address == address) return i;
  }
  if (words_used_ == kMaxWords) std::abort();  // raise kMaxWords
  Word& word = words_[words_used_];
  word.address = address;
  word.sc_seen = 0;
  word.messages.push_back({initial, View{}});
  return words_used_++;
}

std::uint16_t Memory::oldest(unsigned thread, unsigned word, std::memory_order order) const {
  const std::uint16_t seen = views_[thread].seen[word];
  return order == std::memory_order_seq_cst ? std::max(seen, words_[word].sc_seen) : seen;
}

unsigned Memory::readable(unsigned thread, unsigned word, std::memory_order order) const {
  return static_cast<unsigned>(words_[word].messages.size()) - oldest(thread, word, order);
}

std::uint64_t Memory::load(unsigned thread, unsigned number, std::memory_order order,
                           unsigned age) {
  Word& word = words_[number];
  const auto time = static_cast<std::uint16_t>(word.messages.size() - 1 - age);
  View& view = views_[thread];
  view.seen[number] = time;
  if (acquires(order)) view.join(word.messages[time].view);
  if (order == std::memory_order_seq_cst) word.sc_seen = std::max(word.sc_seen, time);
  return word.messages[time].value;
}

bool Memory::store(unsigned thread, unsigned number, std::memory_order order, std::uint64_t value) {
  Word& word = words_[number];
  const auto time = static_cast<std::uint16_t>(word.messages.size());
  View& view = views_[thread];
  if (view.seen[number] + 1U != time) return false;
  view.seen[number] = time;
  Message message{value, View{}};
  message.view.seen[number] = time;
  // C++20: no release sequence headed by an earlier store of this thread; a relaxed store
  // carries nothing.
  if (releases(order)) release(thread, message.view);
  word.messages.push_back(message);
  if (order == std::memory_order_seq_cst) word.sc_seen = time;
  return true;
}

bool Memory::exchange(unsigned thread, unsigned number, std::memory_order order,
                      std::uint64_t expected, std::uint64_t desired) {
  Word& word = words_[number];
  const auto newest = static_cast<std::uint16_t>(word.messages.size() - 1);
  View& view = views_[thread];
  view.seen[number] = newest;
  if (word.messages[newest].value != expected) return false;
  if (acquires(order)) view.join(word.messages[newest].view);
  const auto time = static_cast<std::uint16_t>(newest + 1);
  view.seen[number] = time;
  Message message{desired, word.messages[newest].view};
  message.view.seen[number] = time;
  if (releases(order)) release(thread, message.view);
  word.messages.push_back(message);
  if (order == std::memory_order_seq_cst) word.sc_seen = time;
  return true;
}

void Memory::release(unsigned thread, View& view) {
  view.join(views_[thread]);
  ++views_[thread].clock[thread];  // what comes after is not in that message
}

Memory::Plain& Memory::plain_at(const void* object) {
  const auto known = std::ranges::find(plain_, object, &Plain::object);
  if (known != plain_.end()) return *known;
  plain_.push_back({.object = object});
  return plain_.back();
}

std::optional<unsigned> Memory::read(unsigned thread, const void* object) {
  Plain& plain = plain_at(object);
  const View& view = views_[thread];
  plain.reads[thread] = view.clock[thread];
  if (plain.written > view.clock[plain.writer]) return plain.writer;
  return std::nullopt;
}

std::optional<unsigned> Memory::write(unsigned thread, const void* object) {
  Plain& plain = plain_at(object);
  const View& view = views_[thread];
  std::optional<unsigned> racer;
  if (plain.written > view.clock[plain.writer]) racer = plain.writer;
  for (unsigned other = 0; other < kMaxThreads; ++other) {
    if (other != thread && plain.reads[other] > view.clock[other]) racer = other;
  }
  plain.writer = thread;
  plain.written = view.clock[thread];
  return racer;
}

}  // namespace bellpull::ring::explorer
