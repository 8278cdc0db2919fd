// SPDX-License-Identifier: BSD-2-Clause
#include <stdexcept>

#include "generate/sender.hpp"

namespace bellpull::tools::generate {

std::unique_ptr<Sender> make_xdp_sender(const Target&, const Traffic&) {
  throw std::runtime_error(
      "this program was built without clang, bpftool or libbpf, so it has no XDP program: build it "
      "again with the Debian packages clang, bpftool and libbpf-dev, or use --via packet");
}

}  // namespace bellpull::tools::generate
