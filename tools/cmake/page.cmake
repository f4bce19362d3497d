# Makes a C file of the page's three files: cmake -DPAGE=dir -DOUT=file -P page.cmake
set(text "/* Made by tools/cmake/page.cmake. */\n#include \"diag/telemetry/server_page.h\"\n")
foreach(kind html css js)
    file(READ "${PAGE}/page.${kind}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(.{80})" "\\1\n" bytes "${bytes}")
    string(APPEND text "const unsigned char gcxi_page_${kind}[] = {\n${bytes}0};\n"
        "const size_t gcxi_page_${kind}_bytes = sizeof gcxi_page_${kind} - 1;\n")
endforeach()
file(WRITE "${OUT}" "${text}")
