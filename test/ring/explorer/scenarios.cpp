// SPDX-License-Identifier: BSD-2-Clause
#include "explorer/scenarios.hpp"

#include <array>
#include <bitset>
#include <string>
#include <type_traits>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"
#include "explorer/model_access.hpp"

namespace bellpull::ring::explorer {
namespace {

constexpr unsigned kDriver = 1;  // the thread of the driver half; the device half is thread 2
constexpr std::uint32_t kMostEntries = 4;

/// How a scenario is sized.
struct Shape {
  std::uint32_t size = 2;     ///< entries of the queue
  unsigned chains = 2;        ///< chains that pass in all
  unsigned descriptors = 1;   ///< of each chain: 1 (a request) or 2 (and a response)
  unsigned batch = 1;         ///< most chains per publish
  bool newest_first = false;  ///< the device completes a batch in reverse
  bool event_idx = true;      ///< false: notifications are switched by flags
};

/// A queue, its two halves, and the buffers that pass through it. Chain number n carries n + 1000
/// and wants n + 2000 back; its buffer is used again by chain n + size. Whatever another thread
/// must not see too early or too late is read and written through the model.
template <class Layout>
class QueueScenario : public Scenario {
 public:
  QueueScenario(World& world, const Habits& habits, const Shape& shape)
      : shape_(shape), world_(world), habits_(habits) {}

  [[nodiscard]] unsigned threads() const override { return 2; }

  void set_up() override {
    bell_.orders = kick_.orders = habits_.bell_orders;
    typename Layout::Memory memory;
    const SetupError placed = Layout::place(region_.data(), region_.size(), shape_.size, memory);
    DriverOptions<Layout> driver;
    driver.features.event_idx = shape_.event_idx;
    driver.slots = slots_;
    DeviceOptions<Layout> device;
    device.features.event_idx = shape_.event_idx;
    if (placed != SetupError::none || driver_.attach(memory, driver) != SetupError::none ||
        device_.attach(memory, device) != SetupError::none) {
      world_.fail(Failure::wrong, "the halves do not attach");
    }
  }

  void run(unsigned thread) override { thread == kDriver ? run_driver() : run_device(); }

 protected:
  virtual void run_driver() = 0;
  virtual void run_device() = 0;

  /// Offers up to `most` chains of those that are left. Not published yet.
  unsigned send(unsigned most) {
    unsigned count = 0;
    while (count < most && sent_ < shape_.chains &&
           driver_.free_descriptors() >= shape_.descriptors) {
      const unsigned buffer = sent_ % shape_.size;
      ModelAccess::write(requests_[buffer], sent_ + std::uint64_t{1000});
      const Segment request{reinterpret_cast<std::uintptr_t>(&requests_[buffer]), 8};
      const Segment response{reinterpret_cast<std::uintptr_t>(&responses_[buffer]), 8};
      driver_.offer(driver_.reserve({&request, 1}, std::span(&response, shape_.descriptors - 1),
                                    sent_ + 3000));
      ++sent_;
      ++count;
    }
    return count;
  }

  /// Polls for up to `limit` chains and checks each.
  unsigned collect(unsigned limit) {
    return driver_.poll(limit, [&](const Used& used) {
      const std::uint64_t chain = used.token - 3000;
      if (chain >= shape_.chains || back_.test(chain)) {
        world_.fail(Failure::wrong, "a chain came back twice, or one that was never sent");
        return;
      }
      back_.set(chain);
      expect(used.length == chain + 100, "a completion has a wrong length");
      if (shape_.descriptors == 2) {
        expect(ModelAccess::read(responses_[chain % shape_.size]) == chain + 2000,
               "a response is not what the device wrote");
      }
      ++collected_;
    });
  }

  /// Serves up to `most` of the chains that the device half has seen. Not published yet.
  unsigned serve(unsigned most) {
    std::vector<Chain> chains;
    while (chains.size() < most && more()) {
      std::array<Piece, 2> pieces{};
      Chain chain;
      const bool taken = device_.take(pieces, chain);
      const unsigned responses = shape_.descriptors - 1;
      if (!taken || chain.readable != 1 || chain.writable != responses) {
        world_.fail(Failure::wrong, "a chain is not what the driver made");
        return 0;
      }
      expect(*read(pieces[0]) == served_ + std::uint64_t{1000},
             "a request is not what the driver wrote");
      if (responses != 0) ModelAccess::write(*cell(pieces[1]), served_ + std::uint64_t{2000});
      chains.push_back(chain);
      ++served_;
    }
    const auto first = static_cast<unsigned>(served_ - chains.size());
    for (std::size_t i = 0; i < chains.size(); ++i) {
      const std::size_t at = shape_.newest_first ? chains.size() - 1 - i : i;
      device_.complete(chains[at], static_cast<std::uint32_t>(first + at + 100));
    }
    return static_cast<unsigned>(chains.size());
  }

  // The packed layout tells of one chain at a time; the split one's index is looked at by the
  // scenario.
  bool more() {
    return device_.ready() != 0 || (std::is_same_v<Layout, Packed> && device_.refresh() != 0);
  }

  void publish_and_kick() {
    if (driver_.publish_and_test()) world_.ring(kick_);
  }
  void publish_and_bell() {
    if (device_.publish_and_test()) world_.ring(bell_);
  }

  /// Arms and sleeps unless there is work. False when the thread must end.
  [[nodiscard]] bool driver_sleeps() {
    ++driver_arms_;
    if (driver_.arm() && habits_.driver_rechecks) return true;
    return world_.wait(bell_);
  }
  [[nodiscard]] bool device_sleeps() {
    ++device_arms_;
    if (device_.arm() && habits_.device_rechecks) return true;
    return world_.wait(kick_);
  }

  void expect(bool holds, const char* what) {
    if (!holds) world_.fail(Failure::wrong, what);
  }

  Shape shape_;
  World& world_;
  Habits habits_;
  Driver<Layout, Trusted, ModelAccess> driver_;
  Device<Layout, Trusted, IdentityMap, ModelAccess> device_;
  Bell bell_;
  Bell kick_;
  unsigned sent_ = 0;
  unsigned collected_ = 0;
  std::bitset<16> back_;
  unsigned served_ = 0;
  unsigned driver_arms_ = 0;
  unsigned device_arms_ = 0;

 private:
  static std::uint64_t* cell(const Piece& piece) {
    return reinterpret_cast<std::uint64_t*>(piece.data);
  }
  static const std::uint64_t* read(const Piece& piece) {
    ModelAccess::world->read(cell(piece));
    return cell(piece);
  }

  alignas(kCacheLine) std::array<std::byte, Layout::bytes(kMostEntries)> region_{};
  std::array<DriverSlot, kMostEntries> slots_{};
  std::array<std::uint64_t, kMostEntries> requests_{};
  std::array<std::uint64_t, kMostEntries> responses_{};
};

/// Publish and consume: both halves poll, nobody sleeps, nothing is tested. Each half looks a few
/// times and then gives up, since it may see old values for ever.
template <class Layout>
class BothPoll final : public QueueScenario<Layout> {
 public:
  using Base = QueueScenario<Layout>;
  using Base::Base;

 private:
  static constexpr unsigned kLooks = 4;

  void run_driver() override {
    for (unsigned look = 0; look < kLooks && this->collected_ < this->shape_.chains; ++look) {
      this->send(this->shape_.batch);
      this->driver_.publish();
      this->collect(this->shape_.batch);
    }
  }

  void run_device() override {
    for (unsigned look = 0; look < kLooks && this->served_ < this->shape_.chains; ++look) {
      this->device_.refresh();
      this->serve(this->shape_.batch);
      this->device_.publish();
    }
  }
};

/// The bell's half: chains are available from the start; the device completes them one batch after
/// the other, the driver sleeps whenever there is nothing.
template <class Layout>
class DriverSleeps final : public QueueScenario<Layout> {
 public:
  using Base = QueueScenario<Layout>;
  using Base::Base;

  void set_up() override {
    Base::set_up();
    this->send(this->shape_.chains);
    this->driver_.publish();
  }

  void check() override {
    this->expect(this->collected_ == this->shape_.chains, "the driver ended early");
    this->expect(!this->shape_.event_idx || this->bell_.rung <= this->driver_arms_,
                 "a bell rang that nobody had armed");
  }

 private:
  void run_driver() override {
    for (;;) {
      while (this->collect(this->shape_.batch) != 0) {
      }
      if (this->collected_ == this->shape_.chains || !this->driver_sleeps()) return;
    }
  }

  void run_device() override {
    this->device_.refresh();
    while (this->serve(this->shape_.batch) != 0) this->publish_and_bell();
  }
};

/// The kick's half, its mirror image: the driver needs nothing back.
template <class Layout>
class DeviceSleeps final : public QueueScenario<Layout> {
 public:
  using Base = QueueScenario<Layout>;
  using Base::Base;

  void check() override {
    this->expect(this->served_ == this->shape_.chains, "the device ended early");
    this->expect(!this->shape_.event_idx || this->kick_.rung <= this->device_arms_,
                 "a kick came that nobody had armed");
  }

 private:
  void run_driver() override {
    while (this->send(this->shape_.batch) != 0) this->publish_and_kick();
  }

  void run_device() override {
    for (;;) {
      while (this->device_.refresh() != 0) this->serve(this->shape_.size);
      if (this->served_ == this->shape_.chains || !this->device_sleeps()) return;
    }
  }
};

/// Both handshakes at once: more chains than the queue holds go to and fro, and each half sleeps
/// when it has nothing to do.
template <class Layout>
class BothSleep final : public QueueScenario<Layout> {
 public:
  using Base = QueueScenario<Layout>;
  using Base::Base;

  void check() override {
    this->expect(this->collected_ == this->shape_.chains && this->served_ == this->shape_.chains,
                 "a half ended early");
    this->expect(!this->shape_.event_idx || this->bell_.rung <= this->driver_arms_,
                 "a bell rang that nobody had armed");
    this->expect(!this->shape_.event_idx || this->kick_.rung <= this->device_arms_,
                 "a kick came that nobody had armed");
  }

 private:
  void run_driver() override {
    while (this->collected_ < this->shape_.chains) {
      if (this->send(this->shape_.batch) != 0) this->publish_and_kick();
      if (this->collect(this->shape_.batch) == 0 && !this->driver_sleeps()) return;
    }
  }

  void run_device() override {
    while (this->served_ < this->shape_.chains) {
      this->device_.refresh();
      if (this->serve(this->shape_.batch) != 0) {
        this->publish_and_bell();
      } else if (!this->device_sleeps()) {
        return;
      }
    }
  }
};

/// One arm() before everything, none after: however the halves run, the bell rings exactly once
/// for all completions, and the kick once for all chains.
template <class Layout>
class ArmedOnce final : public QueueScenario<Layout> {
 public:
  using Base = QueueScenario<Layout>;
  using Base::Base;

  void set_up() override {
    Base::set_up();
    this->expect(!this->driver_.arm() && !this->device_.arm(), "arm() sees work in an empty queue");
    this->send(1);
    this->publish_and_kick();
  }

  void check() override {
    this->expect(this->kick_.rung == 1, "the device armed once and was not kicked once");
    this->expect(this->bell_.rung == (this->served_ == 0 ? 0 : 1),
                 "the driver armed once and was not rung once");
  }

 private:
  void run_driver() override {
    for (unsigned look = 0; look < 2; ++look) {
      if (this->send(1) != 0) this->publish_and_kick();
      this->collect(this->shape_.size);
    }
  }

  void run_device() override {
    for (unsigned look = 0; look < 2; ++look) {
      this->device_.refresh();
      if (this->serve(1) != 0) this->publish_and_bell();
    }
  }
};

/// Both halves mask their bell as soon as it rang, work until nothing is left, and arm again: the
/// way of a poller that switches between bell and polling.
template <class Layout>
class BothMask final : public QueueScenario<Layout> {
 public:
  using Base = QueueScenario<Layout>;
  using Base::Base;

  void check() override {
    this->expect(this->served_ == this->shape_.chains && this->collected_ == this->shape_.chains,
                 "a half ended early");
    this->expect(!this->shape_.event_idx || this->bell_.rung <= this->driver_arms_,
                 "a masked bell rang");
    this->expect(!this->shape_.event_idx || this->kick_.rung <= this->device_arms_,
                 "a masked kick came");
  }

 private:
  void run_driver() override {
    while (this->send(this->shape_.batch) != 0) this->publish_and_kick();
    for (;;) {
      if (!this->driver_sleeps()) return;
      this->driver_.disarm();
      while (this->collect(this->shape_.size) != 0) {
      }
      if (this->collected_ == this->shape_.chains) return;
    }
  }

  void run_device() override {
    for (;;) {
      if (!this->device_sleeps()) return;
      this->device_.disarm();
      while (this->device_.refresh() != 0) {
        while (this->serve(this->shape_.batch) != 0) this->publish_and_bell();
      }
      if (this->served_ == this->shape_.chains) return;
    }
  }
};

/// Nobody arms, both say again and again that they want silence while the other is publishing.
template <class Layout>
class NobodyArms final : public QueueScenario<Layout> {
 public:
  using Base = QueueScenario<Layout>;
  using Base::Base;

  void check() override {
    this->expect(this->bell_.rung == 0, "the driver was rung without having armed");
    this->expect(this->kick_.rung == 0, "the device was kicked without having armed");
  }

 private:
  void run_driver() override {
    for (unsigned look = 0; look < 2; ++look) {
      if (this->send(this->shape_.batch) != 0) this->publish_and_kick();
      this->collect(this->shape_.size);
      this->driver_.disarm();
    }
  }

  void run_device() override {
    for (unsigned look = 0; look < 2; ++look) {
      this->device_.refresh();
      if (this->serve(this->shape_.batch) != 0) this->publish_and_bell();
      this->device_.disarm();
    }
  }
};

template <class Kind>
Program program(std::string_view name, const Shape& shape, bool large = false) {
  return {name, large, [shape](World& world, const Habits& habits) {
            return std::make_unique<Kind>(world, habits, shape);
          }};
}

template <class Layout>
auto make_programs() {
  return std::array{
      program<BothPoll<Layout>>("both poll, one at a time",
                                {.size = 2, .chains = 2, .descriptors = 2}),
      program<BothPoll<Layout>>("both poll, a full queue in one batch, completed in reverse",
                                {.size = 2, .chains = 3, .batch = 2, .newest_first = true}),
      program<DriverSleeps<Layout>>("the driver sleeps, two completions",
                                    {.size = 4, .chains = 2, .descriptors = 2}),
      program<DriverSleeps<Layout>>("the driver sleeps, three completions",
                                    {.size = 4, .chains = 3}),
      program<DriverSleeps<Layout>>("the driver sleeps, four completions in two batches",
                                    {.size = 4, .chains = 4, .batch = 2}),
      program<DriverSleeps<Layout>>("the driver sleeps, flags instead of event index",
                                    {.size = 4, .chains = 3, .event_idx = false}),
      program<DeviceSleeps<Layout>>("the device sleeps, two chains",
                                    {.size = 4, .chains = 2, .descriptors = 2}),
      program<DeviceSleeps<Layout>>("the device sleeps, three chains", {.size = 4, .chains = 3}),
      program<DeviceSleeps<Layout>>("the device sleeps, four chains in two batches",
                                    {.size = 4, .chains = 4, .batch = 2}),
      program<DeviceSleeps<Layout>>("the device sleeps, flags instead of event index",
                                    {.size = 4, .chains = 3, .event_idx = false}),
      program<ArmedOnce<Layout>>("armed once", {.size = 4, .chains = 3}),
      program<NobodyArms<Layout>>("nobody arms", {.size = 2, .chains = 2}),
      program<BothSleep<Layout>>("both sleep, two chains through a queue of one",
                                 {.size = 1, .chains = 2}),
      program<BothSleep<Layout>>("both sleep, two chains through a queue of two",
                                 {.size = 2, .chains = 2}),
      program<BothMask<Layout>>("both mask while they work", {.size = 2, .chains = 2}),
      program<BothSleep<Layout>>("both sleep, three chains through a queue of two",
                                 {.size = 2, .chains = 3}, true),
  };
}

}  // namespace

std::span<const Program> split_programs() {
  static const auto programs = make_programs<Split>();
  return programs;
}

std::span<const Program> packed_programs() {
  static const auto programs = make_programs<Packed>();
  return programs;
}

}  // namespace bellpull::ring::explorer
