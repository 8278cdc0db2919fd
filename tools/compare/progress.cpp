// SPDX-License-Identifier: BSD-2-Clause
#include "progress.hpp"

#include <fmt/format.h>

namespace bellpull::tools::compare {

Progress::Progress(std::chrono::milliseconds every, std::size_t planned, Time begin)
    : every_(every), planned_(planned), begin_(begin), said_(begin) {}

std::string Progress::at(std::size_t done, Time now) {
  if (done == 0 || now - said_ < every_) return {};
  said_ = now;
  const std::chrono::duration<double> spent = now - begin_;
  const double left =
      spent.count() / static_cast<double>(done) * static_cast<double>(planned_ - done);
  return fmt::format("compare: {} of {} measurements, {:.0f} s left", done, planned_, left);
}

}  // namespace bellpull::tools::compare
