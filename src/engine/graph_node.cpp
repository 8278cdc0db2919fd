// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/graph_node.hpp"

namespace bellpull::engine {

const char* describe(GraphError error) noexcept {
  switch (error) {
    case GraphError::none:
      return "no error";
    case GraphError::channel_unknown:
      return "declare: the channel is not one of the graph's, or it is gone; add it with use()";
    case GraphError::operation_not_supported:
      return "declare: the channel cannot do this operation; see Capabilities::operations";
    case GraphError::parent_not_declared:
      return "declare: a parent is no node of this graph yet; declare parents before children, "
             "without a cycle, and after clear() all of them anew";
    case GraphError::too_many_nodes:
      return "declare: there are as many nodes as GraphLimits::nodes; make a larger graph";
    case GraphError::too_many_parents:
      return "declare: there would be more parents than GraphLimits::parents; make a larger graph";
    case GraphError::too_many_segments:
      return "memory for a node: more segments than the request, or GraphLimits::segments, has "
             "room for; make it larger";
    case GraphError::node_unknown:
      return "memory for a node: it is no node of this graph, or one of before clear()";
    case GraphError::node_over:
      return "memory for a node: it has ended and will not run; see its end for the cause";
    case GraphError::has_memory:
      return "memory for a node: it was given some before; once is enough";
    case GraphError::other_operation:
      return "memory for a node: the request is for another operation than the node was declared "
             "with";
    case GraphError::wrong_domain:
      return "memory for a node: the request is for another domain than that of the node's "
             "channel; "
             "map the memory there";
    case GraphError::memory_refused:
      return "memory for a node: the request was refused some of its memory; see its error";
  }
  return "an unknown error";
}

}  // namespace bellpull::engine
