// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdio>
#include <cstdlib>

namespace bellpull::engine::test {

/// Whether the program runs in QEMU's user mode (the environment says BELLPULL_EMULATED). QEMU puts
/// no barrier between an ARM store-release and a load-acquire behind it, which a processor keeps in
/// order: two sides that sleep until they are told can miss each other there, and only there.
[[nodiscard]] inline bool emulated() {
  static const bool is = std::getenv("BELLPULL_EMULATED") != nullptr;
  return is;
}

/// emulated(), with a line that says so: for a case whose threads sleep.
[[nodiscard]] inline bool left_out_when_emulated() {
  if (emulated()) {
    std::puts("left out: the emulation does not order a seq_cst store before a seq_cst load");
  }
  return emulated();
}

}  // namespace bellpull::engine::test
