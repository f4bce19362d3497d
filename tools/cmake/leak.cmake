# libgcx-leak.so: the whole library with malloc's family in front, to preload
# or to link to.

# It stands before glibc's allocator and knows its names; gcx/leak.h is
# everywhere.
include(CheckSymbolExists)
check_symbol_exists(__GLIBC__ features.h GCX_HAVE_GLIBC)
if(NOT GCX_HAVE_GLIBC)
    return()
endif()

file(GLOB gcx_preload_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/diag/preload/*.c")
source_group("src/diag/preload" FILES ${gcx_preload_sources})
gcx_add_library(gcx_leak SHARED 1 ${gcx_preload_sources})
set_target_properties(gcx_leak PROPERTIES OUTPUT_NAME gcx-leak)
# The compiler must not take calls here for those of a library it knows.
target_compile_options(gcx_leak PRIVATE -fno-builtin-malloc -fno-builtin-calloc)

# Its header only: libdw is loaded when there is a line to find.
include(CheckIncludeFile)
check_include_file(elfutils/libdwfl.h GCX_HAVE_LIBDWFL)
target_compile_definitions(gcx_leak PRIVATE GCXI_HAVE_LIBDW=$<BOOL:${GCX_HAVE_LIBDWFL}>)

add_library(gcx::leak ALIAS gcx_leak)
if(GCX_INSTALL)
    install(TARGETS gcx_leak LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
