# SPDX-License-Identifier: BSD-2-Clause
# ring_bench and the peers it is compiled with. A peer whose package is missing is left out, which
# the build says, and so does the report.
find_package(PkgConfig QUIET)
find_package(Boost QUIET)
if(NOT Boost_FOUND)
  message(WARNING "Boost not found, so ring_bench is left out; the Debian package is libboost-dev")
  return()
endif()

add_executable(bench_ring ring_bench.cpp)
set_target_properties(bench_ring PROPERTIES OUTPUT_NAME ring_bench)
target_link_libraries(bench_ring PRIVATE
  bellpull::ring benchmark::benchmark Boost::headers Threads::Threads)
set(missing "")

# ring_bench_peer(NAME PACKAGE FOUND): tells ring_bench whether that peer is there.
function(ring_bench_peer name package found)
  if(found)
    target_compile_definitions(bench_ring PRIVATE BENCH_HAS_${name}=1)
    return()
  endif()
  message(WARNING "ring_bench is built without a peer; the Debian package is ${package}")
  target_compile_definitions(bench_ring PRIVATE BENCH_HAS_${name}=0)
  set(missing ${missing} ${package} PARENT_SCOPE)
endfunction()

if(PkgConfig_FOUND)
  pkg_check_modules(ck QUIET ck)
  pkg_check_modules(dpdk QUIET libdpdk)
endif()
find_path(readerwriterqueue_include readerwriterqueue/readerwritercircularbuffer.h)
find_path(concurrentqueue_include concurrentqueue/concurrentqueue.h)

ring_bench_peer(CK libck-dev "${ck_FOUND}")
ring_bench_peer(DPDK libdpdk-dev "${dpdk_FOUND}")
ring_bench_peer(READERWRITERQUEUE libreaderwriterqueue-dev "${readerwriterqueue_include}")
ring_bench_peer(CONCURRENTQUEUE libconcurrentqueue-dev "${concurrentqueue_include}")

if(ck_FOUND)
  target_sources(bench_ring PRIVATE ck_calls.c)
endif()
if(dpdk_FOUND)
  # DPDK's flags name a processor, which all contenders then get; and its rings need no more of it
  # than two libraries.
  target_include_directories(bench_ring SYSTEM PRIVATE ${dpdk_INCLUDE_DIRS})
  set(flags ${dpdk_CFLAGS_OTHER})
  list(JOIN flags " " flags)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  list(FILTER flags INCLUDE REGEX "^-m")
  target_compile_options(bench_ring PRIVATE ${flags} "SHELL:-include rte_config.h")
  target_link_directories(bench_ring PRIVATE ${dpdk_LIBRARY_DIRS})
  target_link_libraries(bench_ring PRIVATE rte_ring rte_eal)
endif()
list(JOIN missing "," missing)
target_compile_definitions(bench_ring PRIVATE "BENCH_MISSING=\"${missing}\"")
set_target_properties(bench_ring PROPERTIES C_STANDARD 11)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # The optimiser sees a null pointer in concurrentqueue that its caller excludes.
  target_link_options(bench_ring PRIVATE -Wno-stringop-overflow)
  target_compile_options(bench_ring PRIVATE -Wno-stringop-overflow)
endif()
