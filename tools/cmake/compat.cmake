# libgc.so.1, in compat/ of the build folder: the static library, whole, and
# src/compat. The Boehm headers have a folder gc/ too, and so has src/: quoted
# includes are ours.

file(GLOB gcx_compat_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/compat/*.c")
add_library(gcx_compat SHARED ${gcx_compat_sources})
target_include_directories(gcx_compat
    PUBLIC
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include/gcx-boehm>"
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/gcx-boehm>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_compile_options(gcx_compat PRIVATE -iquote "${PROJECT_SOURCE_DIR}/src")
target_compile_definitions(gcx_compat PRIVATE ${gcx_definitions} GCXI_SHARED=0)
target_link_libraries(gcx_compat
    PRIVATE -Wl,--whole-archive "$<TARGET_FILE:gcx_static>" -Wl,--no-whole-archive
    PUBLIC Threads::Threads ${CMAKE_DL_LIBS})
# What the library's own calls are turned to is in it; a client's are not seen.
target_link_options(gcx_compat PRIVATE ${gcx_wrap_options}
    "-Wl,--dynamic-list=${PROJECT_SOURCE_DIR}/tools/compat/data.list" "-Wl,-z,nodelete")
add_dependencies(gcx_compat gcx_static)
set_target_properties(gcx_compat PROPERTIES
    OUTPUT_NAME gc VERSION 1.5.1 SOVERSION 1 C_VISIBILITY_PRESET hidden
    LINK_DEPENDS "${PROJECT_SOURCE_DIR}/tools/compat/data.list;$<TARGET_FILE:gcx_static>"
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/compat")

# Operators new and delete, and the exception, for C++ programs.
include(CheckLanguage)
check_language(CXX)
if(CMAKE_CXX_COMPILER)
    enable_language(CXX)
    add_library(gcx_compat_cpp SHARED "${PROJECT_SOURCE_DIR}/src/compat/cpp/operators.cc"
        "${PROJECT_SOURCE_DIR}/src/compat/cpp/bad_alloc.cc")
    add_library(gcx_compat_tba SHARED "${PROJECT_SOURCE_DIR}/src/compat/cpp/bad_alloc.cc")
    foreach(target gcx_compat_cpp gcx_compat_tba)
        target_link_libraries(${target} PUBLIC gcx_compat)
        set_target_properties(${target} PROPERTIES VERSION 1.5.0 SOVERSION 1
            LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/compat")
    endforeach()
    set_target_properties(gcx_compat_cpp PROPERTIES OUTPUT_NAME gccpp)
    set_target_properties(gcx_compat_tba PROPERTIES OUTPUT_NAME gctba)
endif()

configure_file("${PROJECT_SOURCE_DIR}/tools/compat/gcx-run" "${PROJECT_BINARY_DIR}/compat/gcx-run" COPYONLY)

# In a folder of their own: nothing uses them unasked.
if(GCX_INSTALL)
    set(gcx_compat_dir "${CMAKE_INSTALL_LIBDIR}/gcx-boehm")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/gcx-boehm" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    # gcx::boehm and gcx::boehm_cpp of find_package, beside the library's own targets.
    set_target_properties(gcx_compat PROPERTIES EXPORT_NAME boehm)
    install(TARGETS gcx_compat EXPORT gcxTargets LIBRARY DESTINATION "${gcx_compat_dir}")
    if(TARGET gcx_compat_cpp)
        set_target_properties(gcx_compat_cpp PROPERTIES EXPORT_NAME boehm_cpp)
        install(TARGETS gcx_compat_cpp EXPORT gcxTargets LIBRARY DESTINATION "${gcx_compat_dir}")
        install(TARGETS gcx_compat_tba LIBRARY DESTINATION "${gcx_compat_dir}")
    endif()
    install(PROGRAMS "${PROJECT_SOURCE_DIR}/tools/compat/gcx-run" DESTINATION "${CMAKE_INSTALL_BINDIR}")
    configure_file("${PROJECT_SOURCE_DIR}/tools/cmake/bdw-gc.pc.in" "${PROJECT_BINARY_DIR}/compat/bdw-gc.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/compat/bdw-gc.pc" DESTINATION "${gcx_compat_dir}/pkgconfig")
endif()
