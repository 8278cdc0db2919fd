// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <string_view>

#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::tools {

/// Writes all of `text` to standard output. Throws std::system_error.
void write_out(std::string_view text);

/// Writes `line` to standard error as one line with the program's name in front. Bytes that would
/// break the line are escaped. Never fails.
void complain(std::string_view line) noexcept;

/// A file that will be written later, most often at the end of a run. It is opened at the
/// beginning, so that a path that cannot be written is known before anything happens, and keeps its
/// old contents until then.
class LateFile {
 public:
  /// Opens `path` or makes it. `option` is what asked for it, for messages. Throws
  /// std::system_error.
  LateFile(std::string_view option, std::string path);
  LateFile(const LateFile&) = delete;
  LateFile& operator=(const LateFile&) = delete;
  /// Removes the file if it was made and never written or begun.
  ~LateFile();

  /// Replaces the contents. Throws std::system_error.
  void write(std::string_view text);

  /// Removes the contents, for whoever writes bit by bit from now on. Returns the descriptor, which
  /// does not block and stays the file's. Throws std::system_error.
  [[nodiscard]] int begin();

 private:
  [[nodiscard]] bool clear() const noexcept;
  void set_blocking(bool blocking) const noexcept;

  const std::string option_;
  const std::string path_;
  netdrv::UniqueFd fd_;
  bool remove_ = false;
};

}  // namespace bellpull::tools
