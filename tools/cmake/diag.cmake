# libgcx-diag.so: profiles and the debug server, beside the library, which loads it when asked and is
# not linked to it (src/api/diag.h). Built where all that it needs is found.

find_package(PkgConfig)
find_program(GCX_PROTOC_C protoc-c)
if(PkgConfig_FOUND)
    pkg_check_modules(GCX_DIAG_DEPS IMPORTED_TARGET libprotobuf-c zlib libunwind libunwind-generic libdw)
endif()
# What is installed may be for another C library than the compiler's.
if(GCX_DIAG_DEPS_FOUND)
    include(CheckCSourceCompiles)
    set(CMAKE_REQUIRED_LIBRARIES PkgConfig::GCX_DIAG_DEPS)
    check_c_source_compiles("#include <elfutils/libdwfl.h>
        #include <libunwind.h>
        #include <protobuf-c/protobuf-c.h>
        #include <zlib.h>
        int main(void) { return dwfl_begin(0) != 0 && unw_backtrace(0, 0) && zlibVersion() && protobuf_c_version(); }"
        GCX_DIAG_DEPS_WORK)
    unset(CMAKE_REQUIRED_LIBRARIES)
endif()
set(gcx_has_diag OFF)
if(GCX_DIAG_DEPS_WORK AND GCX_PROTOC_C)
    set(gcx_has_diag ON)
elseif(GCX_DIAG)
    message(STATUS "libgcx-diag is not built: it needs protoc-c, libprotobuf-c, zlib, libunwind, libdw "
        "(tools/setup.sh diag installs them on Debian)")
endif()

if(gcx_has_diag)
    set(gcx_pb_dir "${PROJECT_BINARY_DIR}/generated")
    file(MAKE_DIRECTORY "${gcx_pb_dir}")
    add_custom_command(
        OUTPUT "${gcx_pb_dir}/profile.pb-c.c" "${gcx_pb_dir}/profile.pb-c.h"
        COMMAND "${GCX_PROTOC_C}" "--c_out=${gcx_pb_dir}" "-I${PROJECT_SOURCE_DIR}/src/diag/telemetry"
            "${PROJECT_SOURCE_DIR}/src/diag/telemetry/profile.proto"
        DEPENDS "${PROJECT_SOURCE_DIR}/src/diag/telemetry/profile.proto"
        VERBATIM)
    set_source_files_properties("${gcx_pb_dir}/profile.pb-c.c" PROPERTIES COMPILE_OPTIONS -w)

    # The server, where libmicrohttpd is found as well.
    set(gcx_has_server OFF)
    pkg_check_modules(GCX_SERVER_DEPS IMPORTED_TARGET libmicrohttpd>=0.9.71)
    if(GCX_SERVER_DEPS_FOUND)
        set(CMAKE_REQUIRED_LIBRARIES PkgConfig::GCX_SERVER_DEPS)
        check_c_source_compiles("#include <microhttpd.h>
            int main(void) { return MHD_get_version() != 0 && MHD_HTTP_CONTENT_TOO_LARGE; }" GCX_SERVER_DEPS_WORK)
        unset(CMAKE_REQUIRED_LIBRARIES)
    endif()

    # What of the lower floors has no state of the collector's.
    file(GLOB gcx_diag_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/diag/telemetry/*.c")
    list(FILTER gcx_diag_sources EXCLUDE REGEX "_(${gcx_foreign})\\.c$")
    if(GCX_SERVER_DEPS_WORK)
        set(gcx_has_server ON)
        list(FILTER gcx_diag_sources EXCLUDE REGEX "/server_none\\.c$")
        set(gcx_page_dir "${PROJECT_SOURCE_DIR}/src/diag/telemetry/page")
        file(GLOB gcx_page_files CONFIGURE_DEPENDS "${gcx_page_dir}/*")
        add_custom_command(
            OUTPUT "${gcx_pb_dir}/page_data.c"
            COMMAND "${CMAKE_COMMAND}" "-DPAGE=${gcx_page_dir}" "-DOUT=${gcx_pb_dir}/page_data.c"
                -P "${PROJECT_SOURCE_DIR}/tools/cmake/page.cmake"
            DEPENDS ${gcx_page_files} "${PROJECT_SOURCE_DIR}/tools/cmake/page.cmake"
            VERBATIM)
        list(APPEND gcx_diag_sources "${gcx_pb_dir}/page_data.c")
    else()
        list(FILTER gcx_diag_sources EXCLUDE REGEX "/server(_[a-mo-z][^/]*)?\\.c$")
        message(STATUS "libgcx-diag is built without its server: that needs libmicrohttpd "
            "(tools/setup.sh diag installs it on Debian)")
    endif()
    list(APPEND gcx_diag_sources "${gcx_pb_dir}/profile.pb-c.c")
    foreach(name base/report base/parse os/clock_${gcx_system} os/vm_${gcx_system})
        list(APPEND gcx_diag_sources "${PROJECT_SOURCE_DIR}/src/${name}.c")
    endforeach()
    add_library(gcx_diag MODULE ${gcx_diag_sources})
    target_include_directories(gcx_diag PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
    target_include_directories(gcx_diag SYSTEM PRIVATE "${gcx_pb_dir}")
    target_compile_definitions(gcx_diag PRIVATE ${gcx_definitions} GCXI_SHARED=0)
    target_link_libraries(gcx_diag PRIVATE PkgConfig::GCX_DIAG_DEPS Threads::Threads m)
    if(gcx_has_server)
        target_link_libraries(gcx_diag PRIVATE PkgConfig::GCX_SERVER_DEPS)
    endif()
    target_link_options(gcx_diag PRIVATE ${gcx_sanitizers})
    set_target_properties(gcx_diag PROPERTIES
        OUTPUT_NAME gcx-diag SUFFIX .so.${PROJECT_VERSION_MAJOR} C_VISIBILITY_PRESET hidden)
    if(GCX_INSTALL)
        install(TARGETS gcx_diag LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    endif()
endif()
