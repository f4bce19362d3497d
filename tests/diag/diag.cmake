# Tests of libgcx-diag.so: label diag. They read files as other programs do.

set(gcx_timeout_diag 300)
find_program(GCX_GO go)
add_library(gcx_read_profile STATIC "${gcx_pb_dir}/profile.pb-c.c")
set_source_files_properties("${gcx_pb_dir}/profile.pb-c.c" PROPERTIES GENERATED ON COMPILE_OPTIONS -w)
add_dependencies(gcx_read_profile gcx_diag)
target_include_directories(gcx_read_profile SYSTEM PUBLIC "${gcx_pb_dir}")
target_link_libraries(gcx_read_profile PUBLIC PkgConfig::GCX_DIAG_DEPS m)

file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/diag/test_*.c")
list(FILTER sources EXCLUDE REGEX "/test_server[^/]*\\.c$")
if(GCX_SANITIZE STREQUAL "thread") # holds signals back
    list(FILTER sources EXCLUDE REGEX "/test_cpu\\.c$")
endif()
# A child that was forked from a program with threads starts a server, so threads.
set(gcx_test_environment_before "${gcx_test_environment}")
if(GCX_SANITIZE STREQUAL "thread")
    list(APPEND gcx_test_environment "TSAN_OPTIONS=die_after_fork=0")
endif()
if(gcx_has_server)
    list(APPEND sources "${CMAKE_CURRENT_SOURCE_DIR}/diag/test_server.c")
    set(server_dir "${PROJECT_SOURCE_DIR}/src/diag/telemetry")
    gcx_add_test(test_server_parts diag "${CMAKE_CURRENT_SOURCE_DIR}/diag/test_server_parts.c" gcx_internal)
    target_sources(test_server_parts PRIVATE
        "${server_dir}/server_address.c" "${server_dir}/server_query.c" "${server_dir}/server_text.c")

    if(GCX_FUZZ) # the library takes the fuzzer's functions from the program
        add_executable(fuzz_requests diag/fuzz_requests.c
            "${server_dir}/server_address.c" "${server_dir}/server_query.c" "${server_dir}/server_text.c")
        target_compile_definitions(fuzz_requests PRIVATE _GNU_SOURCE)
        target_include_directories(fuzz_requests PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/diag")
        target_link_libraries(fuzz_requests PRIVATE gcx_internal)
        target_link_options(fuzz_requests PRIVATE -fsanitize=fuzzer)
        set_target_properties(fuzz_requests PROPERTIES ENABLE_EXPORTS ON
            RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/diag")
        add_dependencies(fuzz_requests gcx_diag)
    endif()

    # Figures by hand, as docs/guide/profiling.md gives them; here that all are answered.
    add_executable(load_server diag/load_server.c ${gcx_test_support})
    target_compile_definitions(load_server PRIVATE _GNU_SOURCE)
    target_link_libraries(load_server PRIVATE gcx::static Threads::Threads)
    set_target_properties(load_server PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/diag")
    add_dependencies(load_server gcx_diag)
    add_test(NAME diag/load_server COMMAND load_server 300)
    set_tests_properties(diag/load_server PROPERTIES LABELS diag TIMEOUT ${gcx_timeout_diag} ENVIRONMENT "${gcx_test_environment}")
endif()
foreach(source IN LISTS sources)
    get_filename_component(name "${source}" NAME_WE)
    gcx_add_test(${name} diag "${source}" gcx::static ${wrap} gcx_read_profile)
    gcx_add_test(${name}_shared diag "${source}" gcx::shared gcx_read_profile)
    add_dependencies(${name} gcx_diag)
    add_dependencies(${name}_shared gcx_diag)
endforeach()

# A program without a dynamic loader, where one can be linked.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_FLAGS "-static")
check_c_source_compiles("#include <pthread.h>\nint main(void) { return pthread_self() == 0; }" GCX_LINKS_STATIC)
unset(CMAKE_REQUIRED_FLAGS)
if(GCX_LINKS_STATIC AND NOT GCX_SANITIZE)
    add_executable(test_static_program diag/static.c)
    target_compile_definitions(test_static_program PRIVATE _GNU_SOURCE)
    target_link_libraries(test_static_program PRIVATE gcx::static -static)
    set_target_properties(test_static_program PROPERTIES
        POSITION_INDEPENDENT_CODE OFF RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/diag")
    add_dependencies(test_static_program gcx_diag)
    add_test(NAME diag/static_program COMMAND test_static_program)
    set_tests_properties(diag/static_program PROPERTIES LABELS diag TIMEOUT ${gcx_timeout_diag}
        ENVIRONMENT "${gcx_test_environment}")
endif()

if(GCX_GO AND NOT GCX_SANITIZE)
    add_test(NAME diag/pprof COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/diag/pprof.sh"
        $<TARGET_FILE:test_profile> "${CMAKE_CURRENT_BINARY_DIR}/diag")
    set_tests_properties(diag/pprof PROPERTIES LABELS diag TIMEOUT 300 ENVIRONMENT "${gcx_test_environment}")
endif()

find_package(Python3 3.9 QUIET COMPONENTS Interpreter)
if(gcx_has_server AND Python3_FOUND AND NOT GCX_SANITIZE)
    add_test(NAME diag/consumers COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/diag/consumers.sh"
        $<TARGET_FILE:test_server> "${CMAKE_CURRENT_BINARY_DIR}/diag")
    set_tests_properties(diag/consumers PROPERTIES LABELS diag TIMEOUT 400 SKIP_RETURN_CODE 77
        ENVIRONMENT "${gcx_test_environment}")
endif()

set(gcx_test_environment "${gcx_test_environment_before}")
