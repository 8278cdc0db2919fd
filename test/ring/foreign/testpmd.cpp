// SPDX-License-Identifier: BSD-2-Clause
#include "ring/foreign/testpmd.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "ring/foreign/failure.hpp"

namespace bellpull::ring::test::foreign {

namespace {

constexpr const char* kProgram = "dpdk-testpmd";

// Its two threads may run wherever we may; by itself it would pin each to a processor of its own,
// busy as that may be.
std::string threads() {
  constexpr int kMostProcessors = 64;  // a DPDK may be built for no more than 128
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) fail("sched_getaffinity", "see errno");
  std::string list;
  for (int i = 0; i < kMostProcessors; ++i) {
    if (CPU_ISSET(i, &allowed)) list += (list.empty() ? "" : ",") + std::to_string(i);
  }
  return "--lcores=(0-1)@(" + list + ")";
}

std::vector<std::string> command_of(const std::string& device,
                                    const std::vector<std::string>& options) {
  std::vector<std::string> command{kProgram,
                                   threads(),
                                   "--no-huge",
                                   "-m",
                                   "64",
                                   "--single-file-segments",
                                   "--no-pci",
                                   "--no-telemetry",
                                   "--no-shconf",
                                   "--vdev=" + device,
                                   "--",
                                   "--total-num-mbufs=2048",
                                   "--disable-link-check"};
  command.insert(command.end(), options.begin(), options.end());
  return command;
}

// Only what is allowed between fork() and exec().
[[noreturn]] void become(char* const* command, char* const* environment, int input, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::dup2(input, 0) == 0 && ::dup2(output, 1) == 1 && ::dup2(output, 2) == 2) {
    ::execvpe(command[0], command, environment);
  }
  ::_exit(127);
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_for(const std::string& directory) {
  std::vector<std::string> all{"RUNTIME_DIRECTORY=" + directory};
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

// The number behind the last `name` in `text`.
std::uint64_t number_after(const std::string& text, const std::string& name) {
  const std::size_t at = text.rfind(name);
  if (at == std::string::npos) {
    throw std::runtime_error(std::string(kProgram) + " printed no '" + name +
                             "'; what it printed: " + text);
  }
  return std::strtoull(text.c_str() + at + name.size(), nullptr, 10);
}

}  // namespace

PrivateDirectory::PrivateDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "bellpull-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail("mkdtemp '" + name + "'", "set TMPDIR");
  path_ = name;
}

PrivateDirectory::~PrivateDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool Testpmd::installed() {
  const char* const path = std::getenv("PATH");
  std::istringstream directories(path != nullptr ? path : "");
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (::access((directory + "/" + kProgram).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string virtio_user(const std::string& path, const std::string& settings) {
  return "net_virtio_user0,path=" + path + "," + settings;
}

std::string vhost(const std::string& path) {
  return "net_vhost0,client=1,iface=" + path;
}

Testpmd::Testpmd(const std::string& directory, const std::string& device,
                 const std::vector<std::string>& options)
    : log_path_(directory + "/testpmd.log") {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2", "raise ulimit -n");
  const OwnedFd input(ends[0]);
  keyboard_ = OwnedFd(ends[1]);
  const OwnedFd output(::open(log_path_.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  if (output.get() < 0) fail("open '" + log_path_ + "'", "use a directory that is writable");
  std::vector<std::string> words = command_of(device, options);
  std::vector<std::string> environment = environment_for(directory);
  const std::vector<char*> command = pointers_to(words);
  const std::vector<char*> variables = pointers_to(environment);
  process_ = ::fork();
  if (process_ < 0) fail("fork", "raise ulimit -u");
  if (process_ == 0) become(command.data(), variables.data(), input.get(), output.get());
}

Testpmd::~Testpmd() {
  if (process_ <= 0 || ended()) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void Testpmd::ask_to_end() {
  // It waits for the Enter key. One that has ended already is noticed by ended().
  [[maybe_unused]] const ssize_t written = ::write(keyboard_.get(), "\n", 1);
}

bool Testpmd::ended() {
  if (process_ <= 0) return true;
  if (::waitpid(process_, &status_, WNOHANG) != process_) return false;
  process_ = 0;
  return true;
}

Testpmd::Totals Testpmd::totals() {
  const std::string text = log();
  if (!ended() || !WIFEXITED(status_) || WEXITSTATUS(status_) != 0) {
    throw std::runtime_error(std::string(kProgram) + " did not end well; what it printed: " + text);
  }
  return {.received = number_after(text, "RX-packets:"),
          .sent = number_after(text, "TX-packets:"),
          .dropped = number_after(text, "TX-dropped:")};
}

std::string Testpmd::log() const {
  std::ifstream file(log_path_);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace bellpull::ring::test::foreign
