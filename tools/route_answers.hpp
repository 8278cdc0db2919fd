// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <vector>

#include "cidr.hpp"

struct nlmsghdr;

namespace bellpull::tools {

/// Takes in an answer about an interface; `context` is a Link. For mnl_cb_run(), as the next one.
int read_link(const nlmsghdr* message, void* context);

/// What is asked about addresses, and what was found.
struct AddressQuery {
  unsigned index = 0;       ///< of the interface
  std::vector<Cidr> found;  ///< its addresses so far
};

/// Takes in an answer about an address, which may be another interface's; `context` is an
/// AddressQuery.
int read_address(const nlmsghdr* message, void* context);

}  // namespace bellpull::tools
