// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <rte_dmadev.h>
#include <rte_eal.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "copy_memory.hpp"
#include "two_threads.hpp"

namespace bellpull::bench {

/// A peer: DPDK's software DMA device, whose thread copies what rte_dma_copy() was told.
class SkeletonCopies {
 public:
  SkeletonCopies(unsigned burst, std::size_t bytes)
      : burst_(burst), bytes_(static_cast<std::uint32_t>(bytes)), memory_(kInFlight, bytes) {
    static const bool started = (start_eal(), true);  // once in a process
    static_cast<void>(started);
    device_ = static_cast<std::int16_t>(rte_dma_get_dev_id_by_name("dma_skeleton"));
    rte_dma_conf device{};
    device.nb_vchans = 1;
    rte_dma_vchan_conf queue{};
    queue.direction = RTE_DMA_DIR_MEM_TO_MEM;
    queue.nb_desc = kDescriptors;
    check(rte_dma_configure(device_, &device), "rte_dma_configure");
    check(rte_dma_vchan_setup(device_, 0, &queue), "rte_dma_vchan_setup");
    check(rte_dma_start(device_), "rte_dma_start");
    pin_to(kClientCore);
  }
  SkeletonCopies(const SkeletonCopies&) = delete;
  SkeletonCopies& operator=(const SkeletonCopies&) = delete;
  ~SkeletonCopies() { rte_dma_stop(device_); }

  /// Its thread.
  [[nodiscard]] pid_t worker() const { return thread_named("dma_skel_" + std::to_string(device_)); }

  unsigned step() {
    if (in_flight_ + burst_ <= kInFlight) send();
    bool failed = false;
    std::uint16_t last = 0;
    const unsigned count =
        rte_dma_completed(device_, 0, static_cast<std::uint16_t>(burst_), &last, &failed);
    wrong_ += failed ? 1 : 0;
    in_flight_ -= count;
    return count;
  }

  [[nodiscard]] bool right() { return wrong_ == 0 && memory_.copied(kInFlight); }

 private:
  static constexpr unsigned kInFlight = 256;
  static constexpr std::uint16_t kDescriptors = 1024;  // fewer than it has in flight it refuses

  static void check(int result, const char* call) {
    if (result != 0) throw std::runtime_error(std::string(call) + " refuses the skeleton");
  }

  static void start_eal() {
    // Without huge pages: the descriptors are few, and what is copied is the same for all peers.
    std::array<std::string, 9> words{
        "copies_bench",
        "--lcores=0@" + std::to_string(kClientCore) + ",1@" + std::to_string(kEngineCore),
        "--no-huge",
        "-m64",
        "--no-pci",
        "--no-telemetry",
        "--no-shconf",
        "--log-level=error",
        "--vdev=dma_skeleton,lcore=1"};
    std::array<char*, 9> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
      throw std::runtime_error("rte_eal_init refuses to make a dma_skeleton");
    }
  }

  // The last copy of a burst rings the device's doorbell.
  void send() {
    for (unsigned i = 0; i < burst_; ++i) {
      const std::uint64_t last = i + 1 == burst_ ? RTE_DMA_OP_FLAG_SUBMIT : 0;
      wrong_ += rte_dma_copy(device_, 0, reinterpret_cast<rte_iova_t>(memory_.from(at_ + i)),
                             reinterpret_cast<rte_iova_t>(memory_.to(at_ + i)), bytes_, last) < 0;
    }
    in_flight_ += burst_;
    at_ = at_ + burst_ == kInFlight ? 0 : at_ + burst_;
  }

  const unsigned burst_;
  const std::uint32_t bytes_;
  CopyMemory memory_;
  std::int16_t device_ = -1;
  std::size_t at_ = 0;
  unsigned in_flight_ = 0;
  std::uint64_t wrong_ = 0;
};

}  // namespace bellpull::bench
