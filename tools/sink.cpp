// SPDX-License-Identifier: BSD-2-Clause
#include "sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace bellpull::tools {

namespace {

constexpr mode_t kReadableByAll = 0644;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

void write_out(std::string_view text) {
  if (!write_all(STDOUT_FILENO, text)) {
    fail("write to standard output (is its reader still there, and its disk not full?)");
  }
}

void complain(std::string_view line) noexcept {
  try {
    std::string text = "bellpull: ";
    for (const char c : line) {
      const auto byte = static_cast<unsigned char>(c);
      text += byte < ' ' || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
    }
    text += '\n';
    write_all(STDERR_FILENO, text);
  } catch (...) {
    write_all(STDERR_FILENO, "bellpull: out of memory\n");
  }
}

LateFile::LateFile(std::string_view option, std::string path)
    : option_(option), path_(std::move(path)) {
  // Not blocking: a FIFO without a reader is an error and not a program that hangs.
  constexpr int kFlags = O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  fd_ = netdrv::UniqueFd(::open(path_.c_str(), kFlags));
  if (fd_.get() < 0 && errno == ENOENT) {
    fd_ = netdrv::UniqueFd(::open(path_.c_str(), kFlags | O_CREAT | O_EXCL, kReadableByAll));
    remove_ = fd_.get() >= 0;
  }
  if (fd_.get() < 0) {
    fail(fmt::format("open {} {} for writing (choose a path that you may write)", option_, path_));
  }
  set_blocking(true);
}

LateFile::~LateFile() {
  if (remove_) ::unlink(path_.c_str());
}

void LateFile::write(std::string_view text) {
  if (!clear() || !write_all(fd_.get(), text)) {
    fail(fmt::format("write {} {} (is its disk full?)", option_, path_));
  }
  remove_ = false;
}

int LateFile::begin() {
  if (!clear()) fail(fmt::format("empty {} {} (choose another file)", option_, path_));
  set_blocking(false);
  remove_ = false;
  return fd_.get();
}

bool LateFile::clear() const noexcept {
  struct stat status {};
  const bool is_file = ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode);
  return !is_file || ::ftruncate(fd_.get(), 0) == 0;
}

void LateFile::set_blocking(bool blocking) const noexcept {
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  ::fcntl(fd_.get(), F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

}  // namespace bellpull::tools
