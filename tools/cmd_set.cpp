// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "bellpull/netdrv/unique_fd.hpp"
#include "columns.hpp"
#include "commands.hpp"
#include "control_protocol.hpp"
#include "output.hpp"
#include "sink.hpp"
#include "unix_address.hpp"

namespace bellpull::tools {

namespace {

using netdrv::UniqueFd;

// Far longer than a round takes. Whoever is stopped in a debugger must not hold us for ever.
constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};

std::string_view remedy_for(int error) {
  switch (error) {
    case ENOENT:
      return "start `bellpull run` with this --control, or name the path that it has";
    case ECONNREFUSED:
      return "nobody listens there: the run that did has ended";
    case EACCES:
    case EPERM:
      return "run as the user who started it, or as root";
    case EPROTOTYPE:
      return "it is another program's socket: name the path of a --control";
    case EAGAIN:
      return "it does not answer: is it stopped?";
    default:
      return "is `bellpull run` with this --control still there?";
  }
}

[[noreturn]] void fail(int error, std::string_view what, const std::string& path) {
  throw std::system_error(error, std::generic_category(),
                          fmt::format("{} control socket {} ({})", what, path, remedy_for(error)));
}

UniqueFd connect_to(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) fail(errno, "socket for", path);
  for (const int direction : {SO_SNDTIMEO, SO_RCVTIMEO}) {
    if (::setsockopt(fd.get(), SOL_SOCKET, direction, &kPatience, sizeof kPatience) < 0) {
      fail(errno, "set a time limit on", path);
    }
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    fail(errno, "connect to", path);
  }
  return fd;
}

std::string ask(const std::string& path, std::string_view request) {
  const UniqueFd fd = connect_to(path);
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
    fail(errno, "send to", path);
  }
  std::string answer(kMostAnswer, '\0');
  const ssize_t bytes = ::recv(fd.get(), answer.data(), answer.size(), 0);
  if (bytes < 0) fail(errno, "receive from", path);
  if (bytes == 0) {
    throw std::runtime_error(fmt::format(
        "control socket {} was closed without an answer: the run has ended; see what it printed",
        path));
  }
  answer.resize(static_cast<std::size_t>(bytes));
  return answer;
}

std::string table_of(const std::vector<SettingRow>& settings) {
  std::vector<Row> rows = {{"setting", "value", "range", "meaning"}};
  for (const SettingRow& row : settings) rows.push_back({row.name, row.value, row.range, row.help});
  return in_columns(rows, rows.front().size());
}

std::string json_of(const std::vector<SettingRow>& settings) {
  nlohmann::ordered_json object;
  object["settings"] = nlohmann::ordered_json::array();
  for (const SettingRow& row : settings) {
    object["settings"].push_back(
        {{"name", row.name}, {"value", row.value}, {"range", row.range}, {"meaning", row.help}});
  }
  return object.dump() + '\n';
}

}  // namespace

ExitStatus set(const SetWords& words) {
  const Format format = parse_format(words.format, std::span(kStatisticsFormats).first(2));
  const auto settings = understand_answer(ask(words.path, request_for(words.assignments)));
  if (words.assignments.empty()) {
    write_out(format == Format::json ? json_of(settings) : table_of(settings));
  }
  return kExitOk;
}

}  // namespace bellpull::tools
