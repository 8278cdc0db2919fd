// SPDX-License-Identifier: BSD-2-Clause
#include "frame_filter.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include "error.hpp"

namespace bellpull::tools {

struct FrameFilter::Program {
  Program(const std::string& subject, const std::string& expression) {
    struct Close {
      void operator()(pcap_t* handle) const noexcept { ::pcap_close(handle); }
    };
    const std::unique_ptr<pcap_t, Close> handle(
        ::pcap_open_dead(DLT_EN10MB, static_cast<int>(netdrv::kMostSnap)));
    if (handle == nullptr) throw std::bad_alloc();
    if (::pcap_compile(handle.get(), &code, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) == 0) {
      return;
    }
    throw UsageError(
        fmt::format("{}: libpcap cannot make a filter of '{}': {}: see man pcap-filter", subject,
                    expression, ::pcap_geterr(handle.get())));
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { ::pcap_freecode(&code); }

  bpf_program code{};
};

FrameFilter::FrameFilter(const std::string& subject, const std::string& expression)
    : program_(std::make_shared<Program>(subject, expression)) {}

netdrv::CaptureFilter FrameFilter::for_capture() noexcept {
  return {[](void* program, std::span<const std::byte> bytes, std::uint32_t size) noexcept {
            pcap_pkthdr header{};
            header.caplen = static_cast<bpf_u_int32>(bytes.size());
            header.len = size;
            const auto& code = static_cast<const Program*>(program)->code;
            return ::pcap_offline_filter(&code, &header,
                                         reinterpret_cast<const u_char*>(bytes.data())) != 0;
          },
          program_.get()};
}

}  // namespace bellpull::tools
