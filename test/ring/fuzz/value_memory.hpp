// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "bellpull/ring/runs.hpp"
#include "bellpull/ring/value_layout.hpp"
#include "input.hpp"
#include "racy_access.hpp"

namespace bellpull::ring::fuzz {

/// Memory of exactly the length of a ring, so that AddressSanitizer sees the first byte outside.
class ExactMemory {
 public:
  explicit ExactMemory(std::size_t bytes)
      : data_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kCacheLine}))),
        bytes_(bytes) {
    std::memset(data_.get(), 0, bytes);
  }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_.get(), bytes_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const {
      ::operator delete (data, std::align_val_t{kCacheLine});
    }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t bytes_;
};

/// A position that mistakes about the turn of numbers like.
inline std::uint64_t start_of(Input& in) {
  constexpr std::array<std::uint64_t, 6> kNear{0,          0,          1ULL << 32,
                                               1ULL << 48, 1ULL << 63, 1ULL << 17};
  const std::uint64_t near = kNear[in.byte() % kNear.size()];
  return near - in.byte() % 32;
}

/// A ring of `T` and the shape it was made with.
template <class T>
struct MadeRing {
  MadeRing(ValueRing kind, Input& in, std::uint32_t producers) : shape(decode(in, producers)) {
    check(format_value_ring(storage.emplace(value_ring_bytes(kind, shape)).bytes(), kind, shape,
                            memory) == SetupError::none,
          "a ring of a good shape is made");
  }
  static ValueShape decode(Input& in, std::uint32_t producers) {
    constexpr std::array<std::uint32_t, 8> kCapacities{4, 1, 2, 3, 5, 8, 16, 33};
    ValueShape shape = shape_of<T>(kCapacities[in.byte() % kCapacities.size()], producers);
    shape.start = start_of(in);
    return shape;
  }

  ValueShape shape;
  std::optional<ExactMemory> storage;
  ValueMemory memory;
};

/// A peer that writes into a ring what it likes, also between two accesses of a half.
class Scribbler final : public Racer {
 public:
  Scribbler(const ValueMemory& memory, std::span<std::byte> bytes, Input& in)
      : memory_(memory), bytes_(bytes), in_(in) {
    RacyAccess::racer = this;
  }
  Scribbler(const Scribbler&) = delete;
  Scribbler& operator=(const Scribbler&) = delete;
  ~Scribbler() { RacyAccess::racer = nullptr; }

  void step() override {
    if (in_.once_in(8)) scribble();
  }
  void scribble() {
    ValueControl& control = *memory_.control;
    const std::uint64_t near = in_.byte() % 2 == 0 ? control.head.value : control.tail.value;
    const std::uint64_t position =
        in_.once_in(4) ? in_.wild(memory_.capacity) : near + in_.byte() % 80 - 40;
    switch (in_.byte() % 8) {
      case 0:
        control.tail.value = position;
        break;
      case 1:
        control.head.value = position;
        break;
      case 2:
        control.data_event.value = position;
        break;
      case 3:
        control.space_event.value = position;
        break;
      case 4:
        if (memory_.tags != nullptr) {
          memory_.tags[position & (memory_.slots - 1)] =
              detail::tag_of(position, memory_.slots, in_.once_in(2));
        }
        break;
      case 5:
        if (memory_.notes != nullptr) {
          memory_.notes[in_.below(memory_.producers)].value =
              detail::note_of(position, in_.once_in(4) ? in_.word16() : in_.byte() % 8);
        }
        break;
      case 6:
        control.floor.value = position;
        break;
      default:
        bytes_[in_.below(bytes_.size())] = static_cast<std::byte>(in_.byte());
    }
  }

 private:
  const ValueMemory memory_;
  std::span<std::byte> bytes_;
  Input& in_;
};

/// That all slots of `runs` are slots of the ring, and that they can be written.
template <class T>
void check_runs(const Runs<T>& runs, const ValueMemory& memory, std::size_t most,
                std::uint32_t& number) {
  check(runs.size() <= most && runs.size() <= memory.capacity, "no more slots than the ring has");
  runs.for_each([&](T& slot) {
    const auto offset = reinterpret_cast<std::byte*>(&slot) - memory.elements;
    check(offset >= 0 && static_cast<std::uint64_t>(offset) + sizeof(T) <=
                             std::uint64_t{memory.slots} * memory.element_bytes,
          "a slot lies in the ring");
    std::memset(&slot, static_cast<int>(++number), sizeof(T));
  });
}

}  // namespace bellpull::ring::fuzz
