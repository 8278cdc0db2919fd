// SPDX-License-Identifier: BSD-2-Clause
#include "uring.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace bellpull::engine {

namespace {

constexpr std::uint64_t kWatch = ~std::uint64_t{0};
constexpr std::uint64_t kUnwatch = kWatch - 1;
constexpr int kFile = 0;  // of the registered files

// From what Linux 6.1 has, to 5.19, to any. Closed to all threads until it is enabled: whose it is
// is known then.
int set_up(io_uring& ring) noexcept {
  int error = 0;
  for (const unsigned flags :
       {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0U}) {
    error = -::io_uring_queue_init(Uring::kBatch, &ring, flags | IORING_SETUP_R_DISABLED);
    if (error != EINVAL) break;
  }
  return error;
}

[[noreturn]] void refuse(const char* call, int error) {
  throw std::system_error(error, std::generic_category(),
                          std::string(call) + " for a back-end; " + Uring::remedy_for(error));
}

}  // namespace

int Uring::refusal() noexcept {
  io_uring ring{};
  const int error = set_up(ring);
  if (error == 0) ::io_uring_queue_exit(&ring);
  return error;
}

const char* Uring::remedy_for(int error) noexcept {
  switch (error) {
    case ENOSYS:
      return "boot Linux 5.6 or newer with CONFIG_IO_URING, or do without";
    case EPERM:
    case EACCES:
      return "see whether kernel.io_uring_disabled is 0 and no seccomp filter (of a container) "
             "forbids it, or do without";
    case ENOMEM:
      return "raise `ulimit -l`, or do without";
    case EMFILE:
    case ENFILE:
      return "raise `ulimit -n`, or do without";
    default:
      return "do without";
  }
}

Uring::Uring(int fd, Counter& calls) : calls_(calls) {
  if (const int error = set_up(ring_); error != 0) refuse("io_uring_setup", error);
  if (const int error = -::io_uring_register_files(&ring_, &fd, 1); error != 0) {
    ::io_uring_queue_exit(&ring_);
    refuse("io_uring_register", error);
  }
}

// A ring that no thread used may be emptied by any: what it holds is not left to a later moment.
Uring::~Uring() {
  if (usable_ && !enabled_) ::io_uring_unregister_files(&ring_);
  ::io_uring_queue_exit(&ring_);
}

void Uring::read(std::span<const iovec> vectors) noexcept {
  io_uring_sqe* const sqe = next();
  const iovec& first = vectors.front();
  if (vectors.size() == 1) {
    ::io_uring_prep_read(sqe, kFile, first.iov_base, static_cast<unsigned>(first.iov_len), ~0ULL);
  } else {
    ::io_uring_prep_readv(sqe, kFile, vectors.data(), static_cast<unsigned>(vectors.size()), ~0ULL);
  }
  sqe->flags = IOSQE_FIXED_FILE;
  sqe->rw_flags = RWF_NOWAIT;  // O_NONBLOCK alone lets the kernel wait and go on by itself
  sqe->user_data = added_++;
}

void Uring::write(std::span<const iovec> vectors, bool more) noexcept {
  io_uring_sqe* const sqe = next();
  const iovec& first = vectors.front();
  if (vectors.size() == 1) {
    ::io_uring_prep_write(sqe, kFile, first.iov_base, static_cast<unsigned>(first.iov_len), ~0ULL);
  } else {
    ::io_uring_prep_writev(sqe, kFile, vectors.data(), static_cast<unsigned>(vectors.size()),
                           ~0ULL);
  }
  sqe->flags = static_cast<std::uint8_t>(IOSQE_FIXED_FILE | (more ? IOSQE_IO_LINK : 0));
  sqe->rw_flags = RWF_NOWAIT;  // as above
  sqe->user_data = added_++;
}

std::span<const std::int32_t> Uring::run() noexcept {
  const std::span<std::int32_t> results = std::span(results_).first(added_);
  for (std::int32_t& result : results) result = kNotTried;
  waiting_ = added_;
  added_ = 0;
  if (!enabled_ && !enable()) return results;
  while (waiting_ != 0 && usable_) enter(waiting_);
  return results;
}

bool Uring::quiet() noexcept {
  if (watching_) {
    watching_ = !signs();
    return watching_;
  }
  if (!usable_ || (!enabled_ && !enable())) return false;
  // One answer and no more: a poll that stays would cost whoever sends something for each frame.
  io_uring_sqe* const sqe = next();
  ::io_uring_prep_poll_add(sqe, kFile, POLLIN);
  sqe->flags = IOSQE_FIXED_FILE;
  sqe->user_data = kWatch;
  ++polls_;
  enter(0);
  watching_ = usable_ && polls_ != 0 && !signs();
  return watching_;
}

void Uring::close() noexcept {
  if (!usable_) return;
  while (usable_ && polls_ != 0) {
    io_uring_sqe* const sqe = next();
    ::io_uring_prep_poll_remove(sqe, kWatch);
    sqe->user_data = kUnwatch;
    enter(1);
  }
  ::io_uring_unregister_files(&ring_);
  usable_ = false;
}

io_uring_sqe* Uring::next() noexcept {
  return ::io_uring_get_sqe(&ring_);  // there is room: all that were made have been entered
}

void Uring::enter(unsigned wait) noexcept {
  calls_.add(1);
  const int result = wait != 0 ? ::io_uring_submit_and_wait(&ring_, wait)
                               : ::io_uring_submit_and_get_events(&ring_);
  harvest();
  if (result < 0 && result != -EINTR) usable_ = false;
}

void Uring::harvest() noexcept {
  const unsigned count = ::io_uring_cq_ready(&ring_);
  const unsigned head = *ring_.cq.khead;
  for (unsigned i = 0; i < count; ++i) {
    const io_uring_cqe& cqe = ring_.cq.cqes[(head + i) & *ring_.cq.kring_mask];
    if (cqe.user_data == kWatch) {
      --polls_;
      watching_ = false;
    } else if (cqe.user_data != kUnwatch) {
      results_[cqe.user_data] = cqe.res;
      --waiting_;
    }
  }
  ::io_uring_cq_advance(&ring_, count);
}

bool Uring::enable() noexcept {
  calls_.add(1);
  enabled_ = true;
  // liburing declares io_uring_enable_rings(), but before 2.4 its library does not export it.
  usable_ = ::syscall(SYS_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr,
                      0) == 0;
  return usable_;
}

// In memory that the kernel writes: an answer, or the wish to be entered so that it can give one.
bool Uring::signs() const noexcept {
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  return (flags & IORING_SQ_TASKRUN) != 0 || ::io_uring_cq_ready(&ring_) != 0;
}

}  // namespace bellpull::engine
