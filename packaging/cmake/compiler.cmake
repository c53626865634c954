# SPDX-License-Identifier: Apache-2.0
# Warnings, hardening and sanitizers: one interface target that every target of ours links.

add_library(hugfs_options INTERFACE)
target_include_directories(hugfs_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_definitions(hugfs_options INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
# banned.h turns the unsafe functions into compile errors in every file of ours.
target_compile_options(hugfs_options INTERFACE
  -include ${PROJECT_SOURCE_DIR}/base/banned.h
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
  -Wvla -Wundef -Wwrite-strings -Wcast-qual -Wimplicit-fallthrough
  -fstack-protector-strong -fno-omit-frame-pointer)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  target_compile_options(hugfs_options INTERFACE -Wthread-safety)
endif()
if(HUGFS_WERROR)
  target_compile_options(hugfs_options INTERFACE -Werror)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(hugfs_options INTERFACE -fcf-protection)
endif()
if(NOT HUGFS_SANITIZE AND NOT HUGFS_FUZZ)
  target_compile_options(hugfs_options INTERFACE -fstack-clash-protection)
  if(CMAKE_BUILD_TYPE MATCHES "Rel")
    target_compile_options(hugfs_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
  target_link_options(hugfs_options INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
if(HUGFS_SANITIZE)
  target_compile_options(hugfs_options INTERFACE -fsanitize=${HUGFS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(hugfs_options INTERFACE -fsanitize=${HUGFS_SANITIZE} -fno-sanitize-recover=all)
endif()
if(HUGFS_FUZZ)
  target_compile_options(hugfs_options INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(hugfs_options INTERFACE -fsanitize=address,undefined)
endif()
find_package(Threads REQUIRED)
target_link_libraries(hugfs_options INTERFACE Threads::Threads)

# hugfs_library(NAME DEPENDS a b PRIVATE_DEPENDS PkgConfig::x): one folder, one static
# library made of every .c file in it, one public header NAME/NAME.h.
function(hugfs_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(hugfs_${name} STATIC ${sources})
  target_link_libraries(hugfs_${name} PUBLIC hugfs_options ${ARG_DEPENDS}
                                      PRIVATE ${ARG_PRIVATE_DEPENDS})
endfunction()
