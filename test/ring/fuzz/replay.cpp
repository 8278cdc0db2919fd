// SPDX-License-Identifier: BSD-2-Clause
// Runs a target over files, and over the files of folders, with any compiler: the corpus as an
// ordinary test.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "entry.hpp"

namespace {

std::vector<std::filesystem::path> files_in(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    std::fprintf(stderr, "cannot read %s; name a corpus file or folder\n", path.c_str());
    return false;
  }
  const std::vector<std::uint8_t> data(bytes.begin(), bytes.end());
  std::printf("%s\n", path.c_str());
  std::fflush(stdout);  // the last line names the input that ended the run
  return LLVMFuzzerTestOneInput(data.data(), data.size()) == 0;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t replayed = 0;
  for (int i = 1; i < count; ++i) {
    std::error_code none;
    if (!std::filesystem::exists(arguments[i], none)) {
      std::fprintf(stderr, "cannot read %s: it does not exist; name a corpus file or folder\n",
                   arguments[i]);
      return 1;
    }
    for (const auto& file : files_in(arguments[i])) {
      if (!replay(file)) return 1;
      ++replayed;
    }
  }
  std::printf("%zu inputs replayed\n", replayed);
  if (replayed == 0) std::fprintf(stderr, "nothing was replayed; name a corpus file or folder\n");
  return replayed == 0 ? 1 : 0;
}
