// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "bellpull/engine/uring_backend.hpp"

namespace bellpull::engine::test {

/// Says so loudly and answers true where there is no io_uring to test.
inline bool no_uring() {
  const std::string why = uring_refusal().reason;
  if (!why.empty()) MESSAGE("SKIPPED: no io_uring: " << why);
  return !why.empty();
}

/// Threads that the kernel started for a ring of this process.
inline unsigned workers() {
  unsigned count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    count += name.starts_with("iou-") ? 1 : 0;
  }
  return count;
}

/// What is at the other end of the descriptor.
enum class Far { datagrams, bytes, pipe, packets };

/// Two joined descriptors; a back-end has the near one.
class FarEnd {
 public:
  FarEnd(Far kind, bool reads) : kind_(kind), reads_(reads) {
    ::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> ends{-1, -1};
    if (kind == Far::pipe || kind == Far::packets) {
      REQUIRE(::pipe2(ends.data(),
                      O_NONBLOCK | O_CLOEXEC | (kind == Far::packets ? O_DIRECT : 0)) == 0);
      REQUIRE(::fcntl(ends[0], F_SETPIPE_SZ, 1 << 19) >= 0);
    } else {
      const int type = kind == Far::bytes ? SOCK_STREAM : SOCK_DGRAM;
      REQUIRE(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    }
    near_ = ends[reads ? 0 : 1];
    far_ = ends[reads ? 1 : 0];
  }
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;
  ~FarEnd() {
    close_near();
    ::close(far_);
  }

  void close_near() {
    if (near_ >= 0) ::close(near_);
    near_ = -1;
  }
  [[nodiscard]] FdOptions options() const {
    return {
        .fd = near_,
        .direction = reads_ ? Direction::device_to_memory : Direction::memory_to_device,
        .framing = kind_ == Far::bytes || kind_ == Far::pipe ? Framing::bytes : Framing::message,
        .max_length = 1u << 23};
  }
  [[nodiscard]] bool reads() const { return reads_; }

  bool send(std::span<const std::byte> message) const {
    return ::write(far_, message.data(), message.size()) == static_cast<ssize_t>(message.size());
  }
  std::size_t receive(std::span<std::byte> into) const {
    return static_cast<std::size_t>(std::max<ssize_t>(0, ::read(far_, into.data(), into.size())));
  }
  bool send_number(unsigned number) const { return send(std::as_bytes(std::span(&number, 1))); }
  std::optional<unsigned> receive_number() const {
    unsigned number = 0;
    if (receive(std::as_writable_bytes(std::span(&number, 1))) == 0) return std::nullopt;
    return number;
  }
  /// Of a socket that sends: no more room than is usual for a message.
  void widen() const {
    const int size = 1 << 16;
    for (const int fd : {near_, far_}) {
      REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    }
  }

 private:
  Far kind_;
  bool reads_;
  int near_ = -1, far_ = -1;
};

/// A back-end with 64 buffers that hold a number each, and called by hand.
class Bench {
 public:
  explicit Bench(const FarEnd& far)
      : backend(make_uring_backend(far.options(), counters)), reads_(far.reads()) {
    buffers_.resize(64, std::vector<std::byte>(sizeof(unsigned)));
    segments_.resize(64);
  }
  ~Bench() { backend->stop(); }

  static std::uint64_t id_of(unsigned slot) { return slot + 1; }

  /// Starts so many, with numbers from `first` on in what is written. Returns how many.
  unsigned post(unsigned count, unsigned first = 0) {
    for (unsigned i = 0; i < count; ++i) {
      const unsigned slot = free_++ % 64;
      const unsigned number = first + i;
      if (!reads_) std::memcpy(buffers_[slot].data(), &number, sizeof number);
      segments_[slot] = {closed_.contains(slot) ? closed_[slot] : buffers_[slot].data(),
                         buffers_[slot].size()};
      Op op;
      op.id = id_of(slot);
      op.operation = reads_ ? Operation::read : Operation::write;
      (reads_ ? op.destination : op.source) = {&segments_[slot], 1};
      REQUIRE(backend->start({&op, 1}) == 1);
      ++posted_;
    }
    return count;
  }
  [[nodiscard]] unsigned posted() const { return posted_; }

  /// The numbers of what one reap() reports; of what is written and of failures, those of the
  /// slots.
  std::vector<unsigned> reap() {
    std::array<Done, 64> done;
    const Reaped reaped = backend->reap(done);
    would_block_ = reaped.would_block;
    std::vector<unsigned> numbers;
    for (unsigned i = 0; i < reaped.count; ++i) {
      last_ = done[i];
      const auto slot = static_cast<unsigned>(last_.id - 1);
      unsigned number = slot;
      if (reads_ && last_.error == 0) {
        CHECK(last_.bytes == buffers_[slot].size());
        std::memcpy(&number, buffers_[slot].data(), sizeof number);
      }
      numbers.push_back(number);
      --posted_;
    }
    return numbers;
  }
  /// Until there is no more.
  std::vector<unsigned> reap_all() {
    std::vector<unsigned> all;
    do {
      const std::vector<unsigned> some = reap();
      all.insert(all.end(), some.begin(), some.end());
    } while (!would_block_ && posted_ != 0);
    return all;
  }
  [[nodiscard]] bool would_block() const { return would_block_; }
  [[nodiscard]] const Done& last() const { return last_; }

  void lengthen(unsigned slot, std::size_t bytes) { buffers_[slot].resize(bytes); }
  /// Begins with the first slot again.
  void forget() { free_ = 0; }
  /// No message can be put there.
  void close_buffer(unsigned slot) { closed_[slot] = reinterpret_cast<std::byte*>(16); }

  FdCounters counters;
  std::unique_ptr<Backend> backend;

 private:
  bool reads_;
  std::vector<std::vector<std::byte>> buffers_;
  std::vector<Segment> segments_;
  std::map<unsigned, std::byte*> closed_;
  unsigned free_ = 0;
  unsigned posted_ = 0;
  bool would_block_ = false;
  Done last_;
};

/// What a process is told that gets `error` for each io_uring_setup.
struct Refused {
  int code = 0;
  std::string thrown;
  std::string told;
};

inline Refused without_uring(int error) {
  std::array<int, 2> said{-1, -1};
  REQUIRE(::pipe2(said.data(), O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::array<sock_filter, 4> code{{
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_io_uring_setup},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    }};
    const sock_fprog program{code.size(), code.data()};
    std::ostringstream text;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) {
      FdCounters counters;
      try {
        static_cast<void>(make_uring_backend(
            {.fd = ::fcntl(said[1], F_SETFL, O_NONBLOCK) == 0 ? said[1] : -1}, counters));
      } catch (const std::system_error& thrown) {
        text << thrown.code().value() << '\n'
             << thrown.what() << '\n'
             << uring_refusal().reason << uring_refusal().remedy << '\n';
      }
    }
    const std::string words = text.str();
    ::_exit(::write(said[1], words.data(), words.size()) < 0 ? 1 : 0);
  }
  ::close(said[1]);
  std::string all(4096, '\0');
  const ssize_t got = ::read(said[0], all.data(), all.size());
  ::close(said[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  std::istringstream lines(all.substr(0, static_cast<std::size_t>(std::max<ssize_t>(0, got))));
  Refused refused;
  lines >> refused.code;
  lines.ignore();
  std::getline(lines, refused.thrown);
  std::getline(lines, refused.told);
  return refused;
}

}  // namespace bellpull::engine::test
