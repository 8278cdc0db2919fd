// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "bellpull/ring/setup_error.hpp"

namespace bellpull::ring::c {

// A C++ object in the words of a C handle. The first word says whether there is one, and which:
// a zeroed handle has none.
template <class Object, class Handle>
class Opaque {
  static_assert(sizeof(Object) + 8 <= sizeof(Handle) && alignof(Object) <= 8,
                "the size of a handle is part of the ABI");

 public:
  explicit Opaque(Handle* handle) noexcept : handle_(handle) {}

  // Makes the object; there is none, or one that need not be destroyed.
  Object& make(std::uint64_t kind = 1) noexcept {
    handle_->opaque[0] = kind;
    return *::new (static_cast<void*>(handle_->opaque + 1)) Object;
  }
  // The object, or null.
  [[nodiscard]] Object* get() const noexcept {
    return handle_->opaque[0] != 0 ? &object() : nullptr;
  }
  // The object that is there.
  [[nodiscard]] Object& object() const noexcept {
    return *std::launder(reinterpret_cast<Object*>(handle_->opaque + 1));
  }
  // Destroys the object, if there is one.
  void destroy() noexcept {
    if (handle_->opaque[0] == 0) return;
    std::destroy_at(&object());
    handle_->opaque[0] = 0;
  }

 private:
  Handle* handle_;
};

// The same for a handle that is only read; the object in it is not const.
template <class Object, class Handle>
[[nodiscard]] Object* in(const Handle* handle) noexcept {
  return Opaque<Object, Handle>(const_cast<Handle*>(handle)).get();
}

[[nodiscard]] inline int number(SetupError error) noexcept {
  return static_cast<int>(error);
}

}  // namespace bellpull::ring::c
