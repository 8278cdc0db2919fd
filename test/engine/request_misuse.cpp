// SPDX-License-Identifier: BSD-2-Clause
// Misuse of requests, typed channels and transfer graphs, for region_misuse_test.sh, in the way of
// region_misuse.cpp.
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "bellpull/engine/any_region.hpp"
#include "bellpull/engine/any_request.hpp"
#include "bellpull/engine/region.hpp"
#include "bellpull/engine/transfer_graph.hpp"
#include "bellpull/engine/typed_channel.hpp"

#ifdef WRONG
#define EITHER(right, wrong) wrong
#else
#define EITHER(right, wrong) right
#endif

namespace bellpull::engine::test {

using enum DeviceAccess;

struct CopyUnit {
  static constexpr const char* kName = "copy unit";
};
struct XorUnit {
  static constexpr const char* kName = "xor unit";
};

using Request = TypedRequest<CopyUnit>;
using Memory = Region<CopyUnit, read>;
using ReadOnly = Lent<CopyUnit, read>;
using WriteOnly = Lent<CopyUnit, write>;
using Elsewhere = Lent<XorUnit, read_write>;
using From = Source<CopyUnit>;
using To = Destination<CopyUnit>;
using Node = NodeOf<CopyUnit>;

#if MISUSE == 1  // any: no matching (member )?function
void bare_request(TypedChannel<CopyUnit> channel, const EITHER(Request, OperationRequest) & made) {
  (void)channel.post(made);
}

#elif MISUSE == 2  // any: no matching (member )?function
void request_for_another_domain(TypedChannel<EITHER(CopyUnit, XorUnit)> channel,
                                const Request& made) {
  (void)channel.prepare(made);
}

#elif MISUSE == 3  // any: no matching (member )?function
Request bare_pointer(WriteOnly& to, EITHER(ReadOnly&, const std::byte*) from) {
  return Request::copy(to, from);
}

#elif MISUSE == 4  // any: no matching (member )?function
Request bare_span(EITHER(WriteOnly&, std::span<std::byte>) to) {
  return Request::fill(to, {.pattern = 1});
}

#elif MISUSE == 5  // any: no matching (member )?function
Request bare_segments(EITHER(std::span<const Source<CopyUnit> >, std::span<const Segment>) from) {
  return Request::crc32c(from);
}

#elif MISUSE == 6  // any: no matching (member )?function
Request not_lent(WriteOnly& to, EITHER(ReadOnly, Memory) & from) {
  return Request::copy(to, from);
}

#elif MISUSE == 7  // any: WrongDirection
Request reads_what_is_for_writing(WriteOnly& to, EITHER(ReadOnly, WriteOnly) & from) {
  return Request::copy(to, from);
}

#elif MISUSE == 8  // any: WrongDirection
Request fills_what_is_for_reading(EITHER(WriteOnly, ReadOnly) & to) {
  return Request::fill(to, {.pattern = 1});
}

#elif MISUSE == 9  // any: WrongDirection
Request compares_what_is_for_writing(ReadOnly& one, EITHER(ReadOnly, WriteOnly) & other) {
  return Request::compare(one, other);
}

#elif MISUSE == 10  // any: WrongDomain
Request memory_of_another_domain(WriteOnly& to, EITHER(ReadOnly, Elsewhere) & from) {
  return Request::copy_crc32c(to, from);
}

#elif MISUSE == 11  // any: Temporary
Request lent_to_nobody(Region<CopyUnit, read>& memory) {
  ReadOnly lent = std::move(memory).lend(1);
  return Request::crc32c(EITHER(lent, std::move(lent)));
}

#elif MISUSE == 12  // any: no matching (member )?function
Request list_of_another_domain(const std::vector<Source<EITHER(CopyUnit, XorUnit)> >& from) {
  return Request::crc32c(from);
}

#elif MISUSE == 13  // any: no matching (member )?function
Request list_that_is_only_read(const std::vector<EITHER(To, From)>& to) {
  return Request::fill(to, {.pattern = 1});
}

#elif MISUSE == 14  // any: use of deleted function|deleted (member )?function
OperationRequest of_a_temporary(ReadOnly& from) {
  Request made = Request::crc32c(from);
  return EITHER(made, std::move(made)).request();
}

#elif MISUSE == 15  // any: nodiscard
void made_and_dropped(ReadOnly& from) {
  EITHER((void), ) Request::crc32c(from);
}

#elif MISUSE == 16  // any: a list has 1 to 64 segments
bool too_long(const TypedRequest<CopyUnit, EITHER(64, 65)>& made) {
  return made.fits();
}

#elif MISUSE == 17  // any: no matching (member )?function
GraphError bare_node(TransferGraph& graph, Node node,
                     const EITHER(Request, OperationRequest) & made) {
  return graph.bind(node, made);
}

#elif MISUSE == 18  // any: no matching (member )?function
GraphError node_of_another_domain(TransferGraph& graph, NodeOf<EITHER(CopyUnit, XorUnit)> node,
                                  const Request& made) {
  return graph.bind(node, made);
}

#elif MISUSE == 19  // any: no matching (member )?function
GraphError node_of_no_domain(TransferGraph& graph, EITHER(Node, NodeId) node, const Request& made) {
  return graph.bind(node, made);
}

#elif MISUSE == 20  // any: nodiscard
void bound_and_not_asked(TransferGraph& graph, Node node, const Request& made) {
  EITHER((void), ) graph.bind(node, made);
}

#elif MISUSE == 21  // any: could not convert|no viable conversion
ChannelOf<EITHER(CopyUnit, XorUnit)> channel_of_another_domain(TransferGraph& graph,
                                                               TypedChannel<CopyUnit> channel) {
  return graph.use(channel);
}

#elif MISUSE == 22  // any: no matching (member )?function|no matching constructor
TypedChannel<CopyUnit> domain_of_another_tag(OperationChannel& channel,
                                             DomainOf<EITHER(CopyUnit, XorUnit)>& domain) {
  return TypedChannel<CopyUnit>(channel, domain);
}

#elif MISUSE == 23  // any: nodiscard
void refusal_not_looked_at(AnyRequest<>& made, const AnyRegion& memory) {
  EITHER((void), ) made.from(memory);
}

#elif MISUSE == 24  // any: no matching (member )?function
GraphError bare_erased_node(TransferGraph& graph, NodeId node,
                            const EITHER(AnyRequest<>, OperationRequest) & made) {
  return graph.bind(node, made);
}

#else
#error "there is no such misuse"
#endif

}  // namespace bellpull::engine::test
