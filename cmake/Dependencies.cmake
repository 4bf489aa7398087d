# Finds what Pando builds on (docs/dependencies.md says why each), as one imported target each.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(LIBELF REQUIRED IMPORTED_TARGET libelf)
pkg_check_modules(LIBDW REQUIRED IMPORTED_TARGET libdw)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
# Loaded at run time, when the user has named a server: only its header is needed.
find_path(DEBUGINFOD_INCLUDE_DIR elfutils/debuginfod.h REQUIRED)

# Two libraries are called libunwind. LLVM's (libunwind-14-dev on some images) has no generic remote interface, which
# the row builder needs: check which one it is, and say what to do.
find_path(UNWIND_INCLUDE_DIR libunwind-x86_64.h PATH_SUFFIXES x86_64-linux-gnu ${CMAKE_LIBRARY_ARCHITECTURE})
find_library(UNWIND_GENERIC_LIBRARY unwind-x86_64)
find_library(UNWIND_LOCAL_LIBRARY unwind)
if(NOT UNWIND_INCLUDE_DIR OR NOT UNWIND_GENERIC_LIBRARY OR NOT UNWIND_LOCAL_LIBRARY)
    message(FATAL_ERROR "Pando needs the nongnu libunwind (Debian: apt-get install libunwind-dev); "
        "what is here is none, or LLVM's libunwind (libunwind-14-dev), which lacks libunwind-x86_64.")
endif()
add_library(pando_unwind INTERFACE)
target_include_directories(pando_unwind SYSTEM INTERFACE ${UNWIND_INCLUDE_DIR})
target_link_libraries(pando_unwind INTERFACE ${UNWIND_GENERIC_LIBRARY} ${UNWIND_LOCAL_LIBRARY})

# libiberty has the demangler; Debian's static archive is position independent.
find_path(IBERTY_INCLUDE_DIR libiberty/demangle.h)
find_library(IBERTY_LIBRARY NAMES libiberty.a REQUIRED)
if(NOT IBERTY_INCLUDE_DIR)
    message(FATAL_ERROR "Pando needs libiberty's headers (Debian: apt-get install libiberty-dev).")
endif()
add_library(pando_iberty INTERFACE)
target_include_directories(pando_iberty SYSTEM INTERFACE ${IBERTY_INCLUDE_DIR})
target_link_libraries(pando_iberty INTERFACE ${IBERTY_LIBRARY})
