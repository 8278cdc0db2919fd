# SPDX-License-Identifier: BSD-2-Clause
# What is installed for each component: its library, its headers, an export set that
# find_package(bellpull COMPONENTS ...) loads, and a file for pkg-config. They are apart, so that one
# who wants `ring` needs nothing of what the others are made with. The prefix may be moved afterwards.
if(NOT BELLPULL_INSTALL)
  function(bellpull_install_component)
  endfunction()
  return()
endif()

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(bellpull_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bellpull)
set(bellpull_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/bellpullConfig.cmake.in
  ${PROJECT_BINARY_DIR}/package/bellpullConfig.cmake INSTALL_DESTINATION ${bellpull_package_dir}
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 a new minor version may break what used the last one: STABILITY.md.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/bellpullConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)

# Leaves in `result` the prefix as `directory`, where the file that says it lies, sees it: relative
# to `here`, unless the directories were given as absolute paths.
function(bellpull_prefix_from result here directory)
  if(IS_ABSOLUTE "${directory}")
    set(${result} ${CMAKE_INSTALL_PREFIX} PARENT_SCOPE)
  else()
    file(RELATIVE_PATH up /p/${directory} /p)
    string(REGEX REPLACE "/$" "" up ${up})
    set(${result} "${here}/${up}" PARENT_SCOPE)
  endif()
endfunction()

# Leaves in `result` the directory as pkg-config has it.
function(bellpull_below_prefix result directory)
  if(IS_ABSOLUTE "${directory}")
    set(${result} ${directory} PARENT_SCOPE)
  else()
    set(${result} "\${prefix}/${directory}" PARENT_SCOPE)
  endif()
endfunction()

function(bellpull_install_pkgconfig component description requires libraries)
  string(REPLACE _ - name bellpull-${component})
  list(TRANSFORM requires REPLACE _ -)
  list(TRANSFORM requires REPLACE "(.+)" "bellpull-\\1 = ${PROJECT_VERSION}")
  list(JOIN requires ", " requires)
  get_target_property(type bellpull_${component} TYPE)
  if(NOT type STREQUAL INTERFACE_LIBRARY)
    list(PREPEND libraries "-L\${libdir}" -lbellpull_${component})
  endif()
  list(JOIN libraries " " libraries)
  bellpull_prefix_from(prefix "\${pcfiledir}" "${bellpull_pkgconfig_dir}")
  bellpull_below_prefix(libdir "${CMAKE_INSTALL_LIBDIR}")
  bellpull_below_prefix(includedir "${CMAKE_INSTALL_INCLUDEDIR}")
  configure_file(${PROJECT_SOURCE_DIR}/cmake/component.pc.in
    ${PROJECT_BINARY_DIR}/package/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/${name}.pc
    DESTINATION ${bellpull_pkgconfig_dir} COMPONENT ${component})
endfunction()

# bellpull_install_component(<component> [DESCRIPTION <words>] [HEADERS <include root>]
#   [REQUIRES <component>...] [PACKAGES <CMake package>...] [LIBRARIES <linker flag>...])
# installs the target bellpull_<component>, of any kind of library but a shared one. REQUIRES: the
# components that it links. PACKAGES and LIBRARIES: what a user's link needs besides, for CMake and
# for pkg-config; nothing that only the component's own sources include.
function(bellpull_install_component component)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DESCRIPTION;HEADERS" "REQUIRES;PACKAGES;LIBRARIES")
  set(target bellpull_${component})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${component})
  get_target_property(type ${target} TYPE)
  # An archive of nothing but this compiler's intermediate code cannot be linked by another one.
  if(type STREQUAL STATIC_LIBRARY AND CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      target_compile_options(${target} PRIVATE -ffat-lto-objects)
    else()
      set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    endif()
  endif()
  install(TARGETS ${target} EXPORT ${target}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  if(arg_HEADERS)
    install(DIRECTORY ${arg_HEADERS}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT ${component})
  endif()
  install(EXPORT ${target} NAMESPACE bellpull:: FILE targets-${component}.cmake
    DESTINATION ${bellpull_package_dir} COMPONENT ${component})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/component.cmake.in
    ${PROJECT_BINARY_DIR}/package/component-${component}.cmake @ONLY)
  # The package's own files come with each component, which may be installed alone.
  install(FILES ${PROJECT_BINARY_DIR}/package/component-${component}.cmake
      ${PROJECT_BINARY_DIR}/package/bellpullConfig.cmake
      ${PROJECT_BINARY_DIR}/package/bellpullConfigVersion.cmake
    DESTINATION ${bellpull_package_dir} COMPONENT ${component})
  bellpull_install_pkgconfig(${component} "${arg_DESCRIPTION}" "${arg_REQUIRES}" "${arg_LIBRARIES}")
endfunction()
