# SPDX-License-Identifier: Apache-2.0
# The libraries that hugfs stands on; DESIGN names which folder may use which.

find_package(PkgConfig REQUIRED)
pkg_check_modules(FUSE3 REQUIRED IMPORTED_TARGET fuse3>=3.14)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)

# BLAKE3: the distribution's library (Debian 13 on), else the official C and assembly
# sources that Debian 12 ships inside librust-blake3-dev. Both dispatch at run time; a
# scalar-only build would make hashing the bottleneck, so it is refused here.
pkg_check_modules(BLAKE3 IMPORTED_TARGET libblake3)
if(BLAKE3_FOUND)
  add_library(hugfs_blake3 ALIAS PkgConfig::BLAKE3)
else()
  file(GLOB BLAKE3_DIRS /usr/share/cargo/registry/blake3-*/c)
  if(NOT BLAKE3_DIRS)
    message(FATAL_ERROR "BLAKE3 is missing: install libblake3-dev, or librust-blake3-dev on Debian 12")
  endif()
  list(GET BLAKE3_DIRS 0 BLAKE3_DIR)
  set(BLAKE3_SOURCES ${BLAKE3_DIR}/blake3.c ${BLAKE3_DIR}/blake3_dispatch.c ${BLAKE3_DIR}/blake3_portable.c)
  add_library(hugfs_blake3 STATIC ${BLAKE3_SOURCES})
  target_include_directories(hugfs_blake3 SYSTEM PUBLIC ${BLAKE3_DIR})
  target_compile_options(hugfs_blake3 PRIVATE -O3)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_sources(hugfs_blake3 PRIVATE
      ${BLAKE3_DIR}/blake3_sse2_x86-64_unix.S ${BLAKE3_DIR}/blake3_sse41_x86-64_unix.S
      ${BLAKE3_DIR}/blake3_avx2_x86-64_unix.S ${BLAKE3_DIR}/blake3_avx512_x86-64_unix.S)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    target_sources(hugfs_blake3 PRIVATE ${BLAKE3_DIR}/blake3_neon.c)
    target_compile_definitions(hugfs_blake3 PRIVATE BLAKE3_USE_NEON=1)
  endif()
endif()
