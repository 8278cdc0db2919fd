// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "output.hpp"

namespace bellpull::tools {

/// The value of a label as the text exposition format has it.
[[nodiscard]] std::string label_value(std::string_view value);

/// Text in the Prometheus text exposition format, as it grows.
class Exposition {
 public:
  /// Of that snapshot, which outlives it.
  explicit Exposition(const Snapshot& snapshot) : snapshot_(snapshot) {}

  /// Begins a family, whose samples come next.
  void family(std::string_view name, std::string_view type, std::string_view help);

  /// Adds a sample to the family; its labels are joined with commas, or none.
  template <class Value>
  void sample(std::string_view name, std::string_view labels, const Value& value) {
    fmt::format_to(std::back_inserter(text_), "bellpull_{}{}{}{} {}\n", name,
                   labels.empty() ? "" : "{", labels, labels.empty() ? "" : "}", value);
  }

  /// A family with one sample.
  template <class Value>
  void single(std::string_view name, std::string_view type, std::string_view help,
              const Value& value) {
    family(name, type, help);
    sample(name, "", value);
  }

  /// The labels of that port. Names are unique per network namespace only, so the namespace is a
  /// label where one was given.
  [[nodiscard]] std::string port_labels(std::size_t port) const;

  /// Calls `visit(queue, labels)` for each queue of each port.
  template <class Visit>
  void each_queue(Visit&& visit) const {
    for (std::size_t port = 0; port < snapshot_.nic.ports.size(); ++port) {
      const auto& queues = snapshot_.nic.ports[port].queues;
      for (std::size_t queue = 0; queue < queues.size(); ++queue) {
        visit(queues[queue], fmt::format("{},queue=\"{}\"", port_labels(port), queue));
      }
    }
  }

  /// All that was added.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  const Snapshot& snapshot_;
  std::string text_;
};

}  // namespace bellpull::tools
