// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <memory>

#include "generate/timed_frames.skel.h"
#include "generate/traffic.hpp"

namespace bellpull::tools::generate {

/// The programs of timed_frames.bpf.c, loaded. One thread.
class TimedFramePrograms {
 public:
  /// For frames into the interface of that index. Throws std::system_error.
  TimedFramePrograms(unsigned interface, const Traffic& traffic);

  /// Lets the tracepoints count what becomes of the frames. Throws std::system_error.
  void attach();

  /// The program that writes a frame, for BPF_PROG_TEST_RUN with an input of longest() bytes.
  [[nodiscard]] int write_frame() const noexcept;

  /// Bytes of the longest frame.
  [[nodiscard]] std::size_t longest() const noexcept { return skeleton_->rodata->longest; }

  /// What they count and are told, at any time.
  [[nodiscard]] auto& shared() noexcept { return *skeleton_->bss; }

 private:
  struct Destroy {
    void operator()(timed_frames_bpf* skeleton) const noexcept {
      timed_frames_bpf::destroy(skeleton);
    }
  };

  std::unique_ptr<timed_frames_bpf, Destroy> skeleton_;
};

}  // namespace bellpull::tools::generate
