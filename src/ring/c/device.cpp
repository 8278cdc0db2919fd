// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/ring/c/device.h"

#include <cstddef>
#include <memory>
#include <span>

#include "bellpull/ring/device.hpp"
#include "opaque.hpp"
#include "queue.hpp"

namespace bellpull::ring::c {
namespace {

static_assert(sizeof(bp_piece) == sizeof(Piece) &&
              offsetof(bp_piece, data) == offsetof(Piece, data) &&
              offsetof(bp_piece, length) == offsetof(Piece, length));
static_assert(BP_F_INDIRECT_DESC == Features::kIndirectDesc);
static_assert(BP_F_EVENT_IDX == Features::kEventIdx && BP_F_IN_ORDER == Features::kInOrder);
static_assert(BP_FAULT_AVAIL_INDEX_JUMP == static_cast<int>(QueueFault::avail_index_jump));
static_assert(BP_FAULT_HEAD_OUT_OF_RANGE == static_cast<int>(QueueFault::head_out_of_range));
static_assert(BP_FAULT_HEAD_IN_FLIGHT == static_cast<int>(QueueFault::head_in_flight));
static_assert(BP_FAULT_ID_OUT_OF_RANGE == static_cast<int>(QueueFault::id_out_of_range));
static_assert(BP_FAULT_DESCRIPTOR_NOT_READY == static_cast<int>(QueueFault::descriptor_not_ready));
static_assert(BP_FAULT_RING_OVERRUN == static_cast<int>(QueueFault::ring_overrun));
static_assert(BP_PULL_CHAIN == static_cast<int>(Pull::chain));
static_assert(BP_PULL_EMPTY == static_cast<int>(Pull::empty));
static_assert(BP_PULL_MORE == static_cast<int>(Pull::more));
static_assert(BP_PULL_BROKEN == static_cast<int>(Pull::broken));

// A device half with the map and the table that it needs; the regions are in the private memory.
template <class Layout>
struct Backend {
  RegionTable table;
  RegionMap<> map{table};
  Device<Layout, Untrusted, RegionMap<>> device;
};
template <class Layout>
using BackendHandle = Opaque<Backend<Layout>, bp_device>;

// The caller's private memory, cut into arrays one after the other.
class PrivateMemory {
 public:
  explicit PrivateMemory(void* data) noexcept : at_(static_cast<std::byte*>(data)) {}

  template <class Element>
  [[nodiscard]] std::span<Element> take(std::size_t count) noexcept {
    auto* const first = reinterpret_cast<Element*>(at_);
    std::uninitialized_value_construct_n(first, count);
    at_ += rounded<Element>(count);
    return {first, count};
  }
  template <class Element>
  [[nodiscard]] static constexpr std::size_t rounded(std::size_t count) noexcept {
    static_assert(alignof(Element) <= 16);
    return (count * sizeof(Element) + 15) / 16 * 16;
  }

 private:
  std::byte* at_;
};

// The peer's memory as a table of regions in `to`.
SetupError make_table(const bp_mapping* from, std::span<Region> to, RegionTable& table) noexcept {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = {from[i].address, from[i].length, static_cast<std::byte*>(from[i].data)};
  }
  return RegionTable::make(to, table);
}

template <class Layout>
SetupError attach(Backend<Layout>& backend, const bp_queue& queue,
                  const bp_device_options& options) noexcept {
  typename Layout::Memory memory;
  from_c(queue, memory);
  if (const SetupError error = Layout::check(memory); error != SetupError::none) return error;
  if (options.private_memory == nullptr ||
      reinterpret_cast<std::uintptr_t>(options.private_memory) % 16 != 0 ||
      options.mappings > options.private_bytes / sizeof(Region) ||
      options.private_bytes < bp_device_private_bytes(queue.size, options.mappings)) {
    return SetupError::slots_too_few;
  }
  if (options.in_flight_count > queue.size) return SetupError::state_invalid;
  PrivateMemory room(options.private_memory);
  const std::span<Region> regions = room.take<Region>(options.mappings);
  if (const SetupError error = make_table(options.memory, regions, backend.table);
      error != SetupError::none) {
    return error;
  }
  const std::span<InFlight> chains = room.take<InFlight>(options.in_flight_count);
  for (std::size_t i = 0; i < chains.size(); ++i) {
    const bp_in_flight& chain = options.in_flight[i];
    chains[i] = {chain.head, chain.descriptors, chain.written, chain.writable,
                 chain.completed != 0};
  }
  DeviceState state;
  if (options.resume != nullptr) state = {options.resume->avail, options.resume->used};
  DeviceOptions<Layout, RegionMap<>> how;
  how.features = Features::from_bits(options.features);
  how.slots = room.take<DeviceSlot>(queue.size);
  how.indirect = room.take<typename Layout::TableEntry>(queue.size);
  if (options.max_chain_bytes != 0) how.max_chain_bytes = options.max_chain_bytes;
  how.map = &backend.map;
  how.resume = options.resume != nullptr ? &state : nullptr;
  how.in_flight = chains;
  return backend.device.attach(memory, how);
}

template <class Layout>
int attach(bp_device* device, const bp_queue& queue, const bp_device_options& options) noexcept {
  BackendHandle<Layout> handle(device);
  const SetupError error = attach(handle.make(queue.layout), queue, options);
  if (error != SetupError::none) handle.destroy();
  return number(error);
}

// Calls `call` with the device half that the handle holds; without one, returns `otherwise`.
template <class Result, class Call>
Result with(const bp_device* handle, Result otherwise, Call&& call) noexcept {
  auto* const device = const_cast<bp_device*>(handle);
  switch (device->opaque[0]) {
    case BP_SPLIT:
      return call(BackendHandle<Split>(device).object().device);
    case BP_PACKED:
      return call(BackendHandle<Packed>(device).object().device);
    default:
      return otherwise;
  }
}

Chain taken_chain(const bp_chain& chain) noexcept {
  return {.head = chain.head,
          .descriptors = chain.descriptors,
          .readable = chain.readable,
          .writable = chain.writable,
          .first = 0,
          .readable_bytes = chain.readable_bytes,
          .writable_bytes = chain.writable_bytes,
          .map_turn = 0};  // the table is never replaced
}

bp_chain shown_chain(const Chain& chain) noexcept {
  return {chain.head, chain.descriptors,    chain.readable,      chain.writable,
          0,          chain.readable_bytes, chain.writable_bytes};
}

bp_device_counters shown_counters(const DeviceCounters& counted) noexcept {
  std::uint64_t faulty = 0;
  for (const std::uint64_t chains : counted.chain_faults) faulty += chains;
  return {counted.taken,
          counted.completed,
          counted.publishes,
          counted.bells,
          counted.bells_suppressed,
          counted.empty,
          counted.budget_ends,
          counted.misuses,
          counted.most_in_flight,
          faulty};
}

}  // namespace
}  // namespace bellpull::ring::c

using namespace bellpull::ring;  // NOLINT(google-build-using-namespace): all below is C
using c::with;

int bp_queue_locate(bp_queue* queue, std::uint32_t layout, std::uint32_t size, std::uint64_t desc,
                    std::uint64_t driver, std::uint64_t device, const bp_mapping* memory,
                    std::size_t mappings) {
  const auto at = [&](std::uint64_t address, std::size_t bytes) -> void* {
    for (std::size_t i = 0; i < mappings; ++i) {
      const std::uint64_t offset = address - memory[i].address;
      if (offset >= memory[i].length || memory[i].data == nullptr) continue;
      if (bytes > memory[i].length - offset) return nullptr;
      return static_cast<std::byte*>(memory[i].data) + offset;
    }
    return nullptr;
  };
  const bool split = layout == BP_SPLIT;
  if (!split && layout != BP_PACKED) return BP_OTHER_KIND;
  SetupError error = split ? check_split_size(size) : check_packed_size(size);
  if (error != SetupError::none) return c::number(error);
  const bp_queue found{layout, size,
                       at(desc, split ? split_desc_bytes(size) : packed_desc_bytes(size)),
                       at(driver, split ? split_avail_bytes(size) : kPackedEventBytes),
                       at(device, split ? split_used_bytes(size) : kPackedEventBytes)};
  if (found.desc == nullptr || found.driver == nullptr || found.device == nullptr) {
    return BP_PART_UNMAPPED;
  }
  if (split) {
    SplitMemory parts;
    c::from_c(found, parts);
    error = check_split(parts);
  } else {
    PackedMemory parts;
    c::from_c(found, parts);
    error = check_packed(parts);
  }
  if (error == SetupError::none) *queue = found;
  return c::number(error);
}

std::size_t bp_device_private_bytes(std::uint32_t size, std::size_t mappings) {
  using c::PrivateMemory;
  return PrivateMemory::rounded<Region>(mappings) + PrivateMemory::rounded<InFlight>(size) +
         PrivateMemory::rounded<DeviceSlot>(size) + PrivateMemory::rounded<vring_desc>(size);
}

int bp_device_attach(bp_device* device, const bp_queue* queue, const bp_device_options* options) {
  bp_device_reset(device);
  switch (queue->layout) {
    case BP_SPLIT:
      return c::attach<Split>(device, *queue, *options);
    case BP_PACKED:
      return c::attach<Packed>(device, *queue, *options);
    default:
      return BP_OTHER_KIND;
  }
}

int bp_device_take(bp_device* device, bp_budget* budget, bp_piece* pieces, std::size_t count,
                   bp_chain* chain) {
  Budget left{budget->chains, budget->descriptors, budget->bytes, budget->used != 0};
  Chain taken;
  // The layouts are the same and bp_piece may alias.
  const std::span<Piece> room(reinterpret_cast<Piece*>(pieces), count);
  const Pull pull =
      with(device, Pull::broken, [&](auto& half) noexcept { return half.take(left, room, taken); });
  *budget = {left.chains, left.descriptors, left.bytes, left.used ? 1U : 0U, 0};
  if (pull == Pull::chain) *chain = c::shown_chain(taken);
  return static_cast<int>(pull);
}

void bp_device_complete(bp_device* device, const bp_chain* chain, std::uint32_t written) {
  with(device, 0, [&](auto& half) noexcept {
    half.complete(c::taken_chain(*chain), written);
    return 0;
  });
}

void bp_device_publish(bp_device* device) {
  with(device, 0, [](auto& half) noexcept {
    half.publish();
    return 0;
  });
}

int bp_device_publish_and_test(bp_device* device) {
  return with(device, 0, [](auto& half) noexcept { return half.publish_and_test() ? 1 : 0; });
}

int bp_device_arm(bp_device* device) {
  return with(device, 0, [](auto& half) noexcept { return half.arm() ? 1 : 0; });
}

void bp_device_disarm(bp_device* device) {
  with(device, 0, [](auto& half) noexcept {
    half.disarm();
    return 0;
  });
}

int bp_device_fault(const bp_device* device) {
  return with(device, 0, [](auto& half) noexcept { return static_cast<int>(half.fault()); });
}

const char* bp_describe_fault(int fault) {
  if (fault < 0 || fault > 0xff) fault = 0xff;
  return describe(static_cast<QueueFault>(fault));
}

bp_device_counters bp_device_count(const bp_device* device) {
  return with(device, bp_device_counters{},
              [](auto& half) noexcept { return c::shown_counters(half.counters()); });
}

std::size_t bp_device_in_flight(const bp_device* device, bp_in_flight* chains, std::size_t count) {
  return with(device, std::size_t{0}, [&](auto& half) noexcept {
    std::size_t out = 0;
    half.in_flight([&](const InFlight& chain) noexcept {
      if (out < count) {
        chains[out] = {chain.head, chain.descriptors, chain.written, chain.writable,
                       chain.completed ? 1U : 0U};
      }
      ++out;
    });
    return out;
  });
}

bp_device_state bp_device_stop(bp_device* device) {
  const DeviceState state =
      with(device, DeviceState{}, [](auto& half) noexcept { return half.stop(); });
  bp_device_reset(device);
  return {state.avail, state.used};
}

void bp_device_reset(bp_device* device) {
  with(device, 0, [](auto& half) noexcept {
    half.reset();
    return 0;
  });
  device->opaque[0] = 0;
}
