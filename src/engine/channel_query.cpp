// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/channel_query.hpp"

#include <utility>

namespace bellpull::engine {

ChannelQuery ChannelQuery::named(std::string name) {
  return {Way::name, std::move(name), {}};
}

ChannelQuery ChannelQuery::wired(std::string client, std::string line) {
  return {Way::wire, std::move(client), std::move(line)};
}

ChannelQuery ChannelQuery::matching(Predicate wanted, Choice choice) {
  ChannelQuery query(Way::predicate, {}, {});
  query.choice_ = choice;
  query.wanted_ = std::move(wanted);
  return query;
}

ChannelQuery ChannelQuery::needing(OperationSet operations) && {
  needed_ = operations;
  return std::move(*this);
}

std::string ChannelQuery::describe() const {
  switch (way_) {
    case Way::name:
      return "channel '" + name_ + "'";
    case Way::wire:
      return "the channel on line '" + line_ + "' of client '" + name_ + "'";
    case Way::predicate:
      return "a channel by predicate";
  }
  return "a channel";
}

const char* name_of(FindReason reason) noexcept {
  switch (reason) {
    case FindReason::none:
      return "none";
    case FindReason::unknown:
      return "unknown";
    case FindReason::busy:
      return "busy";
    case FindReason::ambiguous:
      return "ambiguous";
    case FindReason::not_capable:
      return "not capable";
  }
  return "no reason";
}

}  // namespace bellpull::engine
