// SPDX-License-Identifier: BSD-2-Clause
// The control socket of a running NIC, and what its clients may do to it. One thread: a client
// speaks, the NIC makes rounds, the client listens.
#include "control_socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/apps.hpp"
#include "control_protocol.hpp"
#include "sample_settings.hpp"
#include "unix_address.hpp"

using namespace bellpull;
using tools::ControlSocket;

namespace {

// A directory of our own, removed at the end.
struct Directory {
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "bellpull-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

netdrv::UniqueFd socket_of(int type = SOCK_SEQPACKET) {
  netdrv::UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  REQUIRE(fd.get() >= 0);
  return fd;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

class Client {
 public:
  explicit Client(const std::string& path) : fd_(socket_of()) {
    const sockaddr_un address = tools::unix_address(path);
    REQUIRE(::connect(fd_.get(), generic(address), sizeof address) == 0);
  }

  // Returns 0 or errno.
  [[nodiscard]] int say(const std::string& text) const {
    const auto sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(text.size()) ? 0 : errno;
  }

  // What came, "(nothing)" if nothing did, "(gone)" if the other side has hung up.
  [[nodiscard]] std::string hear() const {
    std::array<char, tools::kMostAnswer> text;
    const auto bytes = ::recv(fd_.get(), text.data(), text.size(), 0);
    if (bytes > 0) return {text.data(), static_cast<std::size_t>(bytes)};
    return bytes < 0 && errno == EAGAIN ? "(nothing)" : "(gone)";
  }

 private:
  netdrv::UniqueFd fd_;
};

// A NIC without ports and its control socket.
struct Rig {
  explicit Rig(std::string at = {})
      : path(at.empty() ? (directory.path / "control").string() : std::move(at)),
        control(std::make_unique<ControlSocket>(path)),
        nic(std::make_unique<netdrv::Nic>(engine, *app, netdrv::NicSettings{})) {
    nic->start();
    control->serve(*nic, sample.table);
  }

  // True when something was ready to be done; the NIC would have slept otherwise.
  bool round() {
    pollfd loop{nic->fd(), POLLIN, 0};
    const bool ready = ::poll(&loop, 1, 0) == 1;
    nic->run_once(0);
    return ready;
  }
  void settle() {
    int rounds = 0;
    while (round()) REQUIRE(++rounds < 1000);
  }
  std::string ask(const Client& client, const std::string& text) {
    REQUIRE(client.say(text) == 0);
    settle();
    return client.hear();
  }

  Directory directory;
  test::SampleSettings sample;
  engine::Engine engine{engine::EngineOptions{}};
  std::unique_ptr<netdrv::App> app = netdrv::make_discard();
  std::string path;
  std::unique_ptr<ControlSocket> control;
  std::unique_ptr<netdrv::Nic> nic;
};

std::string refusal_of(const std::string& path) {
  try {
    const ControlSocket control(path);
  } catch (const std::system_error& error) {
    return error.what();
  }
  return "it was made";
}

bool is_there(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

}  // namespace

TEST_CASE("a client lists and changes settings, as often as it likes") {
  Rig rig;
  const Client client(rig.path);
  CHECK(rig.ask(client, "set\nlow=20\nhigh=80") == "ok\n");
  CHECK(rig.sample.values["low"] == 20);
  CHECK(rig.sample.values["high"] == 80);
  CHECK(rig.ask(client, "list").find("low\t20\t0 to 100\thow low it is\n") != std::string::npos);
  CHECK(rig.ask(client, "set\nlow=30") == "ok\n");
  CHECK(rig.sample.values["low"] == 30);
}

TEST_CASE("an unknown setting, a bad value and garbage get one line, and the client stays") {
  Rig rig;
  const Client client(rig.path);
  CHECK(rig.ask(client, "set\nlow=20\nwidth=1").starts_with("usage\nsetting: 'width' is unknown"));
  CHECK(rig.ask(client, "set\nlow=20\nhigh=x").starts_with("usage\nhigh: 'x' is no whole number"));
  CHECK(
      rig.ask(client, std::string("\0\xff\n\x80", 4)).starts_with("usage\nthe request is neither"));
  CHECK(rig.sample.changes == 0);
  CHECK(rig.ask(client, "set\nlow=20") == "ok\n");
}

TEST_CASE("the largest request is answered, and one that is larger refused") {
  Rig rig;
  const Client client(rig.path);
  std::string request = "set\nlow=20\nhigh=";
  request.append(tools::kMostRequest - request.size(), '0');
  CHECK(rig.ask(client, request) == "ok\n");
  CHECK(rig.sample.values["high"] == 0);
  CHECK(rig.ask(client, request + '0') ==
        "usage\nthe request has 4097 bytes and 4096 are the most: set less at once");
  CHECK(rig.ask(client, std::string(100'000, 'x')).starts_with("usage\nthe request has 100000 "));
  CHECK(rig.sample.changes == 2);
}

TEST_CASE("clients that came before the first round are served in it") {
  Directory directory;
  const std::string path = directory.path / "control";
  ControlSocket control(path);
  const Client early(path);
  REQUIRE(early.say("list") == 0);
  Rig rig(directory.path / "other");
  control.serve(*rig.nic, rig.sample.table);
  rig.settle();
  CHECK(early.hear().starts_with("ok\n"));
}

TEST_CASE("a client that never reads is dropped, and the others do not notice") {
  Rig rig;
  const Client deaf(rig.path);
  const Client client(rig.path);
  int error = 0;
  int requests = 0;
  for (; error == 0 && requests < 10'000; ++requests) {
    error = deaf.say("list");
    rig.settle();
  }
  CHECK(error == EPIPE);
  CHECK(rig.ask(client, "set\nlow=20") == "ok\n");
}

TEST_CASE("a client that asks without end gets one answer a round, like the others") {
  Rig rig;
  const Client loud(rig.path);
  const Client client(rig.path);
  rig.settle();
  for (int i = 0; i < 5; ++i) REQUIRE(loud.say("list") == 0);
  REQUIRE(client.say("list") == 0);
  REQUIRE(rig.round());
  CHECK(loud.hear().starts_with("ok\n"));
  CHECK(loud.hear() == "(nothing)");
  CHECK(client.hear().starts_with("ok\n"));
  rig.settle();
  for (int i = 0; i < 4; ++i) CHECK(loud.hear().starts_with("ok\n"));
}

TEST_CASE("a client that comes and goes leaves nothing that keeps the NIC awake") {
  Rig rig;
  for (int i = 0; i < 100; ++i) {
    const Client client(rig.path);
    if (i % 2 == 0) REQUIRE(client.say("list") == 0);
    if (i % 3 == 0) rig.settle();
  }
  rig.settle();
  CHECK_FALSE(rig.round());
}

TEST_CASE("when there are too many clients, those that were silent for longest go") {
  constexpr std::size_t kClients = ControlSocket::kMostClients + 4;
  Rig rig;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Client>(rig.path));
    rig.settle();
    // The first one is old, but not silent.
    CHECK(rig.ask(*clients[0], "list").starts_with("ok\n"));
  }
  for (std::size_t i = 1; i <= 4; ++i) CHECK(clients[i]->hear() == "(gone)");
  CHECK(rig.ask(*clients[0], "set\nlow=20") == "ok\n");
  for (std::size_t i = 5; i < kClients; ++i) {
    CAPTURE(i);
    CHECK(rig.ask(*clients[i], "list").starts_with("ok\n"));
  }
}

TEST_CASE("twenty clients that come at once and ask at once are all answered") {
  Rig rig;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<Client>(rig.path));
  // As `bellpull set` does: one question as soon as there is a connection.
  for (const auto& client : clients) REQUIRE(client->say("list") == 0);
  rig.settle();
  for (const auto& client : clients) CHECK(client->hear().starts_with("ok\n"));
}

TEST_CASE("without a descriptor for a client the NIC does not spin, and serves it later") {
  Rig rig;
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
  const Client waiting(rig.path);
  const Client another(rig.path);
  REQUIRE(waiting.say("list") == 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  // poll() has the same limit, so that only rounds can be counted here.
  for (int i = 0; i < 3; ++i) rig.nic->run_once(0);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
  CHECK_FALSE(rig.round());
  const Client later(rig.path);
  rig.settle();
  CHECK(waiting.hear().starts_with("ok\n"));
}

TEST_CASE("the socket is its owner's only, and gone at the end") {
  std::string path;
  Directory directory;
  {
    const mode_t usual = ::umask(0);
    const Rig rig(directory.path / "control");
    ::umask(usual);
    path = rig.path;
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    CHECK(S_ISSOCK(status.st_mode));
    CHECK((status.st_mode & 0777) == 0600);
  }
  CHECK_FALSE(is_there(path));
}

TEST_CASE("clients learn that the run has ended") {
  auto rig = std::make_unique<Rig>();
  const Client served(rig->path);
  CHECK(rig->ask(served, "list").starts_with("ok\n"));
  const Client waiting(rig->path);
  rig.reset();
  CHECK(served.hear() == "(gone)");
  CHECK(waiting.hear() == "(gone)");
}

TEST_CASE("a socket that was left behind is replaced") {
  Directory directory;
  const std::string path = directory.path / "control";
  {
    const netdrv::UniqueFd dead = socket_of();
    const sockaddr_un address = tools::unix_address(path);
    REQUIRE(::bind(dead.get(), generic(address), sizeof address) == 0);
    REQUIRE(::listen(dead.get(), 1) == 0);
  }
  REQUIRE(is_there(path));
  Rig rig(path);
  const Client client(path);
  CHECK(rig.ask(client, "list").starts_with("ok\n"));
}

TEST_CASE("a socket where somebody listens is refused and goes on working") {
  Rig rig;
  CHECK(refusal_of(rig.path) == "bind --control " + rig.path +
                                    " (another program listens there: choose another path, or end "
                                    "it): Address already in use");
  rig.settle();
  const Client client(rig.path);
  CHECK(rig.ask(client, "list").starts_with("ok\n"));
}

TEST_CASE("a socket of another type is refused") {
  Directory directory;
  const std::string path = directory.path / "control";
  const netdrv::UniqueFd stream = socket_of(SOCK_STREAM);
  const sockaddr_un address = tools::unix_address(path);
  REQUIRE(::bind(stream.get(), generic(address), sizeof address) == 0);
  REQUIRE(::listen(stream.get(), 1) == 0);
  CHECK(refusal_of(path).find("another program listens there") != std::string::npos);
  CHECK(is_there(path));
}

TEST_CASE("what is no socket is refused and left alone") {
  Directory directory;
  const std::string file = directory.path / "file";
  std::ofstream(file) << "precious\n";
  const std::string folder = directory.path / "folder";
  REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
  const std::string link = directory.path / "link";
  REQUIRE(::symlink("nowhere", link.c_str()) == 0);
  for (const std::string& path : {file, folder, link}) {
    CHECK(refusal_of(path) ==
          "bind --control " + path +
              " (it is no socket: choose another path, or remove it): File exists");
    CHECK(is_there(path));
  }
  std::string contents;
  std::getline(std::ifstream(file), contents);
  CHECK(contents == "precious");
}

TEST_CASE("a path that cannot be is refused with what to do") {
  Directory directory;
  CHECK(refusal_of(directory.path / "none" / "control").find("choose a path that you may write") !=
        std::string::npos);
  const std::string longest(107 - directory.path.string().size() - 1, 'x');
  CHECK(refusal_of(directory.path / longest) == "it was made");
  CHECK_FALSE(is_there(directory.path / longest));
  CHECK(refusal_of(directory.path / (longest + 'x')).find("(108 bytes and 107 are the most") !=
        std::string::npos);
}

TEST_CASE("whoever took the path over keeps it") {
  Directory directory;
  const std::string path = directory.path / "control";
  {
    const Rig rig(path);
    REQUIRE(::unlink(path.c_str()) == 0);
    std::ofstream(path) << "somebody else's\n";
  }
  CHECK(is_there(path));
}
