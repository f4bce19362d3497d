#!/usr/bin/env bash
# Builds the library and its clients as others build theirs: as C and as C++,
# with -fvisibility=hidden, link-time optimisation, AddressSanitizer, the signal
# wrappers, and for musl.
# Usage: link.sh CMAKE SOURCE CC GENERATOR
set -euo pipefail

cmake=$1 source=$2 generator=$4
export CC=$3
case $CC in
    *clang*) cxx=${CC/clang/clang++} ;;
    *) cxx=${CC/%gcc/g++} && cxx=${cxx/%\/cc//c++} ;;
esac
here=$source/tests/install
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
warnings="-Wall -Wextra -Werror"
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0

# Builds and installs the library: name, compiler flags, cmake options.
library() {
    local dir=$tmp/$1
    { "$cmake" -G "$generator" -S "$source" -B "$dir/build" -DCMAKE_INSTALL_PREFIX="$dir" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_C_FLAGS="$2" -DGCX_BUILD_TESTS=OFF -DGCX_BUILD_BENCH=OFF \
        -DGCX_BUILD_EXAMPLES=OFF -DGCX_INSTALL=ON "${@:3}" && "$cmake" --build "$dir/build" -j 2 --target install; } \
        >"$dir.log" 2>&1 || { cat "$dir.log"; exit 1; }
}

run() {
    echo "-- $1"
    local out
    out=$("${@:2}") || { echo "failed with status $?: $out"; exit 1; }
    grep -qx 'gcx [0-9.]* works' <<<"$out"
}

# Builds and runs the client with both libraries: what, library, compiler, flags.
both() {
    local what=$1 dir=$tmp/$2 compiler=$3 flags=$4
    # shellcheck disable=SC2086
    "$compiler" $warnings $flags -I"$dir/include" "${app[@]}" "$dir/lib/libgcx.a" -lpthread -ldl -o "$tmp/static"
    run "$what, static" "$tmp/static"
    # shellcheck disable=SC2086
    "$compiler" $warnings $flags -I"$dir/include" "${app[@]}" "$dir/lib/libgcx.a" -lpthread -ldl $wrap -o "$tmp/wrapped"
    run "$what, static with wrapped calls" "$tmp/wrapped"
    # shellcheck disable=SC2086
    "$compiler" $warnings $flags -I"$dir/include" "${app[@]}" -L"$dir/lib" -lgcx -lpthread -o "$tmp/shared"
    run "$what, shared" env LD_LIBRARY_PATH="$dir/lib" "$tmp/shared"
    run "$what, shared, GCX_DIRTY=mprotect" env GCX_DIRTY=mprotect LD_LIBRARY_PATH="$dir/lib" "$tmp/shared"
    run "$what, wrapped, GCX_DIRTY=mprotect" env GCX_DIRTY=mprotect "$tmp/wrapped"
}

library plain ""
wrap=$(PKG_CONFIG_PATH=$tmp/plain/lib/pkgconfig pkg-config --variable=wrap gcx)
test -n "$wrap"

app=("$here/app_full.c")
both "C" plain "$CC" "-O2"
both "C, -fvisibility=hidden" plain "$CC" "-O2 -fvisibility=hidden"
both "C, unoptimised" plain "$CC" "-O0"
both "C, AddressSanitizer" plain "$CC" "-O1 -g -fsanitize=address"
if command -v "$cxx" >/dev/null; then
    app=(-x c++ "$here/app_full.c" -x none)
    both "C++" plain "$cxx" "-O2"
    app=("$here/unwind.cpp")
    both "C++ exceptions" plain "$cxx" "-O2"
fi

app=("$here/app_full.c")
library lto "-flto" -DCMAKE_AR="$(command -v "$("$CC" --version | grep -q clang && echo llvm-ar-14 || echo gcc-ar)")" \
    -DCMAKE_RANLIB="$(command -v "$("$CC" --version | grep -q clang && echo llvm-ranlib-14 || echo gcc-ranlib)")"
both "C, link-time optimisation" lto "$CC" "-O2 -flto -w"

# musl-gcc has its own specs and no kernel headers.
if command -v musl-gcc >/dev/null; then
    mkdir -p "$tmp/kernel"
    for dir in linux asm-generic; do ln -s "/usr/include/$dir" "$tmp/kernel/$dir"; done
    ln -s "/usr/include/$(uname -m)-linux-gnu/asm" "$tmp/kernel/asm"
    CC=musl-gcc library musl "-isystem $tmp/kernel"
    app=("$here/app_full.c")
    musl-gcc $warnings -O2 -I"$tmp/musl/include" "${app[@]}" "$tmp/musl/lib/libgcx.a" -o "$tmp/musl_dynamic"
    run "musl" "$tmp/musl_dynamic"
    musl-gcc $warnings -static -O2 -I"$tmp/musl/include" "${app[@]}" "$tmp/musl/lib/libgcx.a" -o "$tmp/musl_static"
    run "musl, static program" "$tmp/musl_static"
    # shellcheck disable=SC2086
    musl-gcc $warnings -static -O2 -I"$tmp/musl/include" "${app[@]}" "$tmp/musl/lib/libgcx.a" $wrap -o "$tmp/musl_wrapped"
    run "musl, static program with wrapped calls" "$tmp/musl_wrapped"
    musl-gcc $warnings -O2 -I"$tmp/musl/include" "${app[@]}" -L"$tmp/musl/lib" -lgcx -o "$tmp/musl_shared"
    run "musl, shared" env LD_LIBRARY_PATH="$tmp/musl/lib" "$tmp/musl_shared"
fi
echo "every way to build works"
