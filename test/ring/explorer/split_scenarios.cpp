// SPDX-License-Identifier: BSD-2-Clause
#include "explorer/split_scenarios.hpp"

#include <array>
#include <bitset>
#include <string>
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
};

/// A queue, its two halves, and the buffers that pass through it. Chain number n carries n + 1000
/// and wants n + 2000 back; its buffer is used again by chain n + size. Whatever another thread
/// must not see too early or too late is read and written through the model.
class QueueScenario : public Scenario {
 public:
  QueueScenario(World& world, const Habits& habits, const Shape& shape)
      : shape_(shape), world_(world), habits_(habits) {}

  [[nodiscard]] unsigned threads() const override { return 2; }

  void set_up() override {
    bell_.orders = kick_.orders = habits_.bell_orders;
    SplitMemory memory;
    memory.size = shape_.size;
    memory.desc = desc_.data();
    memory.avail = reinterpret_cast<vring_avail*>(avail_.data());
    memory.used = reinterpret_cast<vring_used*>(used_.data());
    if (driver_.attach(memory, slots_) != SetupError::none ||
        device_.attach(memory) != SetupError::none) {
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
    std::vector<std::uint16_t> heads;
    std::vector<std::uint32_t> lengths;
    while (heads.size() < most && device_.ready() != 0) {
      std::array<Segment, 2> segments{};
      unsigned count = 0;
      const Chain chain = device_.take(2, [&](const Segment& segment, bool writable) {
        expect(writable == (count == 1) && segment.length == 8, "a descriptor is wrong");
        segments[count++] = segment;
      });
      if (!chain.well_formed || count != shape_.descriptors) {
        world_.fail(Failure::wrong, "a chain is not what the driver made");
        return 0;
      }
      const auto request = *model_cell(segments[0]);
      expect(request == served_ + std::uint64_t{1000}, "a request is not what the driver wrote");
      if (count == 2) ModelAccess::write(*cell(segments[1]), served_ + std::uint64_t{2000});
      heads.push_back(chain.head);
      lengths.push_back(served_ + 100);
      ++served_;
    }
    for (std::size_t i = 0; i < heads.size(); ++i) {
      const std::size_t at = shape_.newest_first ? heads.size() - 1 - i : i;
      device_.complete(heads[at], lengths[at]);
    }
    return static_cast<unsigned>(heads.size());
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
  SplitDriver<ModelAccess> driver_;
  SplitDevice<ModelAccess> device_;
  Bell bell_;
  Bell kick_;
  unsigned sent_ = 0;
  unsigned collected_ = 0;
  std::bitset<16> back_;
  unsigned served_ = 0;
  unsigned driver_arms_ = 0;
  unsigned device_arms_ = 0;

 private:
  static std::uint64_t* cell(const Segment& segment) {
    return reinterpret_cast<std::uint64_t*>(static_cast<std::uintptr_t>(segment.address));
  }
  static const std::uint64_t* model_cell(const Segment& segment) {
    ModelAccess::world->read(cell(segment));
    return cell(segment);
  }

  alignas(16) std::array<vring_desc, kMostEntries> desc_{};
  alignas(4) std::array<std::byte, split_avail_bytes(kMostEntries)> avail_{};
  alignas(4) std::array<std::byte, split_used_bytes(kMostEntries)> used_{};
  std::array<DriverSlot, kMostEntries> slots_{};
  std::array<std::uint64_t, kMostEntries> requests_{};
  std::array<std::uint64_t, kMostEntries> responses_{};
};

/// Publish and consume: both halves poll, nobody sleeps, nothing is tested. Each half looks a few
/// times and then gives up, since it may see old values for ever.
class BothPoll final : public QueueScenario {
 public:
  using QueueScenario::QueueScenario;

 private:
  static constexpr unsigned kLooks = 4;

  void run_driver() override {
    for (unsigned look = 0; look < kLooks && collected_ < shape_.chains; ++look) {
      send(shape_.batch);
      driver_.publish();
      collect(shape_.batch);
    }
  }

  void run_device() override {
    for (unsigned look = 0; look < kLooks && served_ < shape_.chains; ++look) {
      device_.refresh();
      serve(shape_.batch);
      device_.publish();
    }
  }
};

/// The bell's half: chains are available from the start; the device completes them one batch after
/// the other, the driver sleeps whenever there is nothing.
class DriverSleeps final : public QueueScenario {
 public:
  using QueueScenario::QueueScenario;

  void set_up() override {
    QueueScenario::set_up();
    send(shape_.chains);
    driver_.publish();
  }

  void check() override {
    expect(collected_ == shape_.chains, "the driver ended early");
    expect(bell_.rung <= driver_arms_, "a bell rang that nobody had armed");
  }

 private:
  void run_driver() override {
    for (;;) {
      while (collect(shape_.batch) != 0) {
      }
      if (collected_ == shape_.chains || !driver_sleeps()) return;
    }
  }

  void run_device() override {
    device_.refresh();
    while (serve(shape_.batch) != 0) publish_and_bell();
  }
};

/// The kick's half, its mirror image: the driver needs nothing back.
class DeviceSleeps final : public QueueScenario {
 public:
  using QueueScenario::QueueScenario;

  void check() override {
    expect(served_ == shape_.chains, "the device ended early");
    expect(kick_.rung <= device_arms_, "a kick came that nobody had armed");
  }

 private:
  void run_driver() override {
    while (send(shape_.batch) != 0) publish_and_kick();
  }

  void run_device() override {
    for (;;) {
      while (device_.refresh() != 0) serve(shape_.size);
      if (served_ == shape_.chains || !device_sleeps()) return;
    }
  }
};

/// Both handshakes at once: more chains than the queue holds go to and fro, and each half sleeps
/// when it has nothing to do.
class BothSleep final : public QueueScenario {
 public:
  using QueueScenario::QueueScenario;

  void check() override {
    expect(collected_ == shape_.chains && served_ == shape_.chains, "a half ended early");
    expect(bell_.rung <= driver_arms_, "a bell rang that nobody had armed");
    expect(kick_.rung <= device_arms_, "a kick came that nobody had armed");
  }

 private:
  void run_driver() override {
    while (collected_ < shape_.chains) {
      if (send(shape_.batch) != 0) publish_and_kick();
      if (collect(shape_.batch) == 0 && !driver_sleeps()) return;
    }
  }

  void run_device() override {
    while (served_ < shape_.chains) {
      device_.refresh();
      if (serve(shape_.batch) != 0) {
        publish_and_bell();
      } else if (!device_sleeps()) {
        return;
      }
    }
  }
};

/// One arm() before everything, none after: however the halves run, the bell rings exactly once
/// for all completions, and the kick once for all chains.
class ArmedOnce final : public QueueScenario {
 public:
  using QueueScenario::QueueScenario;

  void set_up() override {
    QueueScenario::set_up();
    expect(!driver_.arm() && !device_.arm(), "arm() sees work in an empty queue");
    send(1);
    publish_and_kick();
  }

  void check() override {
    expect(kick_.rung == 1, "the device armed once and was not kicked once");
    expect(bell_.rung == (served_ == 0 ? 0 : 1), "the driver armed once and was not rung once");
  }

 private:
  void run_driver() override {
    for (unsigned look = 0; look < 2; ++look) {
      if (send(1) != 0) publish_and_kick();
      collect(shape_.size);
    }
  }

  void run_device() override {
    for (unsigned look = 0; look < 2; ++look) {
      device_.refresh();
      if (serve(1) != 0) publish_and_bell();
    }
  }
};

/// Both halves mask their bell as soon as it rang, work until nothing is left, and arm again: the
/// way of a poller that switches between bell and polling.
class BothMask final : public QueueScenario {
 public:
  using QueueScenario::QueueScenario;

  void check() override {
    expect(served_ == shape_.chains && collected_ == shape_.chains, "a half ended early");
    expect(bell_.rung <= driver_arms_, "a masked bell rang");
    expect(kick_.rung <= device_arms_, "a masked kick came");
  }

 private:
  void run_driver() override {
    while (send(shape_.batch) != 0) publish_and_kick();
    for (;;) {
      if (!driver_sleeps()) return;
      driver_.disarm();
      while (collect(shape_.size) != 0) {
      }
      if (collected_ == shape_.chains) return;
    }
  }

  void run_device() override {
    for (;;) {
      if (!device_sleeps()) return;
      device_.disarm();
      while (device_.refresh() != 0) {
        while (serve(shape_.batch) != 0) publish_and_bell();
      }
      if (served_ == shape_.chains) return;
    }
  }
};

/// Nobody arms, both say again and again that they want silence while the other is publishing.
class NobodyArms final : public QueueScenario {
 public:
  using QueueScenario::QueueScenario;

  void check() override {
    expect(bell_.rung == 0, "the driver was rung without having armed");
    expect(kick_.rung == 0, "the device was kicked without having armed");
  }

 private:
  void run_driver() override {
    for (unsigned look = 0; look < 2; ++look) {
      if (send(shape_.batch) != 0) publish_and_kick();
      collect(shape_.size);
      driver_.disarm();
    }
  }

  void run_device() override {
    for (unsigned look = 0; look < 2; ++look) {
      device_.refresh();
      if (serve(shape_.batch) != 0) publish_and_bell();
      device_.disarm();
    }
  }
};

template <class Kind>
SplitScenario scenario(std::string_view name, const Shape& shape, bool large = false) {
  return {name, large, [shape](World& world, const Habits& habits) {
            return std::make_unique<Kind>(world, habits, shape);
          }};
}

}  // namespace

std::span<const SplitScenario> split_scenarios() {
  static const std::array scenarios{
      scenario<BothPoll>("both poll, one at a time", {.size = 2, .chains = 2, .descriptors = 2}),
      scenario<BothPoll>("both poll, a full queue in one batch, completed in reverse",
                         {.size = 2, .chains = 3, .batch = 2, .newest_first = true}),
      scenario<DriverSleeps>("the driver sleeps, two completions",
                             {.size = 4, .chains = 2, .descriptors = 2}),
      scenario<DriverSleeps>("the driver sleeps, three completions", {.size = 4, .chains = 3}),
      scenario<DriverSleeps>("the driver sleeps, four completions in two batches",
                             {.size = 4, .chains = 4, .batch = 2}),
      scenario<DeviceSleeps>("the device sleeps, two chains",
                             {.size = 4, .chains = 2, .descriptors = 2}),
      scenario<DeviceSleeps>("the device sleeps, three chains", {.size = 4, .chains = 3}),
      scenario<DeviceSleeps>("the device sleeps, four chains in two batches",
                             {.size = 4, .chains = 4, .batch = 2}),
      scenario<ArmedOnce>("armed once", {.size = 4, .chains = 3}),
      scenario<NobodyArms>("nobody arms", {.size = 2, .chains = 2}),
      scenario<BothSleep>("both sleep, two chains through a queue of one",
                          {.size = 1, .chains = 2}),
      scenario<BothSleep>("both sleep, two chains through a queue of two",
                          {.size = 2, .chains = 2}),
      scenario<BothMask>("both mask while they work", {.size = 2, .chains = 2}),
      scenario<BothSleep>("both sleep, three chains through a queue of two",
                          {.size = 2, .chains = 3}, true),
  };
  return scenarios;
}

}  // namespace bellpull::ring::explorer
