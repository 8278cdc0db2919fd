// SPDX-License-Identifier: BSD-2-Clause
#include "capture_writer.hpp"

#include <pthread.h>
#include <signal.h>

#include <bit>
#include <cerrno>
#include <new>

namespace bellpull::netdrv {

namespace {

constexpr std::size_t kWrite = std::size_t{256} << 10;  // bytes worth a call
// Between two wake-ups: who records frame by frame is not to make a system call for each.
constexpr std::chrono::milliseconds kGather{1};

}  // namespace

Capture::Writer::Writer(int fd, const CaptureOptions& options) : options_(options), file_(fd) {}

Capture::Writer::~Writer() {
  if (thread_.joinable()) finish(std::chrono::milliseconds(0));
}

CapturePoints Capture::Writer::add_port(std::string_view name) {
  const CapturePoint::Parts parts{
      .slots = std::bit_ceil(options_.ring_bytes) / static_cast<std::uint32_t>(sizeof(CaptureSlot)),
      .snap = options_.snap,
      .events = options_.events,
      .clock = options_.clock,
      .bell = file_.bell()};
  auto port = std::make_unique<Port>();
  port->name = name;
  for (auto& source : port->sources) source = std::make_unique<CaptureSource>(parts);
  ports_.push_back(std::move(port));
  const auto& sources = ports_.back()->sources;
  return {.owner = &sources[0]->point, .engine = &sources[1]->point};
}

void Capture::Writer::start() {
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), "bellpull-pcap");
}

void Capture::Writer::finish(std::chrono::milliseconds limit) noexcept {
  file_.end(limit);
  thread_.join();
}

CaptureCounters Capture::Writer::counters(std::size_t port) const noexcept {
  const Port& counted = *ports_[port];
  CaptureCounters counters{.captured = counted.captured.value(),
                           .missed = counted.lost.value(),
                           .filtered = counted.filtered.value()};
  for (const auto& source : counted.sources) counters.missed += source->point.missed();
  return counters;
}

void Capture::Writer::run() noexcept {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // SIGPIPE is an error of write(), the rest not ours
  try {
    begin();
  } catch (const std::bad_alloc&) {
    file_.fail(ENOMEM);
  }
  for (;;) {
    const bool ending = file_.ending();  // if so, nobody records any more
    if (drain()) continue;
    if (ending) break;
    if (arm()) continue;
    file_.wait();
    if (!file_.ending()) std::this_thread::sleep_for(kGather);
  }
  try {
    end();
  } catch (const std::bad_alloc&) {
    file_.fail(ENOMEM);
  }
}

void Capture::Writer::begin() {
  begun_ns_ = now();
  blocks_.section();
  for (const auto& port : ports_) blocks_.interface(port->name, options_.snap);
  flush();
}

void Capture::Writer::end() {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const CaptureCounters said = counters(i);
    blocks_.statistics(static_cast<std::uint32_t>(i),
                       {.begun_ns = begun_ns_,
                        .ended_ns = now(),
                        .seen = said.captured + said.missed + said.filtered,
                        .missed = said.missed,
                        .written = said.captured});
  }
  flush();
}

// Takes what is there now, in the order of its times. False: there was nothing.
bool Capture::Writer::drain() noexcept {
  each_source([](CaptureSource& source) noexcept { source.peek(); });
  bool any = false;
  for (;;) {
    const auto next = earliest();
    if (next.first == nullptr) break;
    any = true;
    take(*next.first, next.second);
    next.first->advance();
    if (blocks_.bytes().size() >= kWrite) flush();
  }
  if (any) flush();
  return any;
}

// And its port's number. There are a few sources: not worth a heap.
std::pair<CaptureSource*, std::size_t> Capture::Writer::earliest() const noexcept {
  std::pair<CaptureSource*, std::size_t> best{nullptr, 0};
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    for (const auto& source : ports_[i]->sources) {
      if (source->over()) continue;
      if (best.first == nullptr || source->record().time_ns < best.first->record().time_ns) {
        best = {source.get(), i};
      }
    }
  }
  return best;
}

void Capture::Writer::take(const CaptureSource& source, std::size_t number) noexcept {
  Port& port = *ports_[number];
  port.missed += source.record().missed;
  if (file_.error() != 0) {
    port.lost.add(1);
    return;
  }
  try {
    if (!accepts(source)) {
      port.filtered.add(1);
      return;
    }
    blocks_.packet(static_cast<std::uint32_t>(number), source.record(), source.pieces(),
                   port.missed);
    port.missed = 0;
    ++port.pending;
  } catch (const std::bad_alloc&) {
    file_.fail(ENOMEM);
    port.lost.add(1);
  }
}

bool Capture::Writer::accepts(const CaptureSource& source) {
  const CaptureFilter& filter = options_.filter;
  if (filter.accepts == nullptr) return true;
  const auto pieces = source.pieces();
  if (pieces[1].empty()) return filter.accepts(filter.context, pieces[0], source.record().size);
  whole_.assign(pieces[0].begin(), pieces[0].end());
  whole_.insert(whole_.end(), pieces[1].begin(), pieces[1].end());
  return filter.accepts(filter.context, whole_, source.record().size);
}

void Capture::Writer::flush() noexcept {
  const bool good = file_.write(blocks_.bytes());
  blocks_.clear();
  for (const auto& port : ports_) {
    (good ? port->captured : port->lost).add(std::exchange(port->pending, 0));
  }
  each_source([](CaptureSource& source) noexcept { source.release(); });
}

// True: there is something already.
bool Capture::Writer::arm() noexcept {
  bool found = false;
  each_source([&](CaptureSource& source) noexcept {
    found = source.point.ring().consumer().arm() || found;
  });
  return found;
}

std::uint64_t Capture::Writer::now() const noexcept {
  return options_.clock.now == nullptr ? 0 : options_.clock.now(options_.clock.context);
}

}  // namespace bellpull::netdrv
