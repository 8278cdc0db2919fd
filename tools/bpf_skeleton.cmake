# SPDX-License-Identifier: BSD-2-Clause

# BELLPULL_BPF: whether there is what BPF programs are built with. Without, the program is built all
# the same, and says what it cannot do.
option(BELLPULL_WITHOUT_BPF "leave the BPF programs out, even where they could be built" OFF)
set(BELLPULL_BPF OFF CACHE INTERNAL "whether there are BPF programs")
find_program(BELLPULL_BPF_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
find_program(BELLPULL_BPFTOOL NAMES bpftool PATHS /usr/sbin /usr/local/sbin /sbin)
pkg_check_modules(libbpf IMPORTED_TARGET libbpf>=1.0)
if(BELLPULL_WITHOUT_BPF)
  message(STATUS "BPF programs are left out, as BELLPULL_WITHOUT_BPF says")
elseif(BELLPULL_BPF_CLANG AND BELLPULL_BPFTOOL AND libbpf_FOUND)
  set(BELLPULL_BPF ON CACHE INTERNAL "whether there are BPF programs")
else()
  message(STATUS "BPF programs are left out, so `bellpull generate` has no XDP; "
                 "the Debian packages are clang, bpftool and libbpf-dev")
endif()

# bellpull_bpf_skeleton(<target> <path>): compiles <path>.bpf.c, checks nothing yet (the kernel does
# when it is loaded), and lets <target> include its skeleton as "<path>.skel.h".
function(bellpull_bpf_skeleton target path)
  cmake_path(GET path FILENAME name)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${path}.bpf.c)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/bpf/${path}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/bpf/${path}.skel.h)
  cmake_path(GET object PARENT_PATH folder)
  file(MAKE_DIRECTORY ${folder})
  # Debian keeps <asm/types.h> where only a compiler for this machine looks.
  set(includes)
  if(CMAKE_CXX_LIBRARY_ARCHITECTURE)
    set(includes -idirafter /usr/include/${CMAKE_CXX_LIBRARY_ARCHITECTURE})
  endif()
  list(TRANSFORM libbpf_INCLUDE_DIRS PREPEND -I OUTPUT_VARIABLE libbpf_includes)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${BELLPULL_BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror
      -Wno-unused-parameter ${libbpf_includes} ${includes} -c ${source} -o ${object}
    COMMAND ${BELLPULL_BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
    DEPENDS ${source} VERBATIM
    COMMENT "BPF programs of ${path}")
  target_sources(${target} PRIVATE ${skeleton})
  target_include_directories(${target} SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR}/bpf)
  target_link_libraries(${target} PUBLIC PkgConfig::libbpf)
endfunction()
