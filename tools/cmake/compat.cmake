# libgc.so.1, in compat/ of the build folder: the static library, whole, and
# src/compat. The Boehm headers have a folder gc/ too, and so has src/: quoted
# includes are ours.

file(GLOB gcx_compat_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/compat/*.c")
add_library(gcx_compat SHARED ${gcx_compat_sources})
target_include_directories(gcx_compat
    PUBLIC
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include/gcx-boehm>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/gcx-boehm>"
    PRIVATE "${PROJECT_SOURCE_DIR}/include")
target_compile_options(gcx_compat PRIVATE -iquote "${PROJECT_SOURCE_DIR}/src")
target_compile_definitions(gcx_compat PRIVATE ${gcx_definitions} GCXI_SHARED=0)
target_link_libraries(gcx_compat
    PRIVATE -Wl,--whole-archive "$<TARGET_FILE:gcx_static>" -Wl,--no-whole-archive
    PUBLIC Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(gcx_compat PRIVATE
    "-Wl,--dynamic-list=${PROJECT_SOURCE_DIR}/tools/compat/data.list" "-Wl,-z,nodelete")
add_dependencies(gcx_compat gcx_static)
set_target_properties(gcx_compat PROPERTIES
    OUTPUT_NAME gc VERSION 1.5.1 SOVERSION 1 C_VISIBILITY_PRESET hidden
    LINK_DEPENDS "${PROJECT_SOURCE_DIR}/tools/compat/data.list;$<TARGET_FILE:gcx_static>"
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/compat")
